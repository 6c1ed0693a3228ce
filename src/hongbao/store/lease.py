"""Due grants go to a lane: each with its slot, and its places under the caps of that slot's day.

With the merchant's row held nobody else leases for it or frees a place, so what is read here stays true to the commit.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hongbao.engine.ports import BrakeState, Lease, Leased, Merchant, Pacing
from hongbao.ids import MerchantId
from hongbao.ledger.grant import Event, State, step
from hongbao.payout.pacing import beijing_day, next_day_ms
from hongbao.store.posting import Posting
from hongbao.store.rows import grant_of, merchant_of, pace_text
from hongbao.store.session import Row, Session

SAME_NUMBER_PAUSE_MS = 1_000
"""WeChat asks for this much between two tries of one number. docs/reference/limits.md"""

DAY_FULL = "this person has had the day's packets; waits for the next day"
"""Shown with a grant that was postponed."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One lane's wish; as `ports.Store.lease`."""

    merchant: MerchantId
    token: str
    count: int
    lease_ms: int
    pacing: Pacing


def lease(session: Session, asks: Sequence[Ask]) -> list[Lease]:
    """Give grants to the lanes that ask. The statements are as many for one lane as for all."""
    session.hold(sorted({ask.merchant for ask in asks}), ())
    leases: dict[int, Lease] = {}
    rest = list(enumerate(asks))
    while rest:
        # Two lanes of one merchant: what the second gets hangs on what the first took.
        turn: dict[MerchantId, tuple[int, Ask]] = {}
        for place, ask in rest:
            turn.setdefault(ask.merchant, (place, ask))
        rest = [(place, ask) for place, ask in rest if turn[ask.merchant][0] != place]
        given = _turn(session, [ask for _, ask in turn.values()])
        leases.update((place, each) for (place, _), each in zip(turn.values(), given, strict=True))
    return [leases[place] for place in range(len(asks))]


@dataclass(slots=True)
class _Lane:
    """One lane while its lease is made.

    Attributes:
        slots: when it may send.
        due: what it may send, in that order.
        more: whether there is more than that.
    """

    ask: Ask
    merchant: Merchant
    turn: int
    slots: Sequence[int] = ()
    due: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    more: bool = False

    @property
    def probe(self) -> bool:
        return self.merchant.brake.state is BrakeState.HELD


def _turn(session: Session, asks: Sequence[Ask]) -> list[Lease]:
    """Make a lease for each of several merchants."""
    rows = {row["mch_id"]: row for row in session.rows("merchants", merchants=[ask.merchant for ask in asks])}
    lanes = [_Lane(ask, merchant_of(rows[ask.merchant]), rows[ask.merchant]["lease_round"]) for ask in asks]
    now_ms = session.now_ms()
    # A lease whose commit was not answered is asked for again under its token.
    again: defaultdict[str, list[Row]] = defaultdict(list)
    keys = [{"mch_id": ask.merchant, "token": ask.token} for ask in asks]
    for row in session.matching("leased_grants", ("mch_id", "token"), keys):
        again[row["lease_token"]].append(row)
    asking: list[_Lane] = []
    for lane in lanes:
        brake = lane.merchant.brake
        stands = brake.state is BrakeState.STOPPED or (
            lane.probe and (brake.probe_ms is None or brake.probe_ms > now_ms)
        )
        if not stands and lane.ask.token not in again:
            lane.slots = lane.ask.pacing.slots(lane.merchant, now_ms, 1 if lane.probe else lane.ask.count)
            if lane.slots:
                asking.append(lane)
    _find_due(session, asking, now_ms)
    given = _give(session, [lane for lane in asking if lane.due], now_ms)
    return [
        given.get(lane.ask.merchant)
        or _lease(now_ms, lane.merchant, [_leased(row, row["slot_ms"], lane.probe) for row in again[lane.ask.token]])
        for lane in lanes
    ]


