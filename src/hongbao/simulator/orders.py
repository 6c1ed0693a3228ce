"""What happens to a packet: tried, held, delivered, opened, expired, refunded. Money moves here and nowhere else."""

from collections.abc import Callable

from hongbao.errors import BadInput
from hongbao.simulator.packets import Due, Event, Packet, Status, Taken
from hongbao.simulator.rules import DAY_MS
from hongbao.simulator.state import State, beijing_day
from hongbao.simulator.texts import Cause, Family, words_for

PLATFORM_MCH_ID = "1000052601"
PLATFORM_APPID = "wxbf42bd79c4391863"
"""What a pre-order must name as auth_mchid and auth_appid for its ticket to be drawn."""

FAMILIES: dict[str, Family] = {
    "NORMAL": "send",
    "GROUP": "group",
    "PREORDER": "preorder",
    "MINI": "send",
    "WORK": "work",
}


def deliver(state: State, packet: Packet, now_ms: int) -> Cause | None:
    """Try to debit and deliver; None when it worked.

    A refusal leaves the packet SENDING with the reason, not debited, until `stuck_ms` after it was made. After
    too many refusals for risk the number is dead (Cause.DEAD).
    """
    cause = _obstacle(state, packet, now_ms)
    rules = state.rules
    if cause is None:
        packet.step(Event.DELIVERED)
        packet.reason = ""
        packet.sent_ms = now_ms
        payer = state.merchants[packet.payer]
        payer.balance_fen -= packet.fen
        payer.paid_fen += packet.fen
        state.touch("merchant", payer.mch_id, payer)
        state.count_sent(packet, now_ms)
        expiry_ms = rules.ticket_expiry_ms if packet.kind == "PREORDER" else rules.expiry_ms
        state.schedule(packet, Due.EXPIRE, now_ms + expiry_ms)
        state.touch_packet(packet)
        return None
    if cause is Cause.RISK:
        packet.risk_refusals += 1
        if packet.risk_refusals > rules.risk_tries_max:
            close(state, packet)
            return Cause.DEAD
    packet.step(Event.HELD)
    packet.reason = words_for(cause, FAMILIES[packet.kind], rules)[1]
    state.schedule(packet, Due.CLOSE, packet.created_ms + rules.stuck_ms)
    state.touch_packet(packet)
    return cause


def hold_in_process(state: State, packet: Packet, now_ms: int, end: Due, span_ms: int) -> None:
    """Leave a packet SENDING without a reason for `span_ms`; then the platform completes, fails or closes it."""
    packet.reason = ""
    packet.in_process_ms = now_ms
    state.schedule(packet, end, now_ms + span_ms)
    state.touch_packet(packet)


def close(state: State, packet: Packet) -> None:
    """Give a packet up: its number is dead."""
    packet.step(Event.CLOSED)
    state.schedule(packet, None, None)
    state.touch_packet(packet)


def person_obstacle(state: State, packet: Packet, openid: str, now_ms: int, risk_cntl: str = "NORMAL") -> Cause | None:
    """Return the per-person limit or risk that stands between a packet and `openid`, or None.

    risk_cntl of a pre-order can switch single ones off: IGN_DAY_LMT, IGN_FREQ_LMT, IGN_FREQ_DAY_LMT.
    """
    settings = state.merchants[packet.mch_id].settings
    tie = state.person_tie(packet.mch_id, openid)
    if "DAY" not in risk_cntl:
        today = tie.today.of(beijing_day(now_ms))
        if settings.person_packets_day_max is not None and today.packets >= settings.person_packets_day_max:
            return Cause.PERSON_PACKETS
        fen = packet.shares[0] if packet.shares else packet.fen
        if settings.person_fen_day_max is not None and today.fen + fen > settings.person_fen_day_max:
            return Cause.PERSON_FEN
    person = state.people.get(openid)
    if person is not None and person.flagged:
        return Cause.RISK
    if settings.brush_level and "FREQ" not in risk_cntl:
        allowed = dict(enumerate(state.rules.brush_packets)).get(settings.brush_level)
        recent = [time_ms for time_ms in tie.times if time_ms > now_ms - state.rules.brush_ms]
        if allowed is not None and len(recent) >= allowed:
            return Cause.RISK
    return None


def _obstacle(state: State, packet: Packet, now_ms: int) -> Cause | None:
    settings = state.merchants[packet.mch_id].settings
    day = state.merchant_day(packet.mch_id, beijing_day(now_ms))
    if (
        packet.kind in state.rules.packets_day_kinds
        and settings.packets_day_max is not None
        and day.counted >= settings.packets_day_max
    ):
        return Cause.DAY_OVER
    if settings.fen_day_max is not None and day.fen + packet.fen > settings.fen_day_max:
        return Cause.MERCHANT_FEN
    if packet.openid and (cause := person_obstacle(state, packet, packet.openid, now_ms)) is not None:
        return cause
    if state.merchants[packet.payer].balance_fen < packet.fen:
        return Cause.BALANCE
    return None


