"""Every arrival and what became of it: the simulator's own witness of what a client did."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hongbao.ids import masked
from hongbao.simulator.views import RequestView, VerdictView

ENTRIES_MAX = 100_000
"""How many arrivals are remembered."""

BODIES_MAX = 2_000
"""How many of them with their bodies."""

BODY_BYTES_MAX = 4_096
"""How much of a body is kept: real ones are shorter."""

NAME_BYTES_MAX = 64
"""Longer order numbers, mch_ids and openids are not recorded: there are none."""

PATH_CHARS_MAX = 256
NOTE_CHARS_MAX = 500

STRAYS_MAX = 100_000
"""How many numbers are counted that name no order. Those of orders are counted as long as the orders are kept."""

CHECKS = (
    "transport", "certificate", "xml", "fields", "merchant", "certificate belongs", "sign", "permission", "appid",
    "amount", "order", "rate", "created", "limits", "risk", "balance", "answered",
)  # fmt: skip
"""The checks in their order (docs/reference/simulator.md, "Order of checks")."""

_QUERY_SKIPS = frozenset({"amount", "created", "limits", "risk", "balance"})
# A body that was cut short may end within them.
_SECRET = re.compile(r"(<(?P<name>sign|workwx_sign|sp_ticket|package)(?:\s[^>]*)?>).*?(</(?P=name)\s*>|\Z)", re.DOTALL)
_OPENID = re.compile(
    r"(<(?P<name>re_openid|openid)(?:\s[^>]*)?>(?:<!\[CDATA\[)?)(.*?)((?:\]\]>)?</(?P=name)\s*>|\Z)", re.DOTALL
)


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
        self.note = note[:NOTE_CHARS_MAX]

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

    def __init__(self, is_order: Callable[[str, str], bool]) -> None:
        """Start empty. `is_order` says whether a merchant has an order of that number."""
        self._is_order = is_order
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._bodies: deque[tuple[int, bytes, bytes]] = deque(maxlen=BODIES_MAX)
        self._arrivals: dict[tuple[str, str, str], int] = {}
        # Those counted last, oldest first: whoever leaves this row is forgotten unless it has become an order.
        self._strays: deque[tuple[str, str, str]] = deque()
        self._last = 0

    def open(self, time_ms: int, method: str, path: str, address: str) -> Entry:
        """Start the entry of an arrival."""
        self._last += 1
        entry = Entry(self._last, time_ms, method, path[:PATH_CHARS_MAX], address)
        self._entries.append(entry)
        return entry

    def name(self, entry: Entry, mch_id: str, order: str, openid: str) -> None:
        """Record whom and what the arrival is about, and which attempt it is."""
        entry.mch_id = _short(mch_id)
        entry.order = _short(order)
        entry.openid = _short(openid)
        if not entry.order:
            return
        key = (entry.mch_id, entry.order, entry.path)
        entry.attempt = self._arrivals[key] = self._arrivals.get(key, 0) + 1
        if entry.attempt == 1:
            self._strays.append(key)
            if len(self._strays) > STRAYS_MAX:
                oldest = self._strays.popleft()
                if not self._is_order(*oldest[:2]):
                    del self._arrivals[oldest]

    def keep_bodies(self, entry: Entry, request: bytes, response: bytes) -> None:
        """Remember the bodies, long ones by their beginning, for a while."""
        self._bodies.append((entry.number, request[: BODY_BYTES_MAX + 1], response[: BODY_BYTES_MAX + 1]))

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
    text = _SECRET.sub(r"\1…\3", body[:BODY_BYTES_MAX].decode("utf-8", "replace"))
    text = _OPENID.sub(lambda match: match[1] + masked(match[3]) + match[4], text)
    return text if len(body) <= BODY_BYTES_MAX else text + "…"


def _short(name: str) -> str:
    return name if len(name.encode()) <= NAME_BYTES_MAX else ""
