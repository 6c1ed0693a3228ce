"""Steer a simulator from Python: one method per verb of the control door, over the standard library's HTTP.

Works against any simulator, in this process or another. Amounts are fen, times milliseconds UTC. The verbs are
described in docs/reference/simulator.md, "The control door".
"""

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from hongbao.errors import BadInput, HongbaoError
from hongbao.simulator.views import (
    ClockView,
    FaultView,
    Finding,
    Json,
    MerchantView,
    PacketView,
    PersonView,
    RequestView,
    ShareView,
    VerdictView,
)

_TIMEOUT_SECONDS = 60
_MS_PER_SECOND = 1000


class ControlError(HongbaoError):
    """The control door could not be reached, or answered something that is not its JSON."""


class ControlClient:
    """Talks to one simulator's control door. May be used from several threads at once."""

    def __init__(self, url: str) -> None:
        """Use the door at `url`, such as ``http://127.0.0.1:18080``."""
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise BadInput(
                field="url", fault=f"{url!r} is not an http address", remedy="give the control address printed"
            )
        self.url = url
        self._host = parts.hostname
        self._port = parts.port or 80

    # Merchants and people

    def merchants(self) -> list[MerchantView]:
        """Show all merchants, without their keys."""
        return [MerchantView(**merchant) for merchant in self._ask("GET", "/merchants")["merchants"]]

    def merchant(self, mch_id: str) -> MerchantView:
        """Show one merchant, without its keys."""
        return MerchantView(**self._ask("GET", _path("merchants", mch_id)))

    def add_merchant(
        self, mch_id: str, *, api_key: str, balance_fen: int = 0, settings: Mapping[str, Json] | None = None
    ) -> MerchantView:
        """Open a merchant; `certificates` makes its files."""
        return MerchantView(
            **self._ask(
                "POST",
                "/merchants",
                mch_id=mch_id,
                api_key=api_key,
                balance_fen=balance_fen,
                settings=dict(settings or {}),
            )
        )

    def change_merchant(self, mch_id: str, **settings: Json) -> MerchantView:
        """Change settings of a merchant by name."""
        return MerchantView(**self._ask("PATCH", _path("merchants", mch_id), settings=settings))

    def top_up(self, mch_id: str, fen: int) -> MerchantView:
        """Add money to a merchant's balance."""
        return MerchantView(**self._ask("POST", _path("merchants", mch_id, "top-up"), fen=fen))

    def bind_account(self, mch_id: str, appid: str, *, kind: str = "official") -> MerchantView:
        """Bind an appid to a merchant. `kind`: official, mini, app or corp."""
        return MerchantView(**self._ask("POST", _path("merchants", mch_id, "accounts"), appid=appid, kind=kind))

    def certificates(self, mch_id: str, flaw: str | None = None) -> dict[str, Path]:
        """Return the files ``certificate``, ``key`` and ``p12`` of a merchant, made when missing.

        `flaw` makes a pair that must be refused: self-signed, other-ca or expired. The paths are the simulator's:
        they can be opened where it runs.
        """
        parts = ("certificates",) if flaw is None else ("certificates", flaw)
        files = self._ask("POST", _path("merchants", mch_id, *parts))
        return {name: Path(path) for name, path in files.items()}

    def people(self, *, limit: int = 100, offset: int = 0) -> list[PersonView]:
        """Show people in the order they became known."""
        return [PersonView(**person) for person in self._ask("GET", "/people", limit=limit, offset=offset)["people"]]

    def add_person(self, openid: str, *, appid: str, flagged: bool = False) -> PersonView:
        """Make a person known under one appid."""
        return PersonView(**self._ask("POST", "/people", openid=openid, appid=appid, flagged=flagged))

    def change_person(self, openid: str, *, flagged: bool) -> PersonView:
        """Flag a person for risk control, or clear the flag."""
        return PersonView(**self._ask("PATCH", _path("people", openid), flagged=flagged))

    # Packets

    def packets(
        self, *, mch_id: str | None = None, status: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[PacketView]:
        """Show packets, oldest first."""
        answer = self._ask("GET", "/packets", mch_id=mch_id, status=status, limit=limit, offset=offset)
        return [_packet(packet) for packet in answer["packets"]]

    def packet(self, mch_id: str, number: str) -> PacketView:
        """Show one packet."""
        return _packet(self._ask("GET", _path("packets", mch_id, number)))

    def open_packet(self, mch_id: str, number: str, openid: str | None = None) -> PacketView:
        """Let the recipient open a packet (of a group: the seed user takes the first share)."""
        return _packet(self._ask("POST", _path("packets", mch_id, number, "open"), openid=openid))

    def take_share(self, mch_id: str, number: str, openid: str) -> PacketView:
        """Let one more person take a share of a group packet."""
        return _packet(self._ask("POST", _path("packets", mch_id, number, "shares"), openid=openid))

    def bind_ticket(self, ticket: str, openid: str) -> PacketView:
        """Let a person draw a pre-order's ticket."""
        return _packet(self._ask("POST", "/tickets/bind", ticket=ticket, openid=openid))

    # Requests

    def requests(
        self, *, mch_id: str | None = None, order: str | None = None, after: int = 0, limit: int = 100
    ) -> list[RequestView]:
        """Show arrivals with journal numbers above `after`, oldest first, without bodies."""
        answer = self._ask("GET", "/requests", mch_id=mch_id, order=order, after=after, limit=limit)
        return [_request(request) for request in answer["requests"]]

    def every_request(self, *, mch_id: str | None = None, order: str | None = None) -> Iterator[RequestView]:
        """Walk through all arrivals that the journal still holds, page by page."""
        after = 0
        while page := self.requests(mch_id=mch_id, order=order, after=after, limit=1000):
            yield from page
            after = page[-1].number

    def request(self, number: int) -> RequestView:
        """Show one arrival with its masked bodies."""
        return _request(self._ask("GET", _path("requests", str(number))))

    def arrivals(self, mch_id: str, order: str, *, path: str | None = None) -> int:
        """Count the arrivals that named an order number, on one path or on all."""
        return cast(int, self._ask("GET", _path("arrivals", mch_id, order), path=path)["arrivals"])

    # Clock

    def clock(self) -> ClockView:
        """Show the clock."""
        return ClockView(**self._ask("GET", "/clock"))

    def run(self, speed: int = 1) -> ClockView:
        """Let time pass, `speed` times as fast as real time."""
        return ClockView(**self._ask("POST", "/clock/run", speed=speed))

    def stop(self) -> ClockView:
        """Let the clock stand still until it runs or jumps."""
        return ClockView(**self._ask("POST", "/clock/stop"))

    def jump(self, *, days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0, ms: int = 0) -> ClockView:
        """Jump ahead; everything due on the way happens, in order and each at its own time."""
        whole_seconds = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return ClockView(**self._ask("POST", "/clock/jump", by_ms=whole_seconds * _MS_PER_SECOND + ms))

    def jump_to(self, time_ms: int) -> ClockView:
        """Jump to a time that has not yet been, in milliseconds since the Unix epoch, UTC."""
        return ClockView(**self._ask("POST", "/clock/jump", to_ms=time_ms))

    # Faults

    def add_fault(
        self,
        kind: str,
        *,
        path: str | None = None,
        mch_id: str | None = None,
        openid: str | None = None,
        number: str | None = None,
        share: float = 1.0,
        count: int | None = None,
        after: int = 0,
        wait_ms: int = 0,
        status: int = 502,
        effect: bool | None = None,
        echo: bool | None = None,
        code: str = "",
        text: str = "",
    ) -> FaultView:
        """Make matching calls go wrong: the kinds are listed in docs/reference/simulator.md, "Faults"."""
        return FaultView(
            **self._ask(
                "POST",
                "/faults",
                kind=kind,
                path=path,
                mch_id=mch_id,
                openid=openid,
                number=number,
                share=share,
                count=count,
                after=after,
                wait_ms=wait_ms,
                status=status,
                effect=effect,
                echo=echo,
                code=code,
                text=text,
            )
        )

    def faults(self) -> list[FaultView]:
        """Show all fault rules."""
        return [FaultView(**fault) for fault in self._ask("GET", "/faults")["faults"]]

    def clear_faults(self, fault_id: int | None = None) -> list[FaultView]:
        """Remove one fault rule, or all; return what is left."""
        route = "/faults" if fault_id is None else _path("faults", str(fault_id))
        return [FaultView(**fault) for fault in self._ask("DELETE", route)["faults"]]

    # The world

    def rules(self) -> dict[str, Json]:
        """Show every rule in force, by name."""
        return self._ask("GET", "/rules")

    def change_rules(self, **changes: Json) -> dict[str, Json]:
        """Override rules by name."""
        return self._ask("PATCH", "/rules", changes=changes)

    def state(self) -> dict[str, Json]:
        """Show clock, merchants, faults and rules in one answer, as JSON."""
        return self._ask("GET", "/state")

    def reset(self, *, seed: int | None = None, merchants: bool = True) -> None:
        """Forget packets, people, requests and faults; `merchants=False` forgets the merchants too."""
        self._ask("POST", "/reset", seed=seed, merchants=merchants)

    def audit(self) -> list[Finding]:
        """Add the books up again from nothing; an empty list is good news."""
        return [Finding(**finding) for finding in self._ask("GET", "/audit")["findings"]]

    def _ask(self, method: str, route: str, /, **fields: object) -> dict[str, Any]:
        given = {name: value for name, value in fields.items() if value is not None}
        body = None
        if method == "GET" and given:
            route = f"{route}?{urlencode(given)}"
        elif given:
            body = json.dumps(given).encode()
        connection = HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, route, body, {"Content-Type": "application/json"} if body else {})
            reply = connection.getresponse()
            text = reply.read()
        except (OSError, HTTPException) as error:
            raise ControlError(f"no simulator answers at {self.url}: {error}") from error
        finally:
            connection.close()
        try:
            answer = json.loads(text)
        except ValueError:
            raise ControlError(f"{self.url} answered {reply.status} without JSON") from None
        if reply.status >= 500:
            raise ControlError(f"{self.url} broke over {method} {route}; its log has the trace")
        if reply.status >= 400:
            raise BadInput(**answer["error"])
        return cast("dict[str, Any]", answer)


def _path(*parts: str) -> str:
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _packet(fields: dict[str, Any]) -> PacketView:
    fields["shares"] = tuple(ShareView(**share) for share in fields["shares"])
    return PacketView(**fields)


def _request(fields: dict[str, Any]) -> RequestView:
    fields["verdicts"] = tuple(VerdictView(**verdict) for verdict in fields["verdicts"])
    fields["faults"] = tuple(fields["faults"])
    return RequestView(**fields)
