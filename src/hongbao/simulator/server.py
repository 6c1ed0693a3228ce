"""The pay server's HTTP: requests read off TLS links, handed to an answering function, replies put on the wire.

HTTP/1.0 and 1.1, any content type, bodies with a length or chunked, kept-alive connections, pipelined requests
answered in order, ``Expect: 100-continue``. What is wrong below HTTP's line (garbage, a head or body too large) gets
the page nginx would send. One event loop calls everything; the answering function is never called twice at once.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

import httptools
from OpenSSL import SSL

from hongbao.clock import Clock
from hongbao.simulator.certificates import Recognition
from hongbao.simulator.face import Arrival, Departure
from hongbao.simulator.tls import Link

_LOG = logging.getLogger("hongbao.simulator")

# Colon, blank, carriage return and line feed.
_HEADER_FRAME_BYTES = 4


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much and how long a connection may take. Seconds are real ones: the wire knows no simulated clock."""

    head_bytes_max: int = 32_768
    body_bytes_max: int = 2_000_000
    pipelined_max: int = 64
    handshake_seconds: float = 15
    request_seconds: float = 60
    idle_seconds: float = 75
    linger_seconds: float = 5


class PayServer:
    """Listens for TLS connections and has each request answered.

    Attributes:
        context: the TLS settings.
        recognition: judges client certificates.
    """

    def __init__(
        self,
        answer: Callable[[Arrival], Departure],
        *,
        context: SSL.Context,
        recognition: Recognition,
        clock: Clock,
        bounds: Bounds | None = None,
    ) -> None:
        """Answer with `answer`; `clock` gives the Date of the replies."""
        self.answer = answer
        self.context = context
        self.recognition = recognition
        self.bounds = bounds or Bounds()
        self._clock = clock
        self._links: set[Link] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None
        self._date_second = -1
        self._date = b""
        self._heads: dict[tuple[int, str], bytes] = {}

    async def start(self, host: str, port: int) -> int:
        """Listen on `host`; port 0 takes a free one. Return the port.

        Raises:
            OSError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self), host, port, backlog=1024)
        self._sweep = loop.call_later(1, self._sweep_links)
        return cast(int, self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and break every connection."""
        if self._sweep is not None:
            self._sweep.cancel()
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.abort()
        if self._server is not None:
            await self._server.wait_closed()
        # A turn of the loop lets aborted transports, those of the proxy included, report their end.
        await asyncio.sleep(0)

    # What the links call.

    def joined(self, link: Link) -> None:
        link.deadline = asyncio.get_running_loop().time() + self.bounds.handshake_seconds
        self._links.add(link)

    def converse(self, link: Link) -> "Exchange":
        return Exchange(self, link)

    def left(self, link: Link) -> None:
        self._links.discard(link)

    def head(self, status: int, content_type: str, length: int, *, keep_alive: bool) -> bytes:
        """Write a reply's head: status line to empty line."""
        second = self._clock.now_ms() // 1000
        if second != self._date_second:
            self._date_second = second
            self._date = b"\r\nDate: " + formatdate(second, usegmt=True).encode()
        start = self._heads.get((status, content_type))
        if start is None:
            try:
                phrase = HTTPStatus(status).phrase
            except ValueError:
                phrase = "Unknown"
            start = f"HTTP/1.1 {status} {phrase}\r\nServer: nginx\r\nContent-Type: {content_type}".encode()
            self._heads[(status, content_type)] = start
        end = b"\r\nConnection: keep-alive\r\n\r\n" if keep_alive else b"\r\nConnection: close\r\n\r\n"
        return b"%b%b\r\nContent-Length: %d%b" % (start, self._date, length, end)

    def _sweep_links(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for link in [link for link in self._links if link.deadline < now]:
            link.abort()
        self._sweep = loop.call_later(1, self._sweep_links)


class Exchange:
    """The requests and replies of one link, in order: the next request waits until the last reply has gone out."""

    def __init__(self, server: PayServer, link: Link) -> None:
        """Begin with nothing read and nothing owed."""
        self._server = server
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._pieces: list[bytes] = []
        self._head_bytes = 0
        self._body_bytes = 0
        self._in_head = False
        self._waiting: deque[tuple[Arrival, bool]] = deque()
        self._owing = False
        self._last_seen = False
        self._ended = False
        self._lingering = False
        self._timer: asyncio.TimerHandle | None = None
        self._link.deadline = self._loop.time() + server.bounds.idle_seconds

    # What the link calls.

    def received(self, data: bytes) -> None:
        if self._lingering or self._last_seen:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[cast(int, upgrade.args[0]) :])
            return
        except httptools.HttpParserCallbackError:
            # Not the client's fault but ours.
            raise
        except httptools.HttpParserError:
            # Bytes after a request that asked to close the connection are nobody's business.
            if not self._last_seen:
                self._refuse(400, "Bad Request")
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self._server.bounds.head_bytes_max:
                self._refuse(400, "Request Header Or Cookie Too Large")

    def ended(self) -> None:
        self._ended = True
        if not self._owing:
            self._link.close()

    def lost(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()

    def _decline_upgrade(self, rest: bytes) -> None:
        """Read a request that offers another protocol once more, without the offer: it is served in HTTP/1.1."""
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._refuse(405, "Not Allowed")
            return
        headers = "".join(
            f"{name}: {value}\r\n" for name, value in self._headers.items() if name not in {"upgrade", "connection"}
        )
        self._parser = httptools.HttpRequestParser(self)
        self.received(b"%b %b HTTP/1.1\r\n%b\r\n" % (method, self._url, headers.encode("latin-1")) + rest)

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = {}
        self._header_bytes = 0
        self._pieces = []
        self._head_bytes = 0
        self._body_bytes = 0
        self._in_head = True
        if not self._owing:
            self._link.deadline = self._loop.time() + self._server.bounds.request_seconds

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value) + _HEADER_FRAME_BYTES
        if self._in_head and self._header_bytes <= self._server.bounds.head_bytes_max:
            key = name.decode("latin-1").lower()
            text = value.decode("latin-1")
            known = self._headers.get(key)
            self._headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        self._in_head = False
        bounds = self._server.bounds
        headers = self._headers
        if len(self._url) + self._header_bytes > bounds.head_bytes_max:
            self._refuse(400, "Request Header Or Cookie Too Large")
        elif _length(headers.get("content-length", "")) > bounds.body_bytes_max:
            self._refuse(413, "Request Entity Too Large")
        elif "expect" in headers and not self._owing and headers["expect"].lower() == "100-continue":
            self._link.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._server.bounds.body_bytes_max:
            self._refuse(413, "Request Entity Too Large")
        elif not self._lingering:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self._lingering or self._parser.should_upgrade():
            return
        pieces = self._pieces
        link = self._link
        arrival = Arrival(
            method=self._parser.get_method().decode("latin-1"),
            path=_target(self._url),
            headers=self._headers,
            body=pieces[0] if len(pieces) == 1 else b"".join(pieces),
            address=link.address,
            certificate=link.certificate,
        )
        keep_alive = self._parser.should_keep_alive()
        self._last_seen = not keep_alive
        if not self._owing:
            self._answer(arrival, keep_alive)
            return
        self._waiting.append((arrival, keep_alive))
        if len(self._waiting) >= self._server.bounds.pipelined_max:
            link.pause_reading()

    # Replies.

    def _answer(self, arrival: Arrival, keep_alive: bool) -> None:
        self._owing = True
        try:
            departure = self._server.answer(arrival)
        except Exception:  # noqa: BLE001
            # A bug of ours: the client sees a server's error page and the log has the trace, while the server
            # goes on. A cut connection would look like one of the faults it can be told to play.
            _LOG.exception("a request for %s could not be answered", arrival.path)
            departure = Departure(status=500, content_type="text/html", body=page(500, "Internal Server Error"))
        if departure.silent or departure.wait_ms:
            # Whoever holds a connection by order must not be swept away.
            self._link.deadline = float("inf")
        if departure.silent:
            return
        if departure.wait_ms:
            self._timer = self._loop.call_later(departure.wait_ms / 1000, self._send, arrival, keep_alive, departure)
        else:
            self._send(arrival, keep_alive, departure)

    def _send(self, arrival: Arrival, keep_alive: bool, departure: Departure) -> None:
        keep_alive = keep_alive and (not self._ended or bool(self._waiting))
        head = self._server.head(departure.status, departure.content_type, len(departure.body), keep_alive=keep_alive)
        link = self._link
        if departure.cut_after is not None:
            link.write((head + departure.body)[: departure.cut_after])
            link.cut()
            return
        link.write(head if arrival.method == "HEAD" else head + departure.body)
        self._owing = False
        if not keep_alive:
            link.close()
            return
        link.deadline = self._loop.time() + self._server.bounds.idle_seconds
        if self._waiting:
            # Not at once: a long row of waiting requests must neither recurse nor keep the others from their turn.
            self._owing = True
            self._loop.call_soon(self._answer, *self._waiting.popleft())
            link.resume_reading()

    def _refuse(self, status: int, title: str) -> None:
        """Answer what cannot be read as HTTP, say goodbye, and swallow the rest so that the answer arrives."""
        if self._lingering:
            return
        self._lingering = True
        self._waiting.clear()
        if self._owing:
            # Replies are owed before this one: breaking off is the only answer that keeps their order.
            self._link.cut()
            return
        body = page(status, title)
        self._link.write(self._server.head(status, "text/html", len(body), keep_alive=False) + body)
        self._link.say_goodbye()
        self._link.deadline = self._loop.time() + self._server.bounds.linger_seconds


def page(status: int, title: str) -> bytes:
    """Write the HTML that nginx shows for a status."""
    return (
        f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ).encode()


def _target(url: bytes) -> str:
    """Return path and query of a request line; clients behind a proxy may send the whole address."""
    if not url.startswith(b"/"):
        try:
            parts = httptools.parse_url(url)
        except httptools.HttpParserInvalidURLError:
            return url.decode("latin-1")
        url = (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")
    return url.decode("latin-1")


def _length(text: str) -> int:
    return int(text) if text.isdecimal() else 0
