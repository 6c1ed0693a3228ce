"""The SDK: WeChat Pay's cash red packet calls (微信现金红包), sync and async, usable alone.

::

    from pathlib import Path
    from hongbao.wechat import Client, Credentials, SendRedPack

    credentials = Credentials.from_p12(mch_id="1900000001", api_key="…", p12=Path("apiclient_cert.p12"))
    with Client(credentials) as client:
        sent = client.call(SendRedPack(...))

Errors are a small tree by who must act: :mod:`hongbao.wechat.errors`. The protocol: docs/reference.
"""

from hongbao.errors import BadInput, HongbaoError
from hongbao.merchant import Limit, LimitSet
from hongbao.money import Fen, fen_from_yuan, yuan_text
from hongbao.number import OrderIntent, classic_order_number, order_number
from hongbao.wechat.chain import Chain
from hongbao.wechat.client import AsyncClient, BizRedPacket, Client
from hongbao.wechat.codes import CODES, CodeRow, Order, SameNumber, Turn
from hongbao.wechat.credentials import ClientCertificate, Credentials, Secret
from hongbao.wechat.endpoints import HOSTS
from hongbao.wechat.errors import (
    CallError,
    Final,
    FixAccount,
    FixRequest,
    NothingSent,
    OutcomeUnknown,
    SameNumberAgain,
    Wait,
)
from hongbao.wechat.fields import RiskInfo
from hongbao.wechat.redpack import (
    PreOrder,
    QueryRedPack,
    QueryWorkRedPack,
    Request,
    SendGroupRedPack,
    SendGroupRedPack2015,
    SendMiniProgramRedPack,
    SendRedPack,
    SendRedPack2015,
    SendWorkRedPack,
)
from hongbao.wechat.replies import (
    PreOrdered,
    RedPackRecord,
    SentMiniProgramRedPack,
    SentRedPack,
    SentWorkRedPack,
    Status,
    Taken,
    WorkRedPackRecord,
)
from hongbao.wechat.signing import explain_sign, sign
from hongbao.wechat.transport import Timeouts

__all__ = [
    "CODES",
    "HOSTS",
    "AsyncClient",
    "BadInput",
    "BizRedPacket",
    "CallError",
    "Chain",
    "Client",
    "ClientCertificate",
    "CodeRow",
    "Credentials",
    "Fen",
    "Final",
    "FixAccount",
    "FixRequest",
    "HongbaoError",
    "Limit",
    "LimitSet",
    "NothingSent",
    "Order",
    "OrderIntent",
    "OutcomeUnknown",
    "PreOrder",
    "PreOrdered",
    "QueryRedPack",
    "QueryWorkRedPack",
    "RedPackRecord",
    "Request",
    "RiskInfo",
    "SameNumber",
    "SameNumberAgain",
    "Secret",
    "SendGroupRedPack",
    "SendGroupRedPack2015",
    "SendMiniProgramRedPack",
    "SendRedPack",
    "SendRedPack2015",
    "SendWorkRedPack",
    "SentMiniProgramRedPack",
    "SentRedPack",
    "SentWorkRedPack",
    "Status",
    "Taken",
    "Timeouts",
    "Turn",
    "Wait",
    "WorkRedPackRecord",
    "classic_order_number",
    "explain_sign",
    "fen_from_yuan",
    "order_number",
    "sign",
    "yuan_text",
]
