"""Every arrival and what became of it: the simulator's own witness of what a client did."""

import re
from collections import deque
from dataclasses import dataclass, field

from hongbao.ids import masked
from hongbao.simulator.views import RequestView, VerdictView

ENTRIES_MAX = 100_000
"""How many arrivals are remembered."""

BODIES_MAX = 2_000
"""How many of them with their bodies."""

CHECKS = (
    "transport", "certificate", "xml", "fields", "merchant", "certificate belongs", "sign", "permission", "appid",
    "amount", "order", "rate", "created", "limits", "risk", "balance", "answered",
)  # fmt: skip
"""The checks in their order (docs/reference/simulator.md, "Order of checks")."""

_QUERY_SKIPS = frozenset({"amount", "created", "limits", "risk", "balance"})
_SECRET = re.compile(r"(<(?P<name>sign|workwx_sign|sp_ticket|package)>).*?(</(?P=name)>)", re.DOTALL)
_OPENID = re.compile(r"(<(?P<name>re_openid|openid)>(?:<!\[CDATA\[)?)(.*?)((?:\]\]>)?</(?P=name)>)", re.DOTALL)


@dataclass(slots=True)
class Entry:
    """One arrival. `stopped` names the check that decided the answer; `ended` says how."""

    number: int
    time_ms: int
    method: str
    path: str
    address: str
    mch_id: str = ""
    order: str = ""
    openid: str = field(default="", repr=False)
    attempt: int = 0
    status: int = 200
    err_code: str = ""
    faults: tuple[str, ...] = ()
    stopped: str = "answered"
    ended: str = "passed"
    note: str = ""
    query: bool = False

    def stop(self, check: str, ended: str, note: str = "") -> None:
        """Record which check decided, and how."""
        self.stopped = check
        self.ended = ended
        self.note = note

    def view(self, request: str | None = None, response: str | None = None) -> RequestView:
        """Return the entry with a verdict per check."""
        verdicts: list[VerdictView] = []
        verdict = "passed"
        for check in CHECKS:
            if check == self.stopped:
                verdicts.append(VerdictView(check, self.ended, self.note))
                verdict = "not reached"
            elif self.query and check in _QUERY_SKIPS:
                verdicts.append(VerdictView(check, "skipped", ""))
            else:
                verdicts.append(VerdictView(check, verdict, ""))
        return RequestView(
            number=self.number,
            time_ms=self.time_ms,
            method=self.method,
            path=self.path,
            address=self.address,
            mch_id=self.mch_id,
            order=self.order,
            openid=masked(self.openid) if self.openid else "",
            attempt=self.attempt,
            status=self.status,
            err_code=self.err_code,
            faults=self.faults,
            verdicts=tuple(verdicts),
            request=request,
            response=response,
        )


class Journal:
    """The last arrivals, and how many there were for each order number."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._bodies: deque[tuple[int, bytes, bytes]] = deque(maxlen=BODIES_MAX)
        self._arrivals: dict[tuple[str, str, str], int] = {}
        self._last = 0

    def open(self, time_ms: int, method: str, path: str, address: str) -> Entry:
        """Start the entry of an arrival."""
        self._last += 1
        entry = Entry(self._last, time_ms, method, path, address)
        self._entries.append(entry)
        return entry

    def name(self, entry: Entry, mch_id: str, order: str, openid: str) -> None:
        """Record whom and what the arrival is about, and which attempt it is."""
        entry.mch_id = mch_id
        entry.order = order
        entry.openid = openid
        if order:
            key = (mch_id, order, entry.path)
            entry.attempt = self._arrivals[key] = self._arrivals.get(key, 0) + 1

    def keep_bodies(self, entry: Entry, request: bytes, response: bytes) -> None:
        """Remember the bodies for a while."""
        self._bodies.append((entry.number, request, response))

    def arrivals(self, mch_id: str, order: str, paths: tuple[str, ...]) -> int:
        """Count arrivals that named an order number on these paths."""
        return sum(self._arrivals.get((mch_id, order, path), 0) for path in paths)

    def views(self, *, mch_id: str | None, order: str | None, after: int, limit: int) -> list[RequestView]:
        """Return the entries above number `after`, oldest first."""
        found: list[RequestView] = []
        for entry in self._entries:
            if entry.number <= after:
                continue
            if (mch_id is None or entry.mch_id == mch_id) and (order is None or entry.order == order):
                found.append(entry.view())
                if len(found) == limit:
                    break
        return found

    def view(self, number: int) -> RequestView | None:
        """Return one entry with its masked bodies, or None when it is unknown or forgotten."""
        entry = next((entry for entry in self._entries if entry.number == number), None)
        if entry is None:
            return None
        for kept, request, response in self._bodies:
            if kept == number:
                return entry.view(_shown(request), _shown(response))
        return entry.view()


def _shown(body: bytes) -> str:
    text = _SECRET.sub(r"\1…\3", body.decode("utf-8", "replace"))
    return _OPENID.sub(lambda match: match[1] + masked(match[3]) + match[4], text)
