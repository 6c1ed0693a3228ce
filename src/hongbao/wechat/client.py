"""The clients. `Client` and `AsyncClient` are the same but for the waiting: both drive :mod:`hongbao.wechat.flow`."""

import re
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from hongbao.clock import Clock, Dice, SystemClock, SystemDice
from hongbao.errors import BadInput
from hongbao.merchant import LimitSet
from hongbao.wechat import xml
from hongbao.wechat.chain import Chain
from hongbao.wechat.credentials import Credentials, tls_context
from hongbao.wechat.endpoints import HOSTS
from hongbao.wechat.fields import Wire
from hongbao.wechat.flow import Conversation, converse, converse_freely, signed_fields
from hongbao.wechat.redpack import Request
from hongbao.wechat.replies import SentMiniProgramRedPack
from hongbao.wechat.signing import SignType, explain_sign, pay_sign
from hongbao.wechat.transport import AsyncTransport, SyncTransport, Timeouts

R = TypeVar("R")
TransportT = TypeVar("TransportT", SyncTransport, AsyncTransport)

_PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_BASE_URL = re.compile(rf"https://(?:[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(?::{_PORT})?(?:/[!-~]*)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class BizRedPacket:
    """The parameters a mini-program page passes to wx.sendBizRedPacket (docs/reference/endpoints.md).

    `as_dict` has the names that the page needs.
    """

    time_stamp: str
    nonce_str: str
    package: str
    sign_type: str
    pay_sign: str

    def as_dict(self) -> dict[str, str]:
        """Return the parameters under the page's names, ready to become JSON."""
        return {
            "timeStamp": self.time_stamp,
            "nonceStr": self.nonce_str,
            "package": self.package,
            "signType": self.sign_type,
            "paySign": self.pay_sign,
        }

    def __repr__(self) -> str:
        """Show nothing that opens a packet."""
        return f"BizRedPacket(time_stamp={self.time_stamp!r})"


class _Shared(Generic[TransportT]):
    """What both clients know: one merchant, where to call, and what may be sent."""

    _transport_type: Callable[[ssl.SSLContext, Timeouts], TransportT]

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str | Sequence[str] = HOSTS,
        limits: LimitSet | None = None,
        ca_file: Path | None = None,
        timeouts: Timeouts | None = None,
        clock: Clock | None = None,
        dice: Dice | None = None,
    ) -> None:
        """Make a client for one merchant. Nothing is opened before the first call.

        Args:
            credentials: who calls. Several merchants: several clients, side by side.
            base_url: where WeChat is: one URL, or several to be tried in turn while nothing was sent. The default is
                production, and its second host. A simulator's goes here; nothing else changes.
            limits: what may be sent; the public defaults if None.
            ca_file: PEM file of a private CA, to trust instead of the system's. A simulator's goes here.
            timeouts: how long to wait.
            clock: for the timestamp of wx.sendBizRedPacket.
            dice: for nonces.

        Raises:
            BadInput: base_url is no https URL of a host, or ca_file cannot be read.
        """
        self._hosts = (base_url,) if isinstance(base_url, str) else tuple(base_url)
        if not self._hosts:
            raise BadInput(field="base_url", fault="names no host", remedy="give one URL, or several")
        for url in self._hosts:
            if not _BASE_URL.fullmatch(url):
                raise BadInput(
                    field="base_url",
                    fault="is not https://host, https://host:port or one of them with a path",
                    remedy="red packets travel over mutual TLS",
                )
        self.credentials = credentials
        self.limits = limits or LimitSet()
        self._clock = clock or SystemClock()
        self._dice = dice or SystemDice()
        self._transport = self._transport_type(tls_context(credentials.certificate, ca_file), timeouts or Timeouts())

    @property
    def mch_id(self) -> str:
        """The merchant this client speaks for."""
        return self.credentials.mch_id

    def explain_sign(self, request: Request[Any]) -> str:
        """Return the string that would be hashed into the sign of a request, with the key masked.

        For comparing with WeChat's sign checking tool. Openids stand in it in full: do not log it.

        Raises:
            BadInput: as calling would.
        """
        fields = signed_fields(request, self.credentials, self.limits, self._dice.token(32))
        return explain_sign(fields, self.credentials.api_key.reveal())

    def biz_red_packet(self, sent: SentMiniProgramRedPack) -> BizRedPacket:
        """Return what a mini-program page needs to open the packet. Make it for each opening: it bears the time."""
        timestamp = str(self._clock.now_ms() // 1000)
        nonce = self._dice.token(32)
        package, signature = pay_sign(
            appid=sent.wxappid,
            timestamp=timestamp,
            nonce=nonce,
            package=sent.package,
            key=self.credentials.api_key.reveal(),
        )
        return BizRedPacket(time_stamp=timestamp, nonce_str=nonce, package=package, sign_type="MD5", pay_sign=signature)

    def __repr__(self) -> str:
        """Show who calls whom."""
        return f"{type(self).__name__}({self.mch_id} at {self._hosts[0]})"

    def _conversation(self, request: Request[R]) -> Conversation[R]:
        return converse(request, self.credentials, self.limits, self._hosts, self._dice)

    def _free_conversation(
        self, path: str, fields: Mapping[str, Wire], sign_type: SignType
    ) -> Conversation[xml.Document]:
        return converse_freely(path, fields, self.credentials, self._hosts, self._dice, sign_type)


class Client(_Shared[SyncTransport]):
    """Calls WeChat and waits. May be shared by threads. Close it, or use it in a `with`.

    ::

        client = Client(Credentials.from_p12(mch_id=..., api_key=..., p12=Path("apiclient_cert.p12")))
        sent = client.call(SendRedPack(...))
    """

    _transport_type = SyncTransport

    def call(self, request: Request[R]) -> R:
        """Make one call: `SendRedPack` gives a `SentRedPack`, `QueryRedPack` a `RedPackRecord`, and so on.

        It is made once. Whether and when to repeat it is the caller's to decide, from the class of the error.

        Raises:
            BadInput: a value must not be sent; nothing was.
            CallError: by who must act; see :mod:`hongbao.wechat.errors`.
        """
        return self._drive(self._conversation(request))

    @property
    def v2(self) -> Chain[xml.Document]:
        """The door to any other v2 call: ``client.v2.pay.orderquery.post({...})``."""
        return Chain("v2", self._post_freely)

    def chain(self, path: str) -> Chain[xml.Document]:
        """Return the door to the call at `path`, with or without ``v2/`` before it."""
        return Chain(path, self._post_freely)

    def __getitem__(self, path: str) -> Chain[xml.Document]:
        """Return the door to the call at `path`: ``client["v2/pay/orderquery"]``."""
        return self.chain(path)

    def close(self) -> None:
        """Close all connections. The client can be used again afterwards."""
        self._transport.close()

    def __enter__(self) -> Self:
        """Use the client in a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self.close()

    def _post_freely(self, path: str, fields: Mapping[str, Wire], sign_type: SignType) -> xml.Document:
        return self._drive(self._free_conversation(path, fields, sign_type))

    def _drive(self, conversation: Conversation[R]) -> R:
        try:
            post = next(conversation)
            while True:
                post = conversation.send(self._transport.post(post))
        except StopIteration as end:
            return end.value


class AsyncClient(_Shared[AsyncTransport]):
    """Calls WeChat without blocking. Belongs to one event loop. Close it, or use it in an `async with`.

    ::

        async with AsyncClient(credentials) as client:
            sent = await client.call(SendRedPack(...))
    """

    _transport_type = AsyncTransport

    async def call(self, request: Request[R]) -> R:
        """Make one call; as `Client.call`.

        A caller who is cancelled while waiting does not learn the outcome: it is unknown, as after a timeout.

        Raises:
            BadInput: a value must not be sent; nothing was.
            CallError: by who must act; see :mod:`hongbao.wechat.errors`.
        """
        return await self._drive(self._conversation(request))

    @property
    def v2(self) -> Chain[Awaitable[xml.Document]]:
        """The door to any other v2 call: ``await client.v2.pay.orderquery.post({...})``."""
        return Chain("v2", self._post_freely)

    def chain(self, path: str) -> Chain[Awaitable[xml.Document]]:
        """Return the door to the call at `path`, with or without ``v2/`` before it."""
        return Chain(path, self._post_freely)

    def __getitem__(self, path: str) -> Chain[Awaitable[xml.Document]]:
        """Return the door to the call at `path`: ``client["v2/pay/orderquery"]``."""
        return self.chain(path)

    async def close(self) -> None:
        """Close all connections. The client can be used again afterwards."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        """Use the client in a block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self.close()

    def _post_freely(self, path: str, fields: Mapping[str, Wire], sign_type: SignType) -> Awaitable[xml.Document]:
        return self._drive(self._free_conversation(path, fields, sign_type))

    async def _drive(self, conversation: Conversation[R]) -> R:
        try:
            post = next(conversation)
            while True:
                post = conversation.send(await self._transport.post(post))
        except StopIteration as end:
            return end.value
