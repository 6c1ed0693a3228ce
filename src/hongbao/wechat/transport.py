"""How a post travels: mutual TLS, kept-alive connections, no retry, no redirect, no proxy from the environment.

A transport answers whatever happens: with an Answer, or with a Failure that says whether anything may have been sent.
Sync runs on urllib3, async on aiohttp; why these: docs/decisions/0003.
"""

import asyncio
import ssl
import threading
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from dataclasses import dataclass, fields
from socket import AF_INET, AddressFamily
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import urllib3
import urllib3.connection
from aiohttp.abc import ResolveResult
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from hongbao.errors import BadInput
from hongbao.wechat.flow import Answer, Failure, Post
from hongbao.wechat.xml import BODY_BYTES_MAX

CONTENT_TYPE = "text/xml; charset=utf-8"
_HEADERS = {"Content-Type": CONTENT_TYPE, "Accept-Encoding": "identity", "User-Agent": "hongbao"}
CONNECTIONS_MAX = 64
"""How many connections a client keeps unless it is told otherwise."""

TIMEOUT_MS_MAX = 86_400_000
"""The longest wait that can be asked for, in milliseconds: a day."""

_CAUSES_MAX = 3
_TOO_LONG = f"the answer has more than {BODY_BYTES_MAX} bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait, in milliseconds. Running out while reading leaves the outcome unknown.

    Attributes:
        connect_ms: before a byte of the request leaves, for each of: finding the host's name (async only; sync waits as
            long as the system does), and connection with TLS handshake to one of its addresses.
        read_ms: for each wait on the peer after that.
    """

    connect_ms: int = 5_000
    read_ms: int = 20_000

    def __post_init__(self) -> None:
        """Check that both are times that can be waited.

        Raises:
            BadInput: one is no whole number of milliseconds from 1 to a day.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            # To the libraries zero means "at once" or "for ever", as they please.
            if type(value) is not int or not 1 <= value <= TIMEOUT_MS_MAX:
                raise BadInput(
                    field=each.name,
                    fault="is not a whole number of milliseconds that can be waited",
                    remedy=f"give 1 to {TIMEOUT_MS_MAX}",
                )


class _Sent(threading.local):
    """Whether this thread's current call has handed a byte of its request to the socket."""

    value: bool = False


_sent = _Sent()


class _MarkingConnection(urllib3.connection.HTTPSConnection):
    """Marks that a request began to leave. The TLS handshake does not go through `send`."""

    def send(self, data: Any) -> None:  # noqa: ANN401  the signature of http.client
        _sent.value = True
        super().send(data)


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _MarkingConnection  # pyright: ignore[reportAssignmentType]  the protocol's lists are invariant


class SyncTransport:
    """Posts over urllib3. May be shared by threads: each call has a connection of its own while it runs."""

    def __init__(self, context: ssl.SSLContext, timeouts: Timeouts, connections_max: int) -> None:
        """Open nothing yet. Of the connections to a host at most `connections_max` are kept after their call."""
        self._context = context
        self._connections_max = connections_max
        self._timeout = urllib3.Timeout(connect=timeouts.connect_ms / 1000, read=timeouts.read_ms / 1000)
        self._pools: dict[tuple[str, int], _Pool] = {}
        self._lock = threading.Lock()

    def post(self, post: Post) -> Answer | Failure:
        """Post once and wait for the whole answer."""
        _sent.value = False
        try:
            url = urlsplit(post.url)
            response = self._pool(url.hostname or "", url.port or 443).urlopen(
                "POST",
                url.path,
                body=post.body,
                headers=_HEADERS,
                # Given at each call, not only to the pool: the default repeats a POST after a TLS error in the reply.
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
            body = response.read(BODY_BYTES_MAX + 1)  # read to its end, the connection goes back to the pool
            if len(body) > BODY_BYTES_MAX:
                response.close()
                return Failure(sent=True, what=_TOO_LONG)
            # urllib3 finds a body that ends early only where another read would follow.
            if response.length_remaining:
                return Failure(sent=True, what="the answer ends early")
        # Whatever a peer or a library does, the caller must learn whether to look the packet up: a chunk of negative
        # length, for one, is a ValueError.
        except Exception as error:  # noqa: BLE001
            return Failure(sent=_sent.value, what=_told(error, sent=_sent.value))
        return Answer(response.status, body)

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def _pool(self, host: str, port: int) -> _Pool:
        with self._lock:
            pool = self._pools.get((host, port))
            if pool is None:
                pool = self._pools[host, port] = _Pool(
                    host, port, maxsize=self._connections_max, timeout=self._timeout, ssl_context=self._context
                )
            return pool


class _Mark:
    """Whether one call may have handed a byte of its request to a socket, and what carries it.

    True from the start: only the connector, while it has not found a connection, can say that nothing was sent.
    """

    __slots__ = ("sent", "transport")

    def __init__(self) -> None:
        self.sent = True
        self.transport: asyncio.Transport | None = None

    def abort(self) -> None:
        """End the connection now, unless another call has it already.

        aiohttp ends that of a failed call politely and in the background: TLS waits up to 30 s for a peer that may be
        gone, and a loop that ends before that leaves the socket open. A call that is cancelled just when its answer is
        complete has given its connection back, and that must live on.
        """
        if self.transport is not None and self.transport.is_closing():
            self.transport.abort()


_mark: ContextVar[_Mark] = ContextVar("hongbao_mark")


class _MarkingConnector(aiohttp.TCPConnector):
    """Marks the call that waits for a connection: nothing was sent before it has one, anything may be after.

    What goes wrong proves nothing: a server that refuses our certificate under TLS 1.3 does so after the request left.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  the signature of aiohttp
    ) -> Connection:
        mark = _mark.get()
        mark.sent = False
        connection = await super().connect(req, traces, timeout)
        mark.sent = True
        mark.transport = connection.transport
        return connection


class _Resolver(aiohttp.ThreadedResolver):
    """Asks the system for a host's addresses, and does not wait for them for ever."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._timeout_s = timeout_s

    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AF_INET) -> list[ResolveResult]:
        async with asyncio.timeout(self._timeout_s):
            return await super().resolve(host, port, family)


