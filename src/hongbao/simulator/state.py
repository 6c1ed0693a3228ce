"""Everything one WeChat Pay on a desk remembers, and nothing that happens to it."""

import heapq
from collections import deque
from dataclasses import dataclass, field

from hongbao.clock import beijing_time
from hongbao.errors import BadInput
from hongbao.simulator.clock import SimulatorClock
from hongbao.simulator.faults import ONE_DECIDES, FaultRule, Stage
from hongbao.simulator.fields import endpoints_under
from hongbao.simulator.journal import Journal
from hongbao.simulator.merchants import Merchant, Person
from hongbao.simulator.packets import Due, Packet
from hongbao.simulator.rules import DAY_MS, HOUR_MS, MINUTE_MS, Rules


def beijing_day(time_ms: int) -> int:
    """Return the number of the Beijing calendar day; Beijing has been UTC+8 without summer time since 1991."""
    return (time_ms + 8 * HOUR_MS) // DAY_MS


@dataclass(slots=True)
class DayCount:
    """What was sent on one Beijing day: by a merchant, or by a merchant to a person."""

    day: int = -1
    packets: int = 0
    fen: int = 0
    counted: int = 0  # of the kinds that have a daily count per merchant

    def of(self, day: int) -> "DayCount":
        """Start again when a new day has come."""
        if self.day != day:
            self.day, self.packets, self.fen, self.counted = day, 0, 0, 0
        return self


@dataclass(slots=True)
class Ties:
    """One merchant and one person: today's count, and when packets went."""

    today: DayCount = field(default_factory=DayCount)
    last_ms: int = -MINUTE_MS
    times: list[int] = field(default_factory=list[int])