def take(state: State, packet: Packet, openid: str, now_ms: int) -> None:
    """Let a person take the next share (of an ordinary packet: all of it).

    Raises:
        ForbiddenStep: it is not waiting to be opened.
        BadInput: this person may not, or has already.
    """
    if packet.kind == "PREORDER" and not packet.openid:
        raise BadInput(field="number", fault="nobody has drawn this ticket", remedy="bind the ticket to a person first")
    if any(share.openid == openid for share in packet.taken):
        raise BadInput(field="openid", fault="has already taken a share", remedy="each person takes one share")
    if not packet.taken and openid != packet.openid:
        raise BadInput(
            field="openid", fault="is not the recipient", remedy="the recipient opens first; of a group, friends follow"
        )
    last = len(packet.taken) + 1 >= len(packet.shares or [packet.fen])
    packet.step(Event.EMPTIED if last else Event.TAKEN)
    fen = packet.shares[len(packet.taken)] if packet.shares else packet.fen
    packet.taken.append(Taken(openid, fen, now_ms))
    if last:
        state.schedule(packet, None, None)
    state.touch_packet(packet)


def draw(state: State, packet: Packet, openid: str, now_ms: int) -> None:
    """Make a person the recipient of a pre-order.

    Raises:
        BadInput: the ticket cannot be drawn, or not by this person.
    """
    fields = packet.fields
    fault = ""
    if packet.openid:
        fault = "the ticket is bound already"
    elif packet.status is not Status.SENT:
        fault = f"the ticket is {packet.status}"
    elif (fields.get("auth_mchid"), fields.get("auth_appid")) != (PLATFORM_MCH_ID, PLATFORM_APPID):
        fault = f"the pre-order lacks auth_mchid {PLATFORM_MCH_ID} and auth_appid {PLATFORM_APPID}"
    elif packet.fen < 100:
        fault = "the amount is below 1 yuan"
    if fault:
        raise BadInput(field="ticket", fault=fault, remedy="make a new pre-order")
    person = state.people.get(openid)
    if person is not None and person.appid != packet.appid:
        raise BadInput(field="openid", fault=f"does not belong to {packet.appid}", remedy="use that account's openid")
    cause = person_obstacle(state, packet, openid, now_ms, fields.get("risk_cntl", "NORMAL"))
    if cause is not None:
        text = words_for(cause, "preorder", state.rules)[1]
        raise BadInput(
            field="openid", fault=f"may not draw: {text}", remedy="wait, or pre-order with another risk_cntl"
        )
    packet.openid = openid
    packet.drawn_ms = now_ms
    state.count_person(packet, now_ms)
    state.touch_packet(packet)


def fire(state: State, packet: Packet, due_ms: int) -> None:
    """Let a packet do what was due at `due_ms`."""
    due = packet.due
    state.schedule(packet, None, None)
    match due:
        case Due.COMPLETE:
            deliver(state, packet, due_ms)
        case Due.FAIL | Due.CLOSE:
            close(state, packet)
        case Due.EXPIRE:
            packet.step(Event.EXPIRED)
            state.schedule(packet, Due.REFUND, due_ms + state.rules.refund_ms)
        case Due.REFUND:
            packet.step(Event.REFUNDED)
            packet.refund_ms = due_ms
            packet.refund_fen = packet.left_fen
            payer = state.merchants[packet.payer]
            payer.balance_fen += packet.refund_fen
            payer.refunded_fen += packet.refund_fen
            state.touch("merchant", payer.mch_id, payer)
        case None:  # cancelled: `next_due` does not hand these out
            return
    state.touch_packet(packet)


def recount(state: State, now_ms: int) -> None:
    """Count again, from the packets, what the daily limits and the anti-brush rule need."""
    since_ms = now_ms - DAY_MS
    happened: list[tuple[int, int, Callable[[Packet, int], None], Packet]] = []
    for packet in state.packets.values():
        for time_ms, count in ((packet.sent_ms, state.count_sent), (packet.drawn_ms, state.count_person)):
            if time_ms is not None and time_ms > since_ms:
                happened.append((time_ms, packet.serial, count, packet))
    # All in the order in which it happened: a count starts afresh when it meets another day.
    for time_ms, _, count, packet in sorted(happened, key=lambda event: event[:2]):
        count(packet, time_ms)
