"""The red packet calls: what comes back when a call ends well, and how it is read from the document.

Shapes and their eras: docs/reference/endpoints.md and docs/reference/eras.md. Elements that are not known are ignored;
`fields` keeps the whole reply.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hongbao.clock import BEIJING
from hongbao.errors import HongbaoError
from hongbao.wechat.shown import Shown
from hongbao.wechat.xml import Document, Value


class Status(StrEnum):
    """Where a packet stands (docs/reference/states.md)."""

    SENDING = "SENDING"
    """Accepted, not delivered yet. With a reason: failed for now, nothing debited, send the same number again."""
    SENT = "SENT"
    """Delivered, waiting to be opened."""
    FAILED = "FAILED"
    """Dead. A new number may be used."""
    RECEIVED = "RECEIVED"
    """Opened: the person has the money."""
    RFUND_ING = "RFUND_ING"
    """On its way back to the merchant. The missing E is WeChat's."""
    REFUND = "REFUND"
    """Back at the merchant."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SentRedPack(Shown):
    """WeChat created the packet.

    Attributes:
        mch_billno: the order number, as asked.
        mch_id: the merchant, as asked.
        wxappid: the account, as asked.
        re_openid: the person, as asked.
        total_amount: fen, as asked.
        send_listid: WeChat's own number for the packet; digits, but text.
        send_time: when it was sent; only replies of 2015 and 2016 say it.
        fields: the whole reply.
    """

    mch_billno: str
    mch_id: str
    wxappid: str
    re_openid: str
    total_amount: int
    send_listid: str
    send_time: datetime | None
    fields: Document = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SentMiniProgramRedPack(SentRedPack):
    """WeChat created a mini-program packet.

    Attributes:
        package: what wx.sendBizRedPacket needs; can be used until the packet is opened or 24 hours pass.
    """

    package: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SentWorkRedPack(SentRedPack):
    """WeChat created an enterprise packet.

    Attributes:
        sender_name: who sent it, where the reply says so.
    """

    sender_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PreOrdered(Shown):
    """WeChat funded a packet that waits for its person.

    Attributes:
        sp_ticket: the ticket to load into a lottery; who holds it can draw the packet.
        detail_id: WeChat's own number for the packet.
        send_time: when it was ordered.
        fields: the whole reply.
    """

    mch_billno: str
    mch_id: str
    wxappid: str
    total_amount: int
    sp_ticket: str
    detail_id: str
    send_time: datetime | None
    fields: Document = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Taken(Shown):
    """One person took a packet or a share of it.

    Attributes:
        openid: the person.
        amount: fen.
        rcv_time: when.
    """

    openid: str
    amount: int
    rcv_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RedPackRecord(Shown):
    """What WeChat says of a packet. That the query worked says nothing of the packet: look at `status`.

    Attributes:
        status: where it stands.
        detail_id: WeChat's own number for the packet, the send_listid of sending.
        send_type: API, UPLOAD or ACTIVITY.
        hb_type: NORMAL or GROUP.
        total_num: how many people can take a share.
        total_amount: fen.
        reason: why it is stuck in SENDING or FAILED, where WeChat says so.
        send_time: when it was ordered.
        refund_time: when the money went back.
        refund_amount: fen that went back.
        taken: who took it, as WeChat lists them; may be empty although the status is RECEIVED.
        fields: the whole reply.
    """

    mch_billno: str
    mch_id: str
    detail_id: str
    status: Status
    send_type: str | None
    hb_type: str | None
    total_num: int
    total_amount: int
    reason: str | None
    send_time: datetime | None
    refund_time: datetime | None
    refund_amount: int | None
    taken: tuple[Taken, ...]
    fields: Document = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WorkRedPackRecord(RedPackRecord):
    """What WeChat says of an enterprise packet.

    Attributes:
        sender_name: who sent it.
    """

    sender_name: str | None


class Unreadable(HongbaoError):
    """A reply that claims success lacks something it must have. The message names the element."""


def read_sent(document: Document) -> SentRedPack:
    """Read the success of sendredpack or sendgroupredpack.

    Raises:
        Unreadable: an element is missing, or an amount is not a whole number.
    """
    return SentRedPack(**_sent(document))


def read_sent_mini_program(document: Document) -> SentMiniProgramRedPack:
    """Read the success of sendminiprogramhb. Raises as `read_sent`."""
    return SentMiniProgramRedPack(**_sent(document), package=_text(document, "package"))


def read_sent_work(document: Document) -> SentWorkRedPack:
    """Read the success of sendworkwxredpack. Raises as `read_sent`."""
    return SentWorkRedPack(**_sent(document), sender_name=_optional(document, "sender_name"))


def read_preordered(document: Document) -> PreOrdered:
    """Read the success of hbpreorder. Raises as `read_sent`."""
    return PreOrdered(
        mch_billno=_text(document, "mch_billno"),
        mch_id=_text(document, "mch_id"),
        wxappid=_text(document, "wxappid"),
        total_amount=_whole(document, "total_amount"),
        sp_ticket=_text(document, "sp_ticket"),
        detail_id=_text(document, "detail_id"),
        send_time=_time(document, "send_time"),
        fields=document,
    )


def read_record(document: Document) -> RedPackRecord:
    """Read the success of gethbinfo. Raises as `read_sent`."""
    return RedPackRecord(**_record(document), taken=_taken(document))


def read_work_record(document: Document) -> WorkRedPackRecord:
    """Read the success of queryworkwxredpack, which is flat. Raises as `read_sent`."""
    openid = _optional(document, "openid")
    taken = (
        (Taken(openid=openid, amount=_whole(document, "amount"), rcv_time=_time(document, "rcv_time")),)
        if openid is not None
        else ()
    )
    return WorkRedPackRecord(**_record(document), taken=taken, sender_name=_optional(document, "sender_name"))


def _sent(document: Document) -> dict[str, Any]:
    return {
        "mch_billno": _text(document, "mch_billno"),
        "mch_id": _text(document, "mch_id"),
        "wxappid": _text(document, "wxappid"),
        "re_openid": _text(document, "re_openid"),
        "total_amount": _whole(document, "total_amount"),
        "send_listid": _text(document, "send_listid"),
        "send_time": _time(document, "send_time"),
        "fields": document,
    }


def _record(document: Document) -> dict[str, Any]:
    word = _text(document, "status")
    try:
        status = Status(word)
    except ValueError:
        raise Unreadable(f"status {word[:16]!r} is not known") from None
    return {
        "mch_billno": _text(document, "mch_billno"),
        "mch_id": _text(document, "mch_id"),
        "detail_id": _text(document, "detail_id"),
        "status": status,
        "send_type": _optional(document, "send_type"),
        "hb_type": _optional(document, "hb_type"),
        # The reply of queryworkwxredpack has no total_num: such a packet is always for one person.
        "total_num": _whole(document, "total_num") if "total_num" in document else 1,
        "total_amount": _whole(document, "total_amount"),
        "reason": _optional(document, "reason"),
        "send_time": _time(document, "send_time"),
        "refund_time": _time(document, "refund_time"),
        "refund_amount": _whole(document, "refund_amount") if _optional(document, "refund_amount") else None,
        "fields": document,
    }


def _taken(document: Document) -> tuple[Taken, ...]:
    """Read hblist. Its entries may name elements that are not known, and lack the time, but not person and amount."""
    entries = document.get("hblist", "")
    if isinstance(entries, str):
        return ()
    taken: list[Taken] = []
    for name, entry in entries:
        if name == "hbinfo" and not isinstance(entry, str):
            info: Document = dict(entry)
            taken.append(
                Taken(openid=_text(info, "openid"), amount=_whole(info, "amount"), rcv_time=_time(info, "rcv_time"))
            )
    return tuple(taken)


def _optional(document: Document, name: str) -> str | None:
    value: Value = document.get(name, "")
    return value if isinstance(value, str) and value else None


def _text(document: Document, name: str) -> str:
    value = _optional(document, name)
    if value is None:
        raise Unreadable(f"the element {name} is missing or empty")
    return value


def _whole(document: Document, name: str) -> int:
    text = _text(document, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Unreadable(f"the element {name} is not a whole number")
    return int(text)


def _time(document: Document, name: str) -> datetime | None:
    """Read a Beijing time in either of the two forms on this wire; one that cannot be read is left out.

    No decision about money hangs on a time in a reply, so an odd one must not make the outcome unknown.
    """
    text = _optional(document, name)
    if text is None:
        return None
    # strptime alone would find a date in ten digits too, by reading parts of one digit.
    form = {19: "%Y-%m-%d %H:%M:%S", 14: "%Y%m%d%H%M%S"}.get(len(text))
    if form is None:
        return None
    try:
        return datetime.strptime(text, form).replace(tzinfo=BEIJING)
    except ValueError:
        return None
