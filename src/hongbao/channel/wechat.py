"""The way over WeChat's merchant API: a frozen packet becomes a call, its end an outcome. Translation only.

The class of an answer hangs on endpoint and code (docs/reference/codes.md). One code needs its text: PARAM_ERROR is
about one row or about everybody, and only the name of the field in its text tells. A text that names no field of a
row is taken for everybody's, which stops more and costs nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from hongbao.clock import Clock
from hongbao.engine.channel import Answered, Looked, Order
from hongbao.errors import BadInput
from hongbao.ids import MerchantId
from hongbao.merchant import LimitSet
from hongbao.payout.outcome import About, Dead, No, NotTried, Outcome, Seen, Sent, Sighting, Unsure
from hongbao.payout.packet import QUERY_APPID_FIELD, Packet
from hongbao.wechat import codes
from hongbao.wechat.errors import CallError
from hongbao.wechat.frozen import Frozen
from hongbao.wechat.redpack import (
    QueryRedPack,
    QueryWorkRedPack,
    Request,
    SendMiniProgramRedPack,
    SendRedPack,
    SendWorkRedPack,
)
from hongbao.wechat.replies import RedPackRecord, SentRedPack, Status

R = TypeVar("R")

CALL_MS_MAX = 30_000
"""The longest that one call may take in all, in milliseconds; then its outcome is not known."""

KINDS: Mapping[str, Callable[..., Request[Any]]] = MappingProxyType(
    {each.endpoint: each for each in (SendRedPack, SendMiniProgramRedPack, SendWorkRedPack)}
)
"""How a packet to one person can be sent."""


class Caller(Protocol):
    """One merchant's client, such as `hongbao.wechat.AsyncClient`."""

    @property
    def limits(self) -> LimitSet:
        """What may be sent."""
        ...

    @property
    def mch_id(self) -> str:
        """For whom it calls."""
        ...

    async def call(self, request: Request[R]) -> R:
        """Make one call."""
        ...


_ABOUT: Mapping[str, About] = MappingProxyType(
    {
        "NO_AUTH": About.PERSON_OR_SETUP,
        "NOAUTH": About.SETUP,
        "SENDNUM_LIMIT": About.PERSON_DAY,
        "RCVDAMOUNT_LIMIT": About.PERSON_DAY,
        "SENDAMOUNT_LIMIT": About.MERCHANT_DAY,
        "DAY_OVER_LIMITED": About.MERCHANT_DAY,
        "ILLEGAL_APPID": About.SETUP,
        "MONEY_LIMIT": About.ROW,
        "FATAL_ERROR": About.OTHER_PACKET,
        "CA_ERROR": About.SETUP,
        "SIGN_ERROR": About.SETUP,
        "XML_ERROR": About.SETUP,
        "FREQ_LIMIT": About.PACE,
        "SECOND_OVER_LIMITED": About.PACE,
        "TIME_LIMITED": About.QUIET,
        "API_METHOD_CLOSED": About.SETUP,
        "NOTENOUGH": About.BALANCE,
        "OPENID_ERROR": About.OPENID,
        "MSGAPPID_ERROR": About.SETUP,
        "ACCEPTMODE_ERROR": About.SETUP,
        "NO_CONSUME_COMPETENCE": About.SETUP,
        "NO_COMPETENCE": About.SETUP,
        "PRODUCT_AUTHORITY_UNOPEN": About.SETUP,
        "PAYER_ACCOUNT_ABNORMAL": About.SETUP,
    }
)
"""What a definite no of each code is about. PARAM_ERROR is judged by its text."""

_REPEATED = frozenset({"SYSTEMERROR", "268458547"})
"""No clear outcome, and the documented answer is the same number again."""

_ROW_FIELDS = ("re_openid", "金额", "订单号", "wishing", "act_name", "send_name", "remark")
"""What a PARAM_ERROR names that is, or may be, one row's own. That all rows share it shows when all rows fail."""

_SEEN: Mapping[Status, Seen] = MappingProxyType(
    {
        Status.SENT: Seen.SENT,
        Status.FAILED: Seen.FAILED,
        Status.RECEIVED: Seen.RECEIVED,
        Status.RFUND_ING: Seen.RETURNING,
        Status.REFUND: Seen.RETURNED,
    }
)


