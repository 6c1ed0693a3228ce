"""A CONNECT proxy that leads WeChat's host names to the desk, for clients whose host is hard-coded.

``CONNECT api.mch.weixin.qq.com:443`` and the other names of the server's certificate end at the pay server; every
other host is refused, so nothing can leave the machine through it. The tunnel costs no second socket: after the
proxy's reply the connection itself is handed to the pay server, which so still sees the client's address.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from hongbao.simulator.certificates import SERVER_ADDRESSES, SERVER_NAMES

_HEAD_BYTES_MAX = 16_384
_HEAD_SECONDS = 15
_HOSTS = frozenset((*SERVER_NAMES, *SERVER_ADDRESSES))


class Proxy:
    """Listens for CONNECT."""

    def __init__(self, destination: Callable[[], asyncio.Protocol]) -> None:
        """Hand each tunnel to a new protocol from `destination`."""
        self.destination = destination
        self._server: asyncio.Server | None = None
        self.callers: set[asyncio.Transport] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen on `host`; port 0 takes a free one. Return the port.

        Raises:
            OSError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Caller(self), host, port)
        return cast(int, self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening and break connections that have not asked yet; tunnels belong to their destination."""
        if self._server is not None:
            self._server.close()
        for transport in list(self.callers):
            transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the listening socket and all connections, tunnels included, are closed."""
        if self._server is not None:
            await self._server.wait_closed()


class _Caller(asyncio.Protocol):
    """One connection until its tunnel begins."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._head = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._proxy.callers.add(self._transport)
        self._timer = asyncio.get_running_loop().call_later(_HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            if len(self._head) > _HEAD_BYTES_MAX:
                self._refuse("400 Bad Request", "the request's head is too large")
            return
        match head.split(b"\r\n", 1)[0].decode("latin-1").split(" "):
            case ["CONNECT", authority, "HTTP/1.1" | "HTTP/1.0"]:
                host = authority.rpartition(":")[0].strip("[]").lower()
            case _:
                self._refuse("405 Method Not Allowed", "this proxy understands CONNECT only")
                return
        if host not in _HOSTS:
            self._refuse("403 Forbidden", f"this proxy leads to {', '.join(SERVER_NAMES)} only")
            return
        transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._forget()
        destination = self._proxy.destination()
        transport.set_protocol(destination)
        destination.connection_made(transport)
        if rest:
            destination.data_received(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._proxy.callers.discard(self._transport)

    def _refuse(self, status: str, words: str) -> None:
        if self._transport is not None:
            body = words.encode() + b"\n"
            self._transport.write(
                f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            self._transport.close()
