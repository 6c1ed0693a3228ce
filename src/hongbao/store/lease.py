"""Due grants go to a lane: each with its slot, and its places under the caps of that slot's day.

With the merchant's row held nobody else leases for it or frees a place, so what is read here stays true to the commit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hongbao.engine.ports import BrakeState, Lease, Leased, Merchant, Pacing
from hongbao.ledger.grant import Event, State, step
from hongbao.payout.pacing import beijing_day, next_day_ms
from hongbao.store.posting import Posting
from hongbao.store.rows import grant_of, merchant_of, pace_text
from hongbao.store.session import Row, Session

SAME_NUMBER_PAUSE_MS = 1_000
"""WeChat asks for this much between two tries of one number. docs/reference/limits.md"""

DAY_FULL = "this person has had the day's packets; waits for the next day"
"""Shown with a grant that was postponed."""


def lease(session: Session, mch_id: str, *, token: str, count: int, lease_ms: int, pacing: Pacing) -> Lease:
    """Give up to `count` grants to the lane that calls itself `token`."""
    session.hold([mch_id], ())
    found = session.rows("merchant", mch_id=mch_id)
    if not found:
        raise KeyError(mch_id)
    merchant = merchant_of(found[0])
    now_ms = session.now_ms()
    probe = merchant.brake.state is BrakeState.HELD
    given = session.rows("leased_grants", mch_id=mch_id, token=token)
    if given:
        return _lease(now_ms, merchant, [_leased(row, row["slot_ms"], probe) for row in given])
    if merchant.brake.state is BrakeState.STOPPED:
        return _lease(now_ms, merchant, [])
    if probe and (merchant.brake.probe_ms is None or merchant.brake.probe_ms > now_ms):
        return _lease(now_ms, merchant, [])
    slots = pacing.slots(merchant, now_ms, 1 if probe else count)
    if not slots:
        return _lease(now_ms, merchant, [])
    due, more = _due(session, mch_id, now_ms, len(slots), found[0]["lease_round"], oldest=probe)
    return _give(
        session, merchant, due, slots, now_ms, more, token=token, lease_ms=lease_ms, pacing=pacing, probe=probe
    )


def _due(
    session: Session, mch_id: str, now_ms: int, count: int, turn: int, *, oldest: bool
) -> tuple[list[dict[str, Any]], bool]:
    """Return up to `count` due grants, fairly from all campaigns, and whether there may be more.

    A campaign of a million rows must not hold up one whose people stand and wait: each gets an equal share, and the
    one that begins changes with every lease.
    """
    heads = session.rows("due_campaigns", mch_id=mch_id, now_ms=now_ms)
    if oldest:
        heads = sorted(heads, key=lambda head: head["due_ms"])[:1]
    if not heads:
        return [], False
    start = turn % len(heads)
    heads = [*heads[start:], *heads[:start]]
    more = len(heads) > count
    heads = heads[:count]
    share = -(-count // len(heads))
    grants: dict[int, dict[str, Any]] = {}
    fuller: list[int] = []
    for head in heads:
        rows = session.rows("due_grants", campaign_id=head["id"], now_ms=now_ms, count=share)
        grants.update((row["id"], dict(row)) for row in rows)
        if len(rows) == share:
            fuller.append(head["id"])
    for campaign in fuller:
        missing = count - len(grants)
        if missing <= 0:
            break
        rows = session.rows("due_grants", campaign_id=campaign, now_ms=now_ms, count=share + missing)
        grants.update((row["id"], dict(row)) for row in rows)
    more = more or len(grants) >= count
    ordered = sorted(grants.values(), key=lambda row: (row["due_ms"], row["id"]))
    return ordered, more


def _give(
    session: Session,
    merchant: Merchant,
    due: Sequence[dict[str, Any]],
    slots: Sequence[int],
    now_ms: int,
    more: bool,
    *,
    token: str,
    lease_ms: int,
    pacing: Pacing,
    probe: bool,
) -> Lease:
    """Match grants to slots; write what was given, moved and found too old."""
    mch_id, caps = merchant.merchant, pacing.caps(merchant)
    persons = sorted({row["person_id"] for row in due})
    days = {beijing_day(slot) for slot in slots}
    had = {day: _had(session, mch_id, day, persons) for day in days}
    sent = {day: sum(row["fen"] for row in session.rows("merchant_day", mch_id=mch_id, day=day)) for day in days}
    posting = Posting()
    given: list[tuple[dict[str, Any], int]] = []
    moved: list[dict[str, Any]] = []
    postponed = too_late = 0
    wait_ms: int | None = None
    for row in due:
        if len(given) == len(slots):
            more = True
            break
        slot_ms = slots[len(given)]
        day, fen, old = beijing_day(slot_ms), row["fen"], State(row["state"])
        if row["first_try_ms"] is not None and slot_ms - row["first_try_ms"] > caps.reentry_ms:
            new = step(old, Event.TOO_LATE) or old
            row.update(state=new.value, due_ms=None, look_ms=now_ms)
            posting.count(row["campaign_id"], old.value, new.value, fen)
            moved.append(row)
            too_late += 1
            continue
        if row["last_try_ms"] is not None and slot_ms < row["last_try_ms"] + SAME_NUMBER_PAUSE_MS:
            row["due_ms"] = row["last_try_ms"] + SAME_NUMBER_PAUSE_MS
            moved.append(row)
            continue
        has_place = row["place"] == day
        if not has_place and sent[day] + fen > caps.merchant_fen:
            wait_ms = next_day_ms(slot_ms)
            break
        packets, fen_had, full = had[day].get(row["person_id"], (0, 0, False))
        if full or (not has_place and (packets + 1 > caps.person_packets or fen_had + fen > caps.person_fen)):
            row.update(due_ms=next_day_ms(slot_ms), hold_reason=DAY_FULL)
            moved.append(row)
            postponed += 1
            continue
        if not has_place:
            if row["place"] is not None:
                posting.place(row["person_id"], mch_id, row["place"], fen, -1)
            posting.place(row["person_id"], mch_id, day, fen, 1)
            had[day][row["person_id"]] = (packets + 1, fen_had + fen, full)
            sent[day] += fen
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
            lease_token=token,
            lease_until_ms=max(now_ms, slot_ms) + lease_ms,
            hold_reason="",
        )
        posting.count(row["campaign_id"], old.value, new.value, fen)
        given.append((row, slot_ms))
    session.each("keep_grants", [*moved, *(row for row, _ in given)])
    session.each("open_attempts", [_attempt(row, slot_ms, now_ms) for row, slot_ms in given])
    posting.write(session)
    if given:
        session.rows(
            "keep_pace",
            mch_id=mch_id,
            pace=pace_text(pacing.after(merchant, now_ms, len(given))),
            probe_ms=pacing.next_probe_ms(merchant, now_ms) if probe else merchant.brake.probe_ms,
        )
    return _lease(
        now_ms,
        merchant,
        [_leased(row, slot_ms, probe) for row, slot_ms in given],
        postponed=postponed,
        too_late=too_late,
        wait_ms=wait_ms,
        more=more,
    )


def _had(session: Session, mch_id: str, day: int, persons: Sequence[int]) -> dict[int, tuple[int, int, bool]]:
    """Return packets, fen and "full" of these people on a day."""
    rows = session.rows("person_days", persons=persons, mch_id=mch_id, day=day)
    return {row["person_id"]: (row["packets"], row["fen"], bool(row["is_full"])) for row in rows}


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