class Window:
    """Calls accepted in the last minute."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        """Start empty."""
        self._times: deque[int] = deque()

    def admits(self, now_ms: int, minute_max: int | None, second_max: int | None) -> bool:
        """Say whether one more call fits into both rolling windows, and count it if so."""
        times = self._times
        start = now_ms - MINUTE_MS
        while times and times[0] <= start:
            times.popleft()
        if minute_max is not None and len(times) >= minute_max:
            return False
        if second_max is not None and (
            not second_max or (len(times) >= second_max and times[-second_max] > now_ms - 1000)
        ):
            return False
        times.append(now_ms)
        return True


class State:
    """The world's memory. Plain data and look-ups; what happens to it is in orders.py, face.py and world.py."""

    def __init__(self, rules: Rules, clock: SimulatorClock, seed: int, *, kept: bool) -> None:
        """Start empty. `kept` says whether changes are to be noted for a keep."""
        self.clock = clock
        self.seed = seed
        self.use_rules(rules)
        self.merchants: dict[str, Merchant] = {}
        self.people: dict[str, Person] = {}
        self.fault_rules: list[FaultRule] = []
        self.faults_made = 0
        self.listids_made = 0
        self.dirty: dict[tuple[str, str], object] | None = {} if kept else None
        self._day_text = (-1, "")
        self.forget_packets()

    def forget_packets(self) -> None:
        """Drop every packet, its traces and the journal."""
        self.packets: dict[tuple[str, str], Packet] = {}
        self.tickets: dict[str, Packet] = {}
        self.windows: dict[str, Window] = {}
        self.query_windows: dict[str, Window] = {}
        self.ties: dict[tuple[str, str], Ties] = {}
        self.merchant_days: dict[str, DayCount] = {}
        self.journal = Journal(self.is_order)
        self._heap: list[tuple[int, int, Packet]] = []
        self._dues_made = 0

    def use_rules(self, rules: Rules) -> None:
        """Put rules in force from the next call on."""
        self.rules = rules
        self.endpoints = endpoints_under(rules)

    def merchant(self, mch_id: str) -> Merchant:
        """Return a merchant.

        Raises:
            BadInput: there is none.
        """
        merchant = self.merchants.get(mch_id)
        if merchant is None:
            raise BadInput(field="mch_id", fault=f"no merchant {mch_id!r}", remedy="add it first")
        return merchant

    def packet(self, mch_id: str, number: str) -> Packet:
        """Return a packet.

        Raises:
            BadInput: there is none.
        """
        packet = self.packets.get((mch_id, number))
        if packet is None:
            raise BadInput(
                field="number", fault=f"{mch_id} has no order {number!r}", remedy="list packets to see what exists"
            )
        return packet

    def is_order(self, mch_id: str, number: str) -> bool:
        """Say whether a merchant has an order of that number."""
        return (mch_id, number) in self.packets

    def recipient(self, mch_id: str, number: str) -> str:
        """Return the openid an order is for, "" when there is none."""
        packet = self.packets.get((mch_id, number))
        return "" if packet is None else packet.openid

    def beijing_date(self, time_ms: int) -> str:
        """Return yyyymmdd of a time in Beijing."""
        day = beijing_day(time_ms)
        if self._day_text[0] != day:
            self._day_text = (day, f"{beijing_time(time_ms):%Y%m%d}")
        return self._day_text[1]

    def next_listid(self, mch_id: str, now_ms: int) -> str:
        """Return the next send_listid, in the form of the era (docs/reference/eras.md)."""
        self.listids_made += 1
        self.touch("world", "", self)
        date = self.beijing_date(now_ms)
        match self.rules.era:
            case "2015":
                return f"1000000000{date}{self.listids_made:010d}"
            case "2016":
                return f"00{mch_id[-8:]:0>8}{date}{self.listids_made:010d}"
            case _:
                return f"1000041701{date}30{self.listids_made:011d}"

    def schedule(self, packet: Packet, due: Due | None, due_ms: int | None) -> None:
        """Set what the packet does next of its own accord; None for nothing."""
        packet.due = due
        packet.due_ms = due_ms
        if due_ms is not None:
            self._dues_made += 1
            # A packet has one appointment; an older entry of it is recognised by its time and dropped when it comes up.
            heapq.heappush(self._heap, (due_ms, self._dues_made, packet))

    def next_due(self, now_ms: int) -> tuple[int, Packet] | None:
        """Take the earliest appointment that has come, or None."""
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            due_ms, _, packet = heapq.heappop(heap)
            if packet.due is not None and packet.due_ms == due_ms:
                return due_ms, packet
        return None

    def add_packet(self, packet: Packet) -> None:
        """Remember a packet under its number and its ticket."""
        self.packets[packet.mch_id, packet.number] = packet
        if packet.ticket:
            self.tickets[packet.ticket] = packet
        self.touch_packet(packet)

    def touch(self, kind: str, key: str, thing: object) -> None:
        """Note that something changed and must be kept."""
        if self.dirty is not None:
            self.dirty[kind, key] = thing

    def touch_packet(self, packet: Packet) -> None:
        """Note that a packet changed."""
        if self.dirty is not None:
            self.dirty["packet", f"{packet.mch_id}/{packet.number}"] = packet

    def person_tie(self, mch_id: str, openid: str) -> Ties:
        """Return what a merchant and a person have with each other."""
        tie = self.ties.get((mch_id, openid))
        if tie is None:
            tie = self.ties[mch_id, openid] = Ties()
        return tie

    def merchant_day(self, mch_id: str, day: int) -> DayCount:
        """Return what a merchant has sent on `day`."""
        count = self.merchant_days.get(mch_id)
        if count is None:
            count = self.merchant_days[mch_id] = DayCount()
        return count.of(day)

    def count_sent(self, packet: Packet, sent_ms: int) -> None:
        """Count a delivered packet for the daily limits."""
        day = beijing_day(sent_ms)
        count = self.merchant_day(packet.mch_id, day)
        count.fen += packet.fen
        if packet.kind in self.rules.packets_day_kinds:
            count.counted += 1
        if packet.openid and packet.kind != "PREORDER":
            self.count_person(packet, sent_ms)

    def count_person(self, packet: Packet, time_ms: int) -> None:
        """Count a packet for its recipient; of a group, the seed user's share."""
        tie = self.person_tie(packet.mch_id, packet.openid)
        today = tie.today.of(beijing_day(time_ms))
        today.packets += 1
        today.fen += packet.shares[0] if packet.shares else packet.fen
        tie.last_ms = max(tie.last_ms, time_ms)
        times = tie.times
        times.append(time_ms)
        while times[0] <= time_ms - self.rules.brush_ms:
            times.pop(0)

    def faults_hit(self, stage: Stage, path: str, mch_id: str, openid: str, number: str) -> list[FaultRule]:
        """Return the fault rules that strike this call at this stage, in the order they were made.

        Where one decides, those after it have not met the call.
        """
        hits: list[FaultRule] = []
        for rule in self.fault_rules:
            if rule.stage == stage:
                matched = rule.matched
                if rule.hits(self.seed, path, mch_id, openid, number):
                    hits.append(rule)
                if rule.matched != matched:
                    self.touch("fault", str(rule.id), rule)
                if hits and stage in ONE_DECIDES:
                    break
        return hits