def _find_due(session: Session, lanes: Sequence[_Lane], now_ms: int) -> None:
    """Find up to as many due grants as each lane has slots, fairly from all campaigns of its merchant.

    A campaign of a million rows must not hold up one whose people stand and wait: each gets an equal share, and the
    one that begins changes with every lease.
    """
    if not lanes:
        return
    heads: defaultdict[str, list[Row]] = defaultdict(list)
    asking = [{"mch_id": lane.ask.merchant} for lane in lanes]
    for row in session.matching("due_campaigns", ("mch_id",), asking, now_ms=now_ms):
        heads[row["mch_id"]].append(row)
    asked: dict[int, int] = {}
    for lane in lanes:
        mine = sorted(heads[lane.ask.merchant], key=lambda head: head["id"])
        if lane.probe:
            mine = sorted(mine, key=lambda head: head["due_ms"])[:1]
        if mine:
            count = len(lane.slots)
            start = lane.turn % len(mine)
            lane.more = len(mine) > count
            chosen = [*mine[start:], *mine[:start]][:count]
            heads[lane.ask.merchant] = chosen
            asked.update((head["id"], -(-count // len(chosen))) for head in chosen)
        else:
            heads[lane.ask.merchant] = []
    found = _due_grants(session, asked, now_ms)
    further: dict[int, int] = {}
    for lane in lanes:
        mine = [head["id"] for head in heads[lane.ask.merchant]]
        missing = len(lane.slots) - sum(len(found[campaign]) for campaign in mine)
        for campaign in mine:
            if missing > 0 and len(mine) > 1 and len(found[campaign]) == asked[campaign]:
                further[campaign] = asked[campaign] + missing
    found.update(_due_grants(session, further, now_ms))
    for lane in lanes:
        lane.due = _share(lane, heads[lane.ask.merchant], found, asked)
        lane.more = lane.more or len(lane.due) >= len(lane.slots)


def _share(
    lane: _Lane, heads: Sequence[Row], found: Mapping[int, list[dict[str, Any]]], asked: Mapping[int, int]
) -> list[dict[str, Any]]:
    """Take each campaign's share, then fill up from the first that have more."""
    grants = [row for head in heads for row in found[head["id"]][: asked[head["id"]]]]
    for head in heads:
        missing = len(lane.slots) - len(grants)
        if missing <= 0:
            break
        grants += found[head["id"]][asked[head["id"]] :][:missing]
    return sorted(grants, key=lambda row: (row["due_ms"], row["id"]))


def _due_grants(session: Session, asked: Mapping[int, int], now_ms: int) -> defaultdict[int, list[dict[str, Any]]]:
    """Return so many due grants of each campaign."""
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    if asked:
        keys = [{"campaign_id": campaign, "count": count} for campaign, count in sorted(asked.items())]
        for row in session.matching("due_grants", ("campaign_id", "count"), keys, now_ms=now_ms):
            found[row["campaign_id"]].append(dict(row))
    return found


def _give(session: Session, lanes: Sequence[_Lane], now_ms: int) -> dict[MerchantId, Lease]:
    """Match grants to slots; write what was given, moved and found too old."""
    if not lanes:
        return {}
    batch = _Batch(session, lanes, now_ms)
    leases = {lane.ask.merchant: batch.give(lane) for lane in lanes}
    batch.write(session)
    return leases


class _Batch:
    """The rows of one transaction while leases are made."""

    def __init__(self, session: Session, lanes: Sequence[_Lane], now_ms: int) -> None:
        self._now_ms = now_ms
        self._posting = Posting()
        self._given: list[tuple[dict[str, Any], int]] = []
        self._moved: list[dict[str, Any]] = []
        self._paces: list[Row] = []
        people: list[Row] = []
        merchants: list[Row] = []
        for lane in lanes:
            for day in sorted({beijing_day(slot) for slot in lane.slots}):
                who = {"mch_id": lane.ask.merchant, "day": day}
                merchants.append(who)
                people += [{"person_id": person, **who} for person in sorted({row["person_id"] for row in lane.due})]
        self._had: dict[tuple[int, str, int], tuple[int, int, bool]] = {
            (row["person_id"], row["mch_id"], row["day"]): (row["packets"], row["fen"], bool(row["is_full"]))
            for row in session.matching("person_days", ("person_id", "mch_id", "day"), people)
        }
        self._sent: defaultdict[tuple[str, int], int] = defaultdict(int)
        for row in session.matching("merchant_days", ("mch_id", "day"), merchants):
            self._sent[row["mch_id"], row["day"]] = row["fen"]

    def give(self, lane: _Lane) -> Lease:
        """Make one lane's lease."""
        mch_id, merchant, pacing = lane.ask.merchant, lane.merchant, lane.ask.pacing
        now_ms, caps, slots, more = self._now_ms, pacing.caps(merchant), lane.slots, lane.more
        given: list[tuple[dict[str, Any], int]] = []
        postponed = too_late = 0
        wait_ms: int | None = None
        for row in lane.due:
            if len(given) == len(slots):
                more = True
                break
            slot_ms = slots[len(given)]
            day, fen, old = beijing_day(slot_ms), row["fen"], State(row["state"])
            if row["first_try_ms"] is not None and slot_ms - row["first_try_ms"] > caps.reentry_ms:
                new = step(old, Event.TOO_LATE) or old
                row.update(state=new.value, due_ms=None, look_ms=now_ms)
                self._posting.count(row["campaign_id"], old.value, new.value, fen)
                self._moved.append(row)
                too_late += 1
                continue
            if row["last_try_ms"] is not None and slot_ms < row["last_try_ms"] + SAME_NUMBER_PAUSE_MS:
                row["due_ms"] = row["last_try_ms"] + SAME_NUMBER_PAUSE_MS
                self._moved.append(row)
                continue
            has_place = row["place"] == day
            if not has_place and self._sent[mch_id, day] + fen > caps.merchant_fen:
                wait_ms = next_day_ms(slot_ms)
                break
            packets, fen_had, full = self._had.get((row["person_id"], mch_id, day), (0, 0, False))
            if full or (not has_place and (packets + 1 > caps.person_packets or fen_had + fen > caps.person_fen)):
                row.update(due_ms=next_day_ms(slot_ms), hold_reason=DAY_FULL)
                self._moved.append(row)
                postponed += 1
                continue
            if not has_place:
                if row["place"] is not None:
                    self._posting.place(row["person_id"], mch_id, row["place"], fen, -1)
                self._posting.place(row["person_id"], mch_id, day, fen, 1)
                self._had[row["person_id"], mch_id, day] = (packets + 1, fen_had + fen, full)
                self._sent[mch_id, day] += fen
            new = step(old, Event.LEASED)
            if new is None:
                raise AssertionError(f"a grant that is {old} was due")
            row.update(
                state=new.value,
                due_ms=None,
                look_ms=None,
                attempts=row["attempts"] + 1,
                first_try_ms=slot_ms if row["first_try_ms"] is None else row["first_try_ms"],
                last_try_ms=slot_ms,
                place=day,
                lease_token=lane.ask.token,
                lease_until_ms=max(now_ms, slot_ms) + lane.ask.lease_ms,
                hold_reason="",
            )
            self._posting.count(row["campaign_id"], old.value, new.value, fen)
            given.append((row, slot_ms))
        if given:
            self._given += given
            probe_ms = pacing.next_probe_ms(merchant, now_ms) if lane.probe else merchant.brake.probe_ms
            pace = pace_text(pacing.after(merchant, now_ms, len(given)))
            self._paces.append({"mch_id": mch_id, "pace": pace, "probe_ms": probe_ms})
        return _lease(
            now_ms,
            merchant,
            [_leased(row, slot_ms, lane.probe) for row, slot_ms in given],
            postponed=postponed,
            too_late=too_late,
            wait_ms=wait_ms,
            more=more,
        )

    def write(self, session: Session) -> None:
        """Write it all."""
        session.each("keep_grants", [*self._moved, *(row for row, _ in self._given)])
        session.each("open_attempts", [_attempt(row, slot_ms, self._now_ms) for row, slot_ms in self._given])
        self._posting.write(session)
        session.each("keep_paces", self._paces)


def _attempt(row: Mapping[str, Any], slot_ms: int, now_ms: int) -> Row:
    return {
        "grant_id": row["id"],
        "mch_id": row["mch_id"],
        "campaign_id": row["campaign_id"],
        "kind": "send",
        "serial": row["attempts"],
        "number": row["number"],
        "lease_token": row["lease_token"],
        "lease_until_ms": row["lease_until_ms"],
        "opened_ms": now_ms,
        "slot_ms": slot_ms,
    }


def _leased(row: Row, slot_ms: int, probe: bool) -> Leased:
    return Leased(
        grant=grant_of(row),
        serial=row["attempts"],
        token=row["lease_token"],
        slot_ms=slot_ms,
        until_ms=row["lease_until_ms"],
        probe=probe,
    )


def _lease(
    now_ms: int,
    merchant: Merchant,
    grants: Sequence[Leased],
    *,
    postponed: int = 0,
    too_late: int = 0,
    wait_ms: int | None = None,
    more: bool = False,
) -> Lease:
    return Lease(
        now_ms=now_ms,
        merchant=merchant,
        grants=tuple(grants),
        postponed=postponed,
        too_late=too_late,
        wait_ms=wait_ms,
        more=more,
    )
