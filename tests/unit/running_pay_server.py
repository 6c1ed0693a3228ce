"""A pay server in a thread of its own whose answers a test decides, and raw connections to it."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from hongbao.clock import SystemClock
from hongbao.simulator.certificates import Authority, Recognition
from hongbao.simulator.face import Arrival, Departure
from hongbao.simulator.proxy import Proxy
from hongbao.simulator.server import Bounds, PayServer
from hongbao.simulator.tls import Link, server_context

MCH_ID = "1900000001"
Result = TypeVar("Result")


class FixedClock:
    """Shows 2025-01-01 12:00:00 Beijing time for ever."""

    def now_ms(self) -> int:
        return 1_735_704_000_000


class RunningPayServer:
    """Between `with` and its end: listens, remembers every arrival, answers with `answer`."""

    def __init__(
        self, folder: Path, answer: Callable[[Arrival], Departure] | None = None, bounds: Bounds | None = None
    ) -> None:
        self.authority = Authority(folder, SystemClock())
        self.arrivals: list[Arrival] = []
        self.port = 0
        self.proxy_port = 0
        self._answer = answer or (lambda arrival: Departure(200, "text/plain", b"body:" + arrival.body))
        self._bounds = bounds
        self._server: PayServer | None = None
        self._started: Future[None] = Future()
        self._leave = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join()

    def connect(self, *, flaw: str | None = "none", tls: ssl.TLSVersion | None = None) -> ssl.SSLSocket:
        """Connect with the merchant's pair, or with none (flaw None), or with a flawed one."""
        context = ssl.create_default_context(cafile=self.authority.ca_file)
        if tls is not None:
            context.maximum_version = tls
        if flaw is not None:
            pair = (
                self.authority.merchant_pair(MCH_ID)
                if flaw == "none"
                else self.authority.flawed_pair(MCH_ID, flaw, SystemClock().now_ms())  # type: ignore[arg-type]
            )
            context.load_cert_chain(pair.certificate, pair.key)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        # A cut must show as an error, not as an orderly end.
        return context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)

    def call_server(self, verb: Callable[[PayServer], Result]) -> Result:
        """Call `verb` with the server, in the server's own thread."""
        done: Future[Result] = Future()
        server, loop = self._server, self._loop
        assert server is not None
        assert loop is not None
        loop.call_soon_threadsafe(lambda: done.set_result(verb(server)))
        return done.result(10)

    def wait_until_nobody_is_connected(self) -> None:
        """Return when the server holds no connection any more; a leaked one makes the test time out."""
        while self.call_server(lambda server: len(server._links)):
            pass

    def ask(self, request: bytes, *, flaw: str | None = "none") -> bytes:
        """Send bytes on a fresh connection and read until the server closes in good order."""
        with self.connect(flaw=flaw) as connection:
            connection.sendall(request)
            return read_to_end(connection)

    def _judge(self, arrival: Arrival) -> Departure:
        self.arrivals.append(arrival)
        return self._answer(arrival)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = self._server = PayServer(
            self._judge,
            context=server_context(self.authority.server_file()),
            recognition=Recognition(self.authority.ca_file, SystemClock()),
            clock=FixedClock(),
            bounds=self._bounds,
        )
        proxy = Proxy(lambda: Link(server))
        self.port = await server.start("127.0.0.1", 0)
        self.proxy_port = await proxy.start("127.0.0.1", 0)
        self._started.set_result(None)
        await self._leave.wait()
        proxy.close()
        await server.stop()
        await proxy.wait_closed()


def post(body: bytes, *headers: str, path: str = "/mmpaymkttransfers/sendredpack") -> bytes:
    """Write an HTTP/1.1 POST with a length."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def read_to_end(connection: ssl.SSLSocket) -> bytes:
    data = bytearray()
    while piece := connection.recv(65536):
        data += piece
    return bytes(data)


def read_reply(connection: ssl.SSLSocket) -> tuple[bytes, bytes]:
    """Read one reply; return its head and its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        assert piece, "the connection ended inside a reply's head"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    assert len(body) == length, "more came than the reply's length"
    return head, body