class WeChatChannel:
    """Pays over WeChat, for all merchants that have a client."""

    def __init__(self, callers: Mapping[MerchantId, Caller], clock: Clock) -> None:
        """Use these clients; more can come into the mapping later."""
        self._callers = callers
        self._clock = clock

    def freeze(self, order: Order) -> Packet:
        """Check an order and write its request down, all but nonce_str and sign.

        Raises:
            BadInput: the kind is unknown, the merchant has no client, or a value must not be sent.
        """
        kind = KINDS.get(order.kind)
        if kind is None:
            raise BadInput(field="kind", fault=f"no kind {order.kind!r}", remedy="one of " + ", ".join(KINDS))
        given: dict[str, Any] = dict(order.words)
        own = {"mch_billno", "wxappid", "re_openid", "total_amount"}
        if taken := own & given.keys():
            raise BadInput(field=min(taken), fault="comes from the grant", remedy="leave it out of the words")
        try:
            request = kind(
                mch_billno=order.number,
                wxappid=order.appid,
                re_openid=order.openid,
                total_amount=order.fen,
                **given,
            )
        except TypeError:
            raise BadInput(
                field="words", fault=f"do not fit {order.kind}", remedy="give the fields of that request, and no other"
            ) from None
        return Packet(order.kind, tuple(request.wire(self._caller(order.merchant).limits)))

    async def send(self, merchant: MerchantId, packet: Packet) -> Answered:
        """Send a packet once."""
        request: Frozen[SentRedPack] = Frozen(packet.endpoint, packet.fields)
        try:
            async with asyncio.timeout(CALL_MS_MAX / 1000):
                sent = await self._caller(merchant).call(request)
        except CallError as error:
            return Answered(outcome_of(error), error.raw)
        except BadInput as refused:
            # The frozen request passed once; whatever refuses it now, nothing left.
            return Answered(NotTried(text=str(refused)))
        except TimeoutError:
            return Answered(Unsure(text=f"no answer within {CALL_MS_MAX} ms"))
        return Answered(Sent(list_id=sent.send_listid))

    async def look(self, merchant: MerchantId, packet: Packet) -> Looked:
        """Ask what became of a packet."""
        try:
            async with asyncio.timeout(CALL_MS_MAX / 1000):
                record: RedPackRecord = await self._caller(merchant).call(_query(packet))
        except CallError as error:
            return Looked(_not_seen(error), error.raw)
        except BadInput as refused:
            return Looked(Sighting(seen=Seen.NOTHING, text=str(refused)))
        except TimeoutError:
            return Looked(Sighting(seen=Seen.NOTHING, text=f"no answer within {CALL_MS_MAX} ms"))
        return Looked(_sighting(record))

    def _caller(self, merchant: MerchantId) -> Caller:
        caller = self._callers.get(merchant)
        # mch_id is the one field that the client adds: another merchant's client must never send a frozen packet.
        if caller is None or caller.mch_id != merchant:
            raise BadInput(
                field="merchant", fault=f"{merchant} has no credentials here", remedy="give its key and certificate"
            )
        return caller


def _query(packet: Packet) -> Request[Any]:
    appid = str(packet.field(QUERY_APPID_FIELD))
    if packet.endpoint == "sendworkwxredpack":
        return QueryWorkRedPack(mch_billno=packet.number, appid=appid)
    return QueryRedPack(mch_billno=packet.number, appid=appid)


def outcome_of(error: CallError) -> Outcome:
    """Say what the failed end of a send means."""
    code, text = error.code or "", error.text
    if not error.sent:
        return NotTried(text=str(error))
    row = error.row
    if row is None:
        # Timeout, broken or strange answer, or a code that no document has.
        return Unsure(code=code, text=text or str(error), strange=bool(code))
    match row.same_number:
        case codes.SameNumber.NEW:
            return Dead(code=code, text=text)
        case codes.SameNumber.QUERY:
            return Unsure(code=code, text=text, resend=code in _REPEATED, in_process=code == "PROCESSING")
        case codes.SameNumber.YES | codes.SameNumber.ORIGINAL:
            about = _param_about(text) if code == "PARAM_ERROR" else _ABOUT.get(code)
            if about is None:
                return Unsure(code=code, text=text, strange=True)
            order = row.order in {codes.Order.STUCK, codes.Order.UNKNOWN}
            return No(about=about, code=code, text=text, order=order)


def _param_about(text: str) -> About:
    return About.ROW if any(name in text for name in _ROW_FIELDS) else About.SETUP


def _not_seen(error: CallError) -> Sighting:
    code, text = error.code or "", error.text or str(error)
    if code == "NOT_FOUND" and error.row is not None:
        return Sighting(seen=Seen.NOT_FOUND, code=code, text=text)
    about: About | None = None
    if error.row is not None:
        about = {codes.Turn.WAIT: About.PACE, codes.Turn.FIX_ACCOUNT: About.SETUP}.get(error.row.turn)
    return Sighting(seen=Seen.NOTHING, code=code, text=text, about=about)


def _sighting(record: RedPackRecord) -> Sighting:
    if record.status is Status.SENDING:
        seen = Seen.STUCK if record.reason else Seen.IN_PROCESS
    else:
        seen = _SEEN[record.status]
    return Sighting(
        seen=seen,
        list_id=record.detail_id,
        fen=record.total_amount,
        returned_fen=record.refund_amount,
        text=record.reason or "",
    )
