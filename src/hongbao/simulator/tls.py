"""Mutual TLS that lets any client certificate in, so that a bad one can be answered over HTTP.

WeChat Pay answers a missing or wrong certificate with a page or an XML body, not with a broken handshake
(docs/reference/transport.md, "The client certificate"). Python's own ``ssl`` cannot do that: it either ignores the
client's certificate or ends the handshake over it. So the records are made and read by OpenSSL through pyOpenSSL in
memory, and an asyncio protocol carries them. The certificate is requested, never required, and judged afterwards;
possession of its key is proved by the handshake in every case.

Sessions are not resumed: each connection shows its certificate anew.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Protocol, cast

from OpenSSL import SSL

from hongbao.simulator.certificates import Recognition
from hongbao.simulator.face import Certificate

# A read shorter than this has emptied OpenSSL's buffer.
_PIECE = 32_768
_CUT_POLL_SECONDS = 0.001
_CUT_POLLS_MAX = 5_000
_TLS_HANDSHAKE = 0x16

PLAIN_HTTP_REPLY = (
    b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
    b"<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n"
    b"<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n"
    b"<center>The plain HTTP request was sent to HTTPS port</center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
"""What a client reads that forgot the s of https, in clear text."""


def server_context(server_file: Path) -> SSL.Context:
    """Make the settings shared by all connections: TLS 1.2 and 1.3, a client certificate asked for, no sessions."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(
        SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_RENEGOTIATION
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Without an id OpenSSL answers a client that offers an old session with an alert instead of a full handshake.
    context.set_session_id(b"hongbao")
    context.use_certificate_file(str(server_file))
    context.use_privatekey_file(str(server_file))
    # No list of accepted CAs is sent: clients that choose by it (Java) would then hide a certificate of another CA.
    context.set_verify(SSL.VERIFY_PEER, _let_in)
    return context


def _let_in(_connection: SSL.Connection, _certificate: object, _error: int, _depth: int, _ok: int) -> bool:
    return True


class Conversation(Protocol):
    """What speaks over a link once the handshake is done."""

    def received(self, data: bytes) -> None:
        """Take the next decrypted bytes, at least one."""
        ...

    def ended(self) -> None:
        """Learn that the client will send no more; it may still be reading."""
        ...

    def lost(self) -> None:
        """Learn that the connection is gone."""
        ...


class Host(Protocol):
    """Who the links belong to."""

    context: SSL.Context
    recognition: Recognition

    def joined(self, link: "Link") -> None:
        """Learn of a new connection, before its handshake."""
        ...

    def converse(self, link: "Link") -> Conversation:
        """Begin to speak over a link whose handshake is done."""
        ...

    def left(self, link: "Link") -> None:
        """Learn that a connection is gone."""
        ...


class Link(asyncio.Protocol):
    """One TCP connection with TLS on it.

    Attributes:
        address: the client's IP address.
        certificate: what the client showed, judged when the handshake ended; None: nothing.
        conversation: None until the handshake is done.
        deadline: when the host may break the connection, in the event loop's time.
    """

    def __init__(self, host: Host) -> None:
        """Wait for a transport; `host` is told of everything that happens."""
        self._host = host
        self._tls = SSL.Connection(host.context, None)
        self._tls.set_accept_state()
        self._transport: asyncio.Transport | None = None
        self._fresh = True
        self._closing = False
        self._parted = False
        self._reading = True
        self._choked = False
        self.address = ""
        self.certificate: Certificate | None = None
        self.conversation: Conversation | None = None
        self.deadline = float("inf")

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = cast("tuple[str, int] | None", transport.get_extra_info("peername"))
        self.address = peer[0] if peer else ""
        self._host.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._fresh:
            self._fresh = False
            if data[0] != _TLS_HANDSHAKE:
                self._refuse_plain(data)
                return
        if self._transport is None or self._closing:
            return
        self._tls.bio_write(data)
        if self.conversation is None and not self._shake_hands():
            return
        self._read()

    def eof_received(self) -> bool:
        if self.conversation is None or self._closing:
            return False
        self.conversation.ended()
        return not self._closing

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self.conversation is not None:
            self.conversation.lost()
        self._host.left(self)

    def pause_writing(self) -> None:
        # The client does not read its replies: take no more of its requests until it does.
        self._choked = True
        self._steer()

    def resume_writing(self) -> None:
        self._choked = False
        self._steer()

    # What the conversation calls.

    def write(self, data: bytes) -> None:
        """Send bytes; in vain when the connection is gone."""
        if self._transport is not None and not self._closing:
            self._tls.sendall(data)
            self._flush()

    def close(self) -> None:
        """Say goodbye as TLS has it (close_notify) and close when everything has been sent."""
        if self._transport is None or self._closing:
            return
        if self.conversation is not None:
            self.say_goodbye()
        self._closing = True
        self._transport.close()

    def say_goodbye(self) -> None:
        """Send close_notify, once: no more will be sent, but the client's bytes are still taken."""
        if self._transport is None or self._closing or self._parted:
            return
        self._parted = True
        # A client that has broken TLS off leaves nothing to say goodbye with.
        with contextlib.suppress(SSL.Error):
            self._tls.shutdown()
        self._flush()

    def cut(self) -> None:
        """Break the connection without a goodbye, after what was written has left."""
        self._closing = True
        self._cut_when_sent(0)

    def abort(self) -> None:
        """Break the connection at once."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def pause_reading(self) -> None:
        """Take no bytes until `resume_reading`."""
        self._reading = False
        self._steer()

    def resume_reading(self) -> None:
        """Take bytes again."""
        self._reading = True
        self._steer()

    # Inside.

    def _cut_when_sent(self, polls: int) -> None:
        transport = self._transport
        if transport is None:
            return
        # abort() throws away what waits in the transport, and uvloop lets everything wait for its next turn.
        if polls and (transport.get_write_buffer_size() == 0 or polls > _CUT_POLLS_MAX):
            transport.abort()
            return
        asyncio.get_running_loop().call_later(_CUT_POLL_SECONDS, self._cut_when_sent, polls + 1)

    def _steer(self) -> None:
        if self._transport is None or self._closing:
            return
        if self._reading and not self._choked:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return False
        except SSL.Error:
            # OpenSSL has an alert ready that tells the client what it disliked.
            self._flush()
            self._drop()
            return False
        self._flush()
        shown = self._tls.get_peer_certificate(as_cryptography=True)
        if shown is not None:
            self.certificate = self._host.recognition.judge(shown)
        self.conversation = self._host.converse(self)
        return True

    def _read(self) -> None:
        conversation = self.conversation
        receive = self._tls.recv
        while conversation is not None and not self._closing:
            try:
                data = receive(_PIECE)
            except SSL.WantReadError:
                # A key update or a renegotiation attempt may have left something to say.
                self._flush()
                return
            except SSL.ZeroReturnError:
                conversation.ended()
                return
            except SSL.Error:
                self._flush()
                self._drop()
                return
            conversation.received(data)

    def _flush(self) -> None:
        transport = self._transport
        while transport is not None:
            try:
                data = self._tls.bio_read(_PIECE)
            except SSL.WantReadError:
                return
            transport.write(data)
            if len(data) < _PIECE:
                return

    def _drop(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def _refuse_plain(self, data: bytes) -> None:
        if self._transport is not None:
            if data[:1].isalpha():
                self._transport.write(PLAIN_HTTP_REPLY)
            self._drop()
