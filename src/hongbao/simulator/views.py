"""What the control door shows: frozen snapshots, and their JSON form."""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeAlias, Union, cast

Json: TypeAlias = Union[bool, int, float, str, "list[Json]", "dict[str, Json]", None]


def to_json(value: object) -> Json:
    """Return the JSON form of a view: objects by field name, tuples and sets as lists, secrets left out."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if is_dataclass(value):
        return {
            field.name: to_json(getattr(value, field.name)) for field in fields(value) if "secret" not in field.metadata
        }
    if isinstance(value, dict):
        return {str(name): to_json(entry) for name, entry in cast("dict[Any, Any]", value).items()}
    if isinstance(value, frozenset):
        return [to_json(member) for member in sorted(cast("frozenset[Any]", value))]
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in cast("list[Any]", value)]
    raise TypeError(f"{type(value).__name__} has no JSON form")


@dataclass(frozen=True, slots=True)
class MerchantView:
    """A merchant without its secrets. Amounts in fen; None means no limit."""

    mch_id: str
    balance_fen: int
    funded_fen: int
    paid_fen: int
    refunded_fen: int
    accounts: dict[str, str]
    settings: dict[str, Json]


@dataclass(frozen=True, slots=True)
class PersonView:
    """One openid. `flagged`: risk control refuses packets to this person."""

    openid: str
    appid: str
    flagged: bool


@dataclass(frozen=True, slots=True)
class ShareView:
    """One share somebody took."""

    openid: str
    fen: int
    taken_ms: int


@dataclass(frozen=True, slots=True)
class PacketView:
    """One order as the simulator keeps it. Times in milliseconds UTC, amounts in fen.

    Attributes:
        kind: NORMAL, GROUP, PREORDER, MINI or WORK.
        status: the word gethbinfo shows.
        reason: why it is stuck or dead, "" otherwise.
        payer: the mch_id whose balance was or will be debited.
        sent_ms: when it was debited and delivered, None before.
        due_ms: when its next event of its own accord comes, None when none will.
        ticket: a pre-order's sp_ticket, "" otherwise.
        package: a mini-program packet's package, "" otherwise.
        tries: how many requests to send it passed the checks up to the order.
    """

    mch_id: str
    number: str
    kind: str
    status: str
    reason: str
    appid: str
    openid: str
    fen: int
    people: int
    payer: str
    listid: str
    send_name: str
    wishing: str
    created_ms: int
    sent_ms: int | None
    due_ms: int | None
    refund_ms: int | None
    refund_fen: int
    shares: tuple[ShareView, ...]
    ticket: str
    package: str
    tries: int


@dataclass(frozen=True, slots=True)
class VerdictView:
    """How one check ended: `passed`, `refused`, `skipped` or `not reached`."""

    check: str
    verdict: str
    note: str


@dataclass(frozen=True, slots=True)
class RequestView:
    """One arrival in the journal.

    Attributes:
        number: the journal's own running number, from 1.
        order: the order number the request named.
        openid: masked.
        attempt: the how-many-th arrival for that order number on that path.
        err_code: the err_code sent, "" for a plain HTTP answer, "SUCCESS" when accepted.
        faults: the kinds of fault that were applied.
        request, response: bodies with secrets and openids masked; None when too old or not asked for.
    """

    number: int
    time_ms: int
    method: str
    path: str
    address: str
    mch_id: str
    order: str
    openid: str
    attempt: int
    status: int
    err_code: str
    faults: tuple[str, ...]
    verdicts: tuple[VerdictView, ...]
    request: str | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True)
class ClockView:
    """The clock: `speed` 0 is stopped."""

    now_ms: int
    speed: int
    beijing: str


@dataclass(frozen=True, slots=True)
class FaultView:
    """A fault rule and how often it matched and was applied. None means any; an effect or echo of None: the habit."""

    id: int
    kind: str
    path: str | None
    mch_id: str | None
    openid: str | None
    number: str | None
    share: float
    count: int | None
    after: int
    wait_ms: int
    status: int
    effect: bool | None
    echo: bool | None
    code: str
    text: str
    matched: int
    applied: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the audit found wrong in the books."""

    mch_id: str
    order: str
    fault: str