class AsyncTransport:
    """Posts over aiohttp. Each event loop has connections of its own: those of another loop cannot be waited on."""

    def __init__(self, context: ssl.SSLContext, timeouts: Timeouts, connections_max: int) -> None:
        """Open nothing yet. In a loop at most `connections_max` calls are made at a time; more wait for one to end."""
        self._context = context
        self._connect_s = timeouts.connect_ms / 1000
        self._connections_max = connections_max
        # No `connect`: that would count the wait for a free connection too, and call our own queue a failed host.
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._connect_s, sock_read=timeouts.read_ms / 1000
        )
        self._sessions: dict[asyncio.AbstractEventLoop, _Session] = {}

    async def post(self, post: Post) -> Answer | Failure:
        """Post once and wait for the whole answer."""
        session = self._sessions.get(asyncio.get_running_loop())
        if session is None or session.http.closed:
            session = await self._open()
        mark = _Mark()
        _mark.set(mark)
        try:
            # aiohttp repeats a call on a lost connection for idempotent methods only; POST is none.
            async with session.http.post(
                URL(post.url, encoded=True), data=post.body, allow_redirects=False
            ) as response:
                body = await _whole(response)
        except asyncio.CancelledError:
            mark.abort()
            raise
        # As in SyncTransport: whatever happens, only the mark says whether the packet must be looked up.
        except Exception as error:  # noqa: BLE001
            mark.abort()
            return Failure(sent=mark.sent, what=_told(error, sent=mark.sent))
        if body is None:
            mark.abort()
            return Failure(sent=True, what=_TOO_LONG)
        return Answer(response.status, body)

    async def close(self) -> None:
        """Close all connections of this event loop."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.keeper.aclose()

    async def _open(self) -> "_Session":
        """Open a session for this loop, and forget those of loops that are gone."""
        # Over a copy: loops of other threads come and go meanwhile.
        for loop, session in tuple(self._sessions.items()):
            if loop.is_closed() and self._sessions.pop(loop, None) is not None:
                session.drop()
        keeper = self._kept()
        session = _Session(await anext(keeper), keeper)
        self._sessions[asyncio.get_running_loop()] = session
        return session

    async def _kept(self) -> AsyncGenerator[aiohttp.ClientSession]:
        """Keep a session open until this generator ends, which a loop sees to before it ends itself.

        So a client that was not closed leaves nothing open behind `asyncio.run`.
        """
        connector = _MarkingConnector(
            ssl=self._context, limit=self._connections_max, resolver=_Resolver(self._connect_s)
        )
        async with aiohttp.ClientSession(
            connector=connector,
            headers=_HEADERS,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        ) as session:
            yield session


@dataclass(frozen=True, slots=True)
class _Session:
    """The connections of one event loop."""

    http: aiohttp.ClientSession
    keeper: AsyncGenerator[aiohttp.ClientSession]

    def drop(self) -> None:
        """Let go of them when their loop is gone: nothing can be awaited there any more."""
        if not self.http.closed:
            self.http.detach()


async def _whole(response: aiohttp.ClientResponse) -> bytes | None:
    """Read a body to its end, or give up beyond what is ever read; leaving it unread closes the connection."""
    chunks: list[bytes] = []
    length = 0
    while chunk := await response.content.readany():
        chunks.append(chunk)
        length += len(chunk)
        if length > BODY_BYTES_MAX:
            return None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _told(error: BaseException, *, sent: bool) -> str:
    """Say what went wrong.

    Before anything was sent in the library's own words, which name host and port. After that without them: they may
    quote what came back, with an openid or a sign in it. The names of the classes tell it well enough.
    """
    if not sent:
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    names: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(names) < _CAUSES_MAX:
        # OpenSSL's reason is one of its own words: it says, for one, that the client certificate was refused.
        reason = getattr(cause, "reason", None) if isinstance(cause, ssl.SSLError) else None
        names.append(f"{type(cause).__name__} {reason}" if reason else type(cause).__name__)
        cause = next(
            (each for each in cause.args if isinstance(each, BaseException)), cause.__cause__ or cause.__context__
        )
    return ", from ".join(names)
