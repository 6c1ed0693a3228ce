"""What an answer means for its grant: which events of its life, and when to send or look again. Words, not deeds.

The rules are the table of docs/reference/idempotency.md, with three ideas behind them:

* A definite no speaks for its own attempt. A grant whose earlier attempt is in doubt stays in doubt, and is queried.
* In doubt, a query comes before another send, except where WeChat says that the same number should simply be repeated.
* Whatever the rules cannot end in the days that WeChat remembers a number is handed to a person.
"""

from dataclasses import dataclass

from hongbao.ledger.grant import Event, State
from hongbao.merchant import LimitSet
from hongbao.payout.outcome import About, Dead, No, NotTried, Outcome, Seen, Sent, Sighting, Unsure
from hongbao.payout.pacing import DAY_MS, HOUR_MS, next_day_ms, open_from_ms

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
PROCESSING_MS = 20 * MINUTE_MS
"""How long WeChat asks to be left alone after PROCESSING."""
ATTEMPT_MS_MAX = MINUTE_MS
"""After so long every attempt has ended or timed out, also one of a host that stood still."""
RESENDS_MAX = 3
"""How often SYSTEMERROR is answered by a repetition before a query comes first."""
RENEWALS_MAX = 2
"""How many numbers of one grant may die before it is given up."""
HIDDEN_MS = HOUR_MS
"""A packet that WeChat showed or confirmed may be missing from queries so long before a person is asked."""
_LOOK_FIRST_MS = 5 * SECOND_MS
_SENT_AGES_MS = (
    10 * MINUTE_MS,
    HOUR_MS,
    6 * HOUR_MS,
    DAY_MS + 5 * MINUTE_MS,
    DAY_MS + HOUR_MS,
    DAY_MS + 6 * HOUR_MS,
    2 * DAY_MS,
    3 * DAY_MS + 5 * MINUTE_MS,
    3 * DAY_MS + HOUR_MS,
)
"""When a packet that was sent is looked at: soon for those who open at once, after 24 hours when it goes back, after
72 for the rules of 2016, then daily. About a dozen queries a packet at most, most packets two or three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What must be known of a grant to judge an answer.

    Attributes:
        state: before the answer; for a send SENDING or RESENDING.
        fen: its amount.
        tries: sends under any of its numbers, this one included.
        first_try_ms: its number's first send.
        last_try_ms: its number's last send.
        renewal: how many of its numbers died.
        seen_success: WeChat ever said that a packet exists.
        left_order: an earlier send may have left an order at WeChat.
    """

    state: State
    fen: int
    tries: int
    first_try_ms: int
    last_try_ms: int
    renewal: int = 0
    seen_success: bool = False
    left_order: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What is to be done.

    Attributes:
        events: for the grant's life, in order.
        send_ms: when the number may be sent (again); None: not by itself.
        look_ms: when to query; None: not by itself.
        full: the person has had the day's packets.
        brake: what the merchant's brake must be told, if the answer is about the merchant.
        alarm: a person should read this answer.
        hold_reason: why the grant waits, for people.
    """

    events: tuple[Event, ...]
    send_ms: int | None = None
    look_ms: int | None = None
    full: bool = False
    brake: About | None = None
    alarm: bool = False
    hold_reason: str = ""


def after_send(outcome: Outcome, facts: Facts, now_ms: int, limits: LimitSet, *, quiet: bool) -> FollowUp:
    """Say what follows from the answer to a send.

    Args:
        outcome: the answer.
        facts: the grant before it.
        now_ms: when it came.
        limits: the merchant's.
        quiet: whether the merchant keeps the quiet hours.
    """
    match outcome:
        case Sent():
            return FollowUp(events=(Event.SAID_SENT,), look_ms=_look_sent(now_ms, now_ms))
        case NotTried():
            wait_ms = _backoff(facts.tries, SECOND_MS, MINUTE_MS)
            return _again(Event.NOT_TRIED, facts, now_ms, wait_ms, limits, quiet=quiet)
        case Dead():
            return FollowUp(events=(Event.SAID_DEAD,), look_ms=now_ms + ATTEMPT_MS_MAX + SECOND_MS)
        case Unsure():
            return _after_unsure(outcome, facts, now_ms, limits, quiet=quiet)
        case No():
            return _after_no(outcome, facts, now_ms, limits, quiet=quiet)


def too_late(facts: Facts, now_ms: int) -> FollowUp:
    """Say what follows when a grant was about to be sent whose number has passed its days."""
    if facts.state is State.RESENDING:
        return FollowUp(events=(Event.NOT_TRIED,), look_ms=now_ms)
    return FollowUp(events=(Event.NOT_TRIED, Event.TOO_LATE), look_ms=now_ms)


def is_too_late(first_try_ms: int | None, at_ms: int, limits: LimitSet) -> bool:
    """Whether a number that was first sent then may not be sent any more."""
    return first_try_ms is not None and at_ms >= first_try_ms + limits.reentry_days_max.value * DAY_MS


def _after_unsure(outcome: Unsure, facts: Facts, now_ms: int, limits: LimitSet, *, quiet: bool) -> FollowUp:
    if outcome.resend and facts.tries <= RESENDS_MAX:
        send_ms = open_from_ms(now_ms + _backoff(facts.tries, 2 * SECOND_MS, MINUTE_MS), quiet=quiet)
        if not is_too_late(facts.first_try_ms, send_ms, limits):
            return FollowUp(
                events=(Event.NO_ANSWER,), send_ms=send_ms, look_ms=send_ms + MINUTE_MS, alarm=outcome.strange
            )
    wait_ms = PROCESSING_MS if outcome.in_process else _backoff(facts.tries, _LOOK_FIRST_MS, 10 * MINUTE_MS)
    return FollowUp(events=(Event.NO_ANSWER,), look_ms=now_ms + wait_ms, alarm=outcome.strange)


def _after_no(outcome: No, facts: Facts, now_ms: int, limits: LimitSet, *, quiet: bool) -> FollowUp:
    about = outcome.about
    reason = f"{outcome.code} {outcome.text}".strip()
    brake = about if about in {About.PACE, About.BALANCE, About.SETUP, About.MERCHANT_DAY, About.QUIET} else None
    full = about is About.PERSON_DAY
    if facts.state is State.RESENDING:
        # This no says nothing of the earlier attempt. Only a query can.
        events: tuple[Event, ...] = (Event.SAID_NO,)
        if about is About.OTHER_PACKET:
            return FollowUp(events=(*events, Event.HANDED_OVER), alarm=True, hold_reason=reason)
        look_ms = now_ms + _backoff(facts.tries, _LOOK_FIRST_MS, 10 * MINUTE_MS)
        return FollowUp(events=events, look_ms=look_ms, full=full, brake=brake, hold_reason=reason)
    match about:
        case About.OTHER_PACKET:
            return FollowUp(events=(Event.HANDED_OVER,), alarm=True, hold_reason=reason)
        case About.ROW | About.OPENID if facts.left_order or outcome.order:
            # An order under this number may stand at WeChat: only a query's FAILED would free the money.
            return FollowUp(events=(Event.HANDED_OVER,), hold_reason=reason)
        case About.ROW | About.OPENID:
            return FollowUp(events=(Event.GIVEN_UP,), hold_reason=reason)
        case About.PACE:
            wait_ms = _backoff(facts.tries, 2 * SECOND_MS, MINUTE_MS)
        case About.QUIET:
            wait_ms = max(open_from_ms(now_ms, quiet=True) - now_ms, 10 * MINUTE_MS)
        case About.PERSON_DAY | About.MERCHANT_DAY:
            wait_ms = open_from_ms(next_day_ms(now_ms) + MINUTE_MS, quiet=quiet) - now_ms
        case About.PERSON_OR_SETUP:
            wait_ms = (10 * MINUTE_MS, 2 * HOUR_MS, 12 * HOUR_MS)[min(facts.tries, 3) - 1]
        case About.BALANCE | About.SETUP:
            wait_ms = 2 * SECOND_MS
    return _again(
        Event.SAID_NO, facts, now_ms, wait_ms, limits, quiet=quiet, full=full, brake=brake, hold_reason=reason
    )


def _again(
    event: Event,
    facts: Facts,
    now_ms: int,
    wait_ms: int,
    limits: LimitSet,
    *,
    quiet: bool,
    full: bool = False,
    brake: About | None = None,
    hold_reason: str = "",
) -> FollowUp:
    """The same number later; a grant in doubt is queried meanwhile."""
    send_ms = open_from_ms(now_ms + max(wait_ms, limits.retry_ms_min.value), quiet=quiet)
    if facts.state is State.RESENDING and is_too_late(facts.first_try_ms, send_ms, limits):
        return FollowUp(events=(event,), look_ms=now_ms + _LOOK_FIRST_MS, full=full, brake=brake)
    look_ms = send_ms + MINUTE_MS if facts.state is State.RESENDING else None
    return FollowUp(events=(event,), send_ms=send_ms, look_ms=look_ms, full=full, brake=brake, hold_reason=hold_reason)


def after_look(
    sighting: Sighting, facts: Facts, *, asked_ms: int, now_ms: int, limits: LimitSet, quiet: bool
) -> FollowUp:
    """Say what follows from a query.

    Args:
        sighting: what it showed.
        facts: the grant before it.
        asked_ms: when the query was begun.
        now_ms: when the answer came.
        limits: the merchant's.
        quiet: whether the merchant keeps the quiet hours: queries run, sends wait.
    """
    state, seen = facts.state, sighting.seen
    if sighting.fen is not None and sighting.fen != facts.fen:
        return _handed_over(f"WeChat shows {sighting.fen} fen under this number, the grant is {facts.fen}")
    gone = now_ms >= facts.first_try_ms + limits.query_days_max.value * DAY_MS
    ended_ms = facts.last_try_ms + ATTEMPT_MS_MAX
    quiet_since = asked_ms >= ended_ms
    match seen:
        case Seen.RECEIVED if state is not State.RETURNING:
            return FollowUp(events=(Event.SAW_RECEIVED,))
        case Seen.RETURNED:
            return FollowUp(events=(Event.SAW_RETURNED,))
        case Seen.SENT if state is not State.RETURNING:
            if gone:
                return _handed_over("WeChat forgets a packet after so many days, and this one has not ended")
            return FollowUp(events=(Event.SAW_SENT,), look_ms=_look_sent(facts.last_try_ms, now_ms))
        case Seen.RETURNING:
            if gone and state is State.RETURNING:
                return _handed_over("the money has been on its way back for too long")
            return FollowUp(events=(Event.SAW_RETURNING,), look_ms=now_ms + HOUR_MS)
        case Seen.FAILED if state in {State.UNSURE, State.DOOMED}:
            return _after_failed(facts, now_ms, look_ms=ended_ms + SECOND_MS, quiet_since=quiet_since)
        case Seen.FAILED if state is State.SENT:
            return FollowUp(events=(Event.SAW_FAILED,), alarm=True, hold_reason="sent, and now FAILED")
        case Seen.STUCK if state is State.SENT:
            return FollowUp(events=(Event.SAW_STUCK,), alarm=True, hold_reason="sent, and now not sent")
        case Seen.STUCK if state is State.UNSURE and not facts.seen_success:
            if not quiet_since:
                return FollowUp(events=(Event.SAW_NOTHING_NEW,), look_ms=ended_ms + SECOND_MS)
            send_ms = open_from_ms(now_ms + SECOND_MS, quiet=quiet)
            if not is_too_late(facts.first_try_ms, send_ms, limits):
                return FollowUp(events=(Event.SAW_STUCK,), send_ms=send_ms, look_ms=send_ms + MINUTE_MS)
        case Seen.IN_PROCESS | Seen.NOT_FOUND | Seen.NOTHING:
            return _after_nothing_new(sighting, facts, now_ms, limits, gone=gone, quiet=quiet)
        case _:
            # What WeChat shows does not fit what it showed before.
            if state is State.RETURNING:
                return _handed_over(f"the money was on its way back, and now WeChat shows {seen}")
    if gone:
        return _handed_over("WeChat forgets a number after so many days, and this one has not ended")
    return FollowUp(events=(Event.SAW_NOTHING_NEW,), look_ms=_later(facts.first_try_ms, now_ms))


def _after_failed(facts: Facts, now_ms: int, *, look_ms: int, quiet_since: bool) -> FollowUp:
    """FAILED frees the number only if every attempt had ended when the query was made."""
    if facts.seen_success:
        return _handed_over("WeChat showed a packet under this number, and now says FAILED")
    if not quiet_since:
        return FollowUp(events=(Event.SAW_NOTHING_NEW,), look_ms=max(look_ms, now_ms + SECOND_MS))
    if facts.renewal >= RENEWALS_MAX:
        return FollowUp(
            events=(Event.SAW_FAILED, Event.GIVEN_UP), look_ms=now_ms + MINUTE_MS, hold_reason="every number died"
        )
    # look_ms is for the case that the store knows of an attempt that has not ended after all.
    return FollowUp(events=(Event.SAW_FAILED, Event.RENEWED), send_ms=None, look_ms=now_ms + MINUTE_MS)


def _after_nothing_new(
    sighting: Sighting, facts: Facts, now_ms: int, limits: LimitSet, *, gone: bool, quiet: bool
) -> FollowUp:
    brake = sighting.about
    if gone:
        return _handed_over("WeChat forgets a number after so many days, and this one has not ended")
    same = (Event.SAW_NOTHING_NEW,)
    age_ms = now_ms - facts.last_try_ms
    if sighting.seen is Seen.NOTHING:
        if facts.state in {State.SENT, State.RETURNING}:
            return FollowUp(events=same, look_ms=now_ms + max(10 * MINUTE_MS, age_ms // 10), brake=brake)
        return FollowUp(events=same, look_ms=_later(facts.last_try_ms, now_ms), brake=brake)
    if facts.state in {State.SENT, State.RETURNING} or facts.seen_success:
        if age_ms >= HIDDEN_MS and sighting.seen is Seen.NOT_FOUND:
            return _handed_over("WeChat confirmed this packet, and does not find it any more")
        return FollowUp(events=same, look_ms=_later(facts.last_try_ms, now_ms))
    if facts.state is State.UNSURE:
        # Nothing is lost by repeating the same bytes under the same number, and nothing else ends the doubt.
        first_ms = PROCESSING_MS if sighting.seen is Seen.IN_PROCESS else 3 * MINUTE_MS
        wait_ms = _backoff(facts.tries, first_ms, 2 * HOUR_MS)
        send_ms = open_from_ms(max(now_ms, facts.last_try_ms + wait_ms), quiet=quiet)
        if not is_too_late(facts.first_try_ms, send_ms, limits):
            return FollowUp(events=same, send_ms=send_ms, look_ms=send_ms + MINUTE_MS)
    return FollowUp(events=same, look_ms=_later(facts.last_try_ms, now_ms))


def _handed_over(why: str) -> FollowUp:
    return FollowUp(events=(Event.HANDED_OVER,), alarm=True, hold_reason=why)


def _backoff(tries: int, first_ms: int, most_ms: int) -> int:
    """Return a wait that doubles with each try."""
    return min(first_ms << min(max(tries - 1, 0), 20), most_ms)


def _later(since_ms: int, now_ms: int) -> int:
    """Return when to look again at what has been open since then: a third of its age later, a day at most."""
    return now_ms + min(max((now_ms - since_ms) // 3, MINUTE_MS), DAY_MS)


def _look_sent(sent_ms: int, now_ms: int) -> int:
    """Return when to look at a packet that waits to be opened."""
    for age_ms in _SENT_AGES_MS:
        if sent_ms + age_ms > now_ms:
            return sent_ms + age_ms
    return now_ms + DAY_MS
