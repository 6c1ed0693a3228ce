"""A grant (发放单): one promise to one person, and its life.

The life is one table, `LIFE`: what may happen in which state, and where it leads. A step that is not in it is
forbidden and changes nothing. The drawing in docs/explain/life-of-a-grant.md comes from the table.

Three rules stand behind it:

* Doubt stays. Once an attempt ended without a known outcome, a later definite no speaks for its own attempt only: the
  grant is UNSURE until WeChat shows the packet, or shows that there is none.
* Only `DEAD` frees a number: WeChat said FAILED in a query made after every attempt had ended. Only from there does a
  grant get a new number, or end as failed after it was ever sent.
* What no rule can settle waits for a person, and never pays by itself.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from hongbao.ledger.transfer import Kind


class State(StrEnum):
    """Where a grant stands."""

    DUE = "due"
    """Promised; waits to be sent, for the first time or again with the same number. WeChat holds no packet."""
    SENDING = "sending"
    """A lane holds it: a request may be leaving now."""
    UNSURE = "unsure"
    """Sent, outcome not known. Only the same number, or a query."""
    RESENDING = "resending"
    """A lane sends the same number again while the outcome is not known."""
    DOOMED = "doomed"
    """WeChat says that the number is dead; a query must confirm it."""
    DEAD = "dead"
    """A query confirmed it: nothing was paid under this number, nothing will be."""
    SENT = "sent"
    """WeChat created the packet; it waits to be opened."""
    RECEIVED = "received"
    """Opened: paid."""
    RETURNING = "returning"
    """Not opened in time: the money is on its way back."""
    RETURNED = "returned"
    """The money is back."""
    FAILED = "failed"
    """Nothing was paid, nothing will be; the promise is released."""
    CANCELLED = "cancelled"
    """Taken back before anything was sent."""
    NEEDS_PERSON = "needs_person"
    """No rule can settle it: a person must look, and decide."""


class Event(StrEnum):
    """What can happen to a grant."""

    LEASED = "leased"
    """A lane took it to send."""
    LEASE_LOST = "lease_lost"
    """The lane vanished; whether it sent is not known."""
    SAID_SENT = "said_sent"
    """The send answered: created."""
    SAID_NO = "said_no"
    """The send answered a definite no; the same number may be sent again."""
    SAID_DEAD = "said_dead"
    """The send answered SEND_FAILED."""
    NO_ANSWER = "no_answer"
    """The send ended without a known outcome."""
    NOT_TRIED = "not_tried"
    """Nothing left this machine."""
    SAW_SENT = "saw_sent"
    """A query shows SENT."""
    SAW_RECEIVED = "saw_received"
    """A query shows RECEIVED."""
    SAW_RETURNING = "saw_returning"
    """A query shows RFUND_ING."""
    SAW_RETURNED = "saw_returned"
    """A query shows REFUND."""
    SAW_STUCK = "saw_stuck"
    """A query shows SENDING with a reason: nothing debited."""
    SAW_NOTHING_NEW = "saw_nothing_new"
    """A query shows SENDING without a reason, NOT_FOUND, or could not be read."""
    SAW_FAILED = "saw_failed"
    """A query, made after every attempt had ended, shows FAILED."""
    RENEWED = "renewed"
    """It got a new number."""
    GIVEN_UP = "given_up"
    """The rules say that it shall not be paid."""
    CANCELLED = "cancelled"
    """Its batch or campaign takes back what was never sent."""
    TOO_LATE = "too_late"
    """Its number has passed the days in which it may be sent again: only a query can tell what became of it."""
    HANDED_OVER = "handed_over"
    """The rules have no answer left."""
    RULED_PAID = "ruled_paid"
    """A person found that it was paid."""
    RULED_UNPAID = "ruled_unpaid"
    """A person found that it was not, and shall not be."""


LIFE: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        # Waiting to be sent, and sending.
        (State.DUE, Event.LEASED): State.SENDING,
        (State.DUE, Event.CANCELLED): State.CANCELLED,
        (State.DUE, Event.GIVEN_UP): State.FAILED,
        (State.DUE, Event.TOO_LATE): State.UNSURE,
        (State.DUE, Event.HANDED_OVER): State.NEEDS_PERSON,
        (State.SENDING, Event.SAID_SENT): State.SENT,
        (State.SENDING, Event.SAID_NO): State.DUE,
        (State.SENDING, Event.NOT_TRIED): State.DUE,
        (State.SENDING, Event.GIVEN_UP): State.FAILED,
        (State.SENDING, Event.SAID_DEAD): State.DOOMED,
        (State.SENDING, Event.NO_ANSWER): State.UNSURE,
        (State.SENDING, Event.LEASE_LOST): State.UNSURE,
        (State.SENDING, Event.HANDED_OVER): State.NEEDS_PERSON,
        # In doubt: the same number again, or a query.
        (State.UNSURE, Event.LEASED): State.RESENDING,
        (State.RESENDING, Event.SAID_SENT): State.SENT,
        (State.RESENDING, Event.SAID_NO): State.UNSURE,
        (State.RESENDING, Event.NOT_TRIED): State.UNSURE,
        (State.RESENDING, Event.SAID_DEAD): State.DOOMED,
        (State.RESENDING, Event.NO_ANSWER): State.UNSURE,
        (State.RESENDING, Event.LEASE_LOST): State.UNSURE,
        # A late answer of a lease that was lost: evidence all the same.
        (State.UNSURE, Event.SAID_SENT): State.SENT,
        (State.UNSURE, Event.SAID_NO): State.UNSURE,
        (State.UNSURE, Event.SAID_DEAD): State.DOOMED,
        (State.UNSURE, Event.NO_ANSWER): State.UNSURE,
        (State.UNSURE, Event.NOT_TRIED): State.UNSURE,
        (State.DOOMED, Event.SAID_SENT): State.SENT,
        (State.DUE, Event.SAID_SENT): State.SENT,
        (State.SENT, Event.SAID_SENT): State.SENT,
        (State.RECEIVED, Event.SAID_SENT): State.RECEIVED,
        (State.RETURNING, Event.SAID_SENT): State.RETURNING,
        (State.RETURNED, Event.SAID_SENT): State.RETURNED,
        (State.DEAD, Event.SAID_SENT): State.NEEDS_PERSON,
        (State.NEEDS_PERSON, Event.SAID_SENT): State.SENT,
        # Queries while in doubt.
        (State.UNSURE, Event.SAW_NOTHING_NEW): State.UNSURE,
        (State.UNSURE, Event.SAW_STUCK): State.DUE,
        (State.UNSURE, Event.SAW_SENT): State.SENT,
        (State.UNSURE, Event.SAW_RECEIVED): State.RECEIVED,
        (State.UNSURE, Event.SAW_RETURNING): State.RETURNING,
        (State.UNSURE, Event.SAW_RETURNED): State.RETURNED,
        (State.UNSURE, Event.SAW_FAILED): State.DEAD,
        (State.UNSURE, Event.HANDED_OVER): State.NEEDS_PERSON,
        (State.DOOMED, Event.SAW_NOTHING_NEW): State.DOOMED,
        (State.DOOMED, Event.SAW_STUCK): State.DOOMED,
        (State.DOOMED, Event.SAW_SENT): State.SENT,
        (State.DOOMED, Event.SAW_RECEIVED): State.RECEIVED,
        (State.DOOMED, Event.SAW_RETURNING): State.RETURNING,
        (State.DOOMED, Event.SAW_RETURNED): State.RETURNED,
        (State.DOOMED, Event.SAW_FAILED): State.DEAD,
        (State.DOOMED, Event.HANDED_OVER): State.NEEDS_PERSON,
        # A dead number.
        (State.DEAD, Event.RENEWED): State.DUE,
        (State.DEAD, Event.GIVEN_UP): State.FAILED,
        # The packet's own life.
        (State.SENT, Event.SAW_NOTHING_NEW): State.SENT,
        (State.SENT, Event.SAW_SENT): State.SENT,
        (State.SENT, Event.SAW_RECEIVED): State.RECEIVED,
        (State.SENT, Event.SAW_RETURNING): State.RETURNING,
        (State.SENT, Event.SAW_RETURNED): State.RETURNED,
        (State.SENT, Event.SAW_FAILED): State.NEEDS_PERSON,
        (State.SENT, Event.SAW_STUCK): State.NEEDS_PERSON,
        (State.SENT, Event.HANDED_OVER): State.NEEDS_PERSON,
        (State.RETURNING, Event.SAW_NOTHING_NEW): State.RETURNING,
        (State.RETURNING, Event.SAW_RETURNING): State.RETURNING,
        (State.RETURNING, Event.SAW_RETURNED): State.RETURNED,
        (State.RETURNING, Event.HANDED_OVER): State.NEEDS_PERSON,
        # A person's ruling.
        (State.NEEDS_PERSON, Event.SAW_SENT): State.SENT,
        (State.NEEDS_PERSON, Event.SAW_RECEIVED): State.RECEIVED,
        (State.NEEDS_PERSON, Event.SAW_RETURNED): State.RETURNED,
        (State.NEEDS_PERSON, Event.RULED_PAID): State.RECEIVED,
        (State.NEEDS_PERSON, Event.RULED_UNPAID): State.FAILED,
    }
)
"""Every step there is."""

ENDED = frozenset({State.RECEIVED, State.RETURNED, State.FAILED, State.CANCELLED})
"""States that nothing leaves."""

PAID = frozenset({State.SENT, State.RECEIVED, State.RETURNING, State.RETURNED})
"""States whose promise has been settled."""

RELEASED = frozenset({State.FAILED, State.CANCELLED})
"""States whose promise has been released."""

IN_DOUBT = frozenset({State.UNSURE, State.RESENDING, State.DOOMED})
"""States in which WeChat may hold a packet that we do not know of."""


class Money(StrEnum):
    """Where a grant's money stands; the transfers tell."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"
    GIVEN_BACK = "given_back"


def movements(money: Money, state: State) -> tuple[Kind, ...]:
    """Return the transfers that must be posted, in this order, when a grant whose money stands here comes to `state`.

    They go into the same transaction as the step.
    """
    if money is Money.RESERVED:
        if state is State.RETURNED:
            return (Kind.SETTLE, Kind.GIVE_BACK)
        if state in PAID:
            return (Kind.SETTLE,)
        if state in RELEASED:
            return (Kind.RELEASE,)
    # A packet that was taken for sent and that a person, or WeChat, says was not: paid money comes back.
    if money is Money.SETTLED and (state is State.RETURNED or state in RELEASED):
        return (Kind.GIVE_BACK,)
    return ()


def step(state: State, event: Event) -> State | None:
    """Return where an event leads, or None if it is forbidden in this state."""
    return LIFE.get((state, event))
