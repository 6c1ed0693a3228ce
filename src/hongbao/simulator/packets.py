"""A packet and its life. The life is one table; what is not in it cannot happen. See docs/reference/states.md."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

from hongbao.errors import HongbaoError

Kind = Literal["NORMAL", "GROUP", "PREORDER", "MINI", "WORK"]


class Status(StrEnum):
    """The words of gethbinfo; RFUND_ING is spelled as WeChat spells it."""

    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    RECEIVED = "RECEIVED"
    RFUND_ING = "RFUND_ING"
    REFUND = "REFUND"


class Event(StrEnum):
    """What can happen to a packet."""

    HELD = "held"  # a limit, risk control or the balance said no: it stays, with a reason
    DELIVERED = "delivered"  # debited and sent
    CLOSED = "closed"  # given up: the number is dead
    TAKEN = "taken"  # a share was taken, others are left
    EMPTIED = "emptied"  # the last (or only) share was taken
    EXPIRED = "expired"  # nobody took the rest in time
    REFUNDED = "refunded"  # the rest is back with the payer


LIFE: dict[tuple[Status, Event], Status] = {
    (Status.SENDING, Event.HELD): Status.SENDING,
    (Status.SENDING, Event.DELIVERED): Status.SENT,
    (Status.SENDING, Event.CLOSED): Status.FAILED,
    (Status.SENT, Event.TAKEN): Status.SENT,
    (Status.SENT, Event.EMPTIED): Status.RECEIVED,
    (Status.SENT, Event.EXPIRED): Status.RFUND_ING,
    (Status.RFUND_ING, Event.REFUNDED): Status.REFUND,
}


class Due(StrEnum):
    """What a packet does of its own accord when its time comes."""

    COMPLETE = "complete"  # PROCESSING that will be tried by the platform
    FAIL = "fail"  # PROCESSING that will fail
    CLOSE = "close"  # the deadline of a stuck order
    EXPIRE = "expire"
    REFUND = "refund"


class ForbiddenStep(HongbaoError):
    """The event cannot happen in this state; nothing was changed."""


class Taken(NamedTuple):
    """A share somebody took."""

    openid: str
    fen: int
    time_ms: int


@dataclass(slots=True)
class Packet:
    """One order. `fields` are the request's own that replies repeat; amounts in fen, times in milliseconds UTC."""

    serial: int
    mch_id: str
    number: str
    kind: Kind
    appid: str
    openid: str
    fen: int
    people: int
    payer: str
    listid: str
    created_ms: int
    tried_ms: int
    fields: dict[str, str]
    status: Status = Status.SENDING
    reason: str = ""
    tries: int = 1
    risk_refusals: int = 0
    sent_ms: int | None = None
    drawn_ms: int | None = None
    in_process_ms: int = 0  # of a packet SENDING without a reason: since when
    due: Due | None = None
    due_ms: int | None = None
    hidden_until_ms: int = 0
    shares: list[int] = field(default_factory=list[int])
    taken: list[Taken] = field(default_factory=list[Taken])
    refund_ms: int | None = None
    refund_fen: int = 0
    ticket: str = field(default="", repr=False)
    package: str = field(default="", repr=False)

    @property
    def grouped(self) -> bool:
        """Whether gethbinfo calls it GROUP: made to be shared."""
        return self.kind == "GROUP" or self.fields.get("hb_type") == "GROUP"

    @property
    def left_fen(self) -> int:
        """What nobody has taken yet."""
        return self.fen - sum(share.fen for share in self.taken)

    def step(self, event: Event) -> None:
        """Move to the state that follows `event`.

        Raises:
            ForbiddenStep: the table has no such step.
        """
        after = LIFE.get((self.status, event))
        if after is None:
            raise ForbiddenStep(f"a packet that is {self.status} cannot be {event}")
        self.status = after
