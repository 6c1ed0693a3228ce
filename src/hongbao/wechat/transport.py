"""How a post travels: mutual TLS, kept-alive connections, no retry, no redirect, no proxy from the environment.

A transport answers whatever happens: with an Answer, or with a Failure that says whether anything may have been sent.
Sync runs on urllib3, async on aiohttp; why these: docs/decisions/0003.
"""

import asyncio
import ssl
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import urllib3
import urllib3.connection
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from hongbao.wechat.flow import Answer, Failure, Post
from hongbao.wechat.xml import BODY_BYTES_MAX

CONTENT_TYPE = "text/xml; charset=utf-8"
_HEADERS = {"Content-Type": CONTENT_TYPE, "Accept-Encoding": "identity", "User-Agent": "hongbao"}
_CONNECTIONS_MAX = 64
_TOO_LONG = f"the answer has more than {BODY_BYTES_MAX} bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait, in milliseconds. Running out while reading leaves the outcome unknown.

    Attributes:
        connect_ms: for name, connection and TLS handshake, before a byte of the request leaves.
        read_ms: for each wait on the peer after that.
    """

    connect_ms: int = 5_000
    read_ms: int = 20_000


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

    def __init__(self, context: ssl.SSLContext, timeouts: Timeouts) -> None:
        """Open nothing yet."""
        self._context = context
        self._timeout = urllib3.Timeout(connect=timeouts.connect_ms / 1000, read=timeouts.read_ms / 1000)
        self._pools: dict[tuple[str, int], _Pool] = {}
        self._lock = threading.Lock()

    def post(self, post: Post) -> Answer | Failure:
        """Post once and wait for the whole answer."""
        url = urlsplit(post.url)
        pool = self._pool(url.hostname or "", url.port or 443)
        _sent.value = False
        try:
            response = pool.urlopen(
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
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Failure(sent=_sent.value, what=_told(error))
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
                    host, port, maxsize=_CONNECTIONS_MAX, timeout=self._timeout, ssl_context=self._context
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


class AsyncTransport:
    """Posts over aiohttp. Belongs to the event loop it first posts in."""

    def __init__(self, context: ssl.SSLContext, timeouts: Timeouts) -> None:
        """Open nothing yet."""
        self._context = context
        self._timeout = aiohttp.ClientTimeout(
            total=None,
            connect=timeouts.connect_ms / 1000,
            sock_connect=timeouts.connect_ms / 1000,
            sock_read=timeouts.read_ms / 1000,
        )
        self._session: aiohttp.ClientSession | None = None

    async def post(self, post: Post) -> Answer | Failure:
        """Post once and wait for the whole answer."""
        if self._session is None:
            self._session = self._open()
        mark = _Mark()
        _mark.set(mark)
        try:
            # aiohttp repeats a call on a lost connection for idempotent methods only; POST is none.
            async with self._session.post(
                URL(post.url, encoded=True), data=post.body, allow_redirects=False
            ) as response:
                body = await _whole(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            mark.abort()
            return Failure(sent=mark.sent, what=_told(error))
        except asyncio.CancelledError:
            mark.abort()
            raise
        if body is None:
            mark.abort()
            return Failure(sent=True, what=_TOO_LONG)
        return Answer(response.status, body)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=_MarkingConnector(ssl=self._context, limit=_CONNECTIONS_MAX),
            headers=_HEADERS,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )


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


def _told(error: Exception) -> str:
    """Say what went wrong in the library's own words, which name host and port but nothing of the request."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
