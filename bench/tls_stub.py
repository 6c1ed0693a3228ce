"""Two mutual TLS servers for the benchmarks: one that always answers the same, one that misbehaves on cue.

`constant_server` runs in a process of its own and spends as little as Python can on each call, so that what is
measured is the client. `CueServer` runs in threads of the measuring process: the script tells it what to do with each
connection and reads back how many requests came in.

Run alone to have something to shoot at: `python bench/tls_stub.py FOLDER` makes the certificates in FOLDER and
prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

REPLY_BYTES = 700
REQUEST_BYTES = 1024


def xml_of(size: int) -> bytes:
    """A flat XML document of exactly `size` bytes."""
    head, tail = b"<xml>\n<return_code><![CDATA[SUCCESS]]></return_code>\n<pad><![CDATA[", b"]]></pad>\n</xml>"
    return head + b"0" * (size - len(head) - len(tail)) + tail


def http_reply(body: bytes, status: str = "200 OK", extra: bytes = b"") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {len(body)}\r\n".encode()
        + extra
        + b"\r\n"
        + body
    )


# --- certificates ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files of a throw-away CA lie: the server's pair, a client's pair, and a CA nobody trusts."""

    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def for_client(self, *, trusted: bool = True) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.path("ca.pem" if trusted else "stranger.pem"))
        context.load_cert_chain(self.path("client.pem"), self.path("client.key"))
        return context

    def for_server(self, *, accepts_client: bool = True) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("server.pem"), self.path("server.key"))
        context.load_verify_locations(self.path("ca.pem" if accepts_client else "stranger.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        return context


def make_certificates(folder: Path) -> Certificates:
    """Write a new CA, a server pair for localhost and 127.0.0.1, a client pair and an unrelated CA into `folder`."""
    now = dt.datetime.now(dt.UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def build(
        subject: str, issuer: str, public: ec.EllipticCurvePublicKey, signer: ec.EllipticCurvePrivateKey, *, ca: bool
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if ca:
            usage = x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                decipher_only=False,
            )  # fmt: skip
            builder = builder.add_extension(usage, critical=True)
        else:
            hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            builder = builder.add_extension(both, critical=False)
        return builder.sign(signer, hashes.SHA256())

    def save(stem: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey | None) -> None:
        (folder / f"{stem}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        if key is not None:
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            (folder / f"{stem}.key").write_bytes(pem)

    ca_key = ec.generate_private_key(ec.SECP256R1())
    save("ca", build("bench ca", "bench ca", ca_key.public_key(), ca_key, ca=True), None)
    stranger = ec.generate_private_key(ec.SECP256R1())
    save("stranger", build("stranger ca", "stranger ca", stranger.public_key(), stranger, ca=True), None)
    for stem in ("server", "client"):
        key = ec.generate_private_key(ec.SECP256R1())
        save(stem, build(f"bench {stem}", "bench ca", key.public_key(), ca_key, ca=False), key)
    return Certificates(folder)


# --- the server that always answers the same ------------------------------------------------------------------


class _Constant(asyncio.Protocol):
    """Counts bytes up to the end of each request and answers; parses nothing but Content-Length."""

    REPLY = http_reply(xml_of(REPLY_BYTES))

    def __init__(self) -> None:
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is one in all but its bases

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        while (size := request_size(self.buffer)) is not None and len(self.buffer) >= size:
            self.buffer = self.buffer[size:]
            assert self.transport is not None
            self.transport.write(self.REPLY)


def request_size(buffer: bytes) -> int | None:
    """Bytes of the first request in `buffer`, head and body; None while its head is incomplete."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[:end].lower()
    at = head.find(b"content-length:")
    length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    return end + 4 + length


async def _serve(certificates: Certificates) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Constant, "127.0.0.1", 0, ssl=certificates.for_server(), backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def constant_server(certificates: Certificates, core: int | None = None) -> Generator[int]:
    """Run the constant server in a process of its own, on `core` where the system allows it; yields its port."""
    pin = ["taskset", "-c", str(core)] if core is not None else []
    command = [*pin, sys.executable, __file__, str(certificates.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


# --- the server that misbehaves on cue ------------------------------------------------------------------------

ANSWER = "answer"
READ_THEN_CUT = "read, then cut"
READ_THEN_RESET = "read, then reset"
CUT_UNREAD = "cut with the request unread"
CLOSE_NOW = "close before the request"
ANSWER_THEN_CLOSE = "answer, then close while idle"
ANSWER_PART_THEN_CUT = "half an answer, then cut"
READ_THEN_GARBLE = "read, then answer with bytes that are not TLS"
READ_THEN_SILENT = "read, then silent"
REDIRECT = "answer 307"


@dataclass
class CueServer:
    """Does the next thing on its list with each request that comes in, on whatever connection; then answers all.

    `reached` counts requests of which at least a byte came to this host, `read` those read to their last byte.
    The difference matters: a request the server's kernel holds may have been read by a real server.
    """

    certificates: Certificates
    cues: list[str]
    handshakes: bool = True
    accepts_client: bool = True
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    reached: int = 0
    read: int = 0
    connections: int = 0
    heads: list[bytes] = field(default_factory=list[bytes])
    port: int = 0

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port = self._listener.getsockname()[1]
        self._context = self.certificates.for_server(accepts_client=self.accepts_client)
        self._context.maximum_version = self.newest
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                raw, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._converse, args=(raw,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _next_cue(self) -> str:
        with self._lock:
            return self.cues.pop(0) if self.cues else ANSWER

    def _readable(self, raw: socket.socket) -> bool:
        while not self._stop.is_set():
            if select.select([raw], [], [], 0.02)[0]:
                return True
        return False

    def _converse(self, raw: socket.socket) -> None:
        if not self.handshakes:
            self._stop.wait()
            raw.close()
            return
        raw.settimeout(5)
        if self.cues[:1] == [CLOSE_NOW]:
            # The tidy hang-up: the handshake is whole, and the end of the stream is on its way before any request.
            self._next_cue()
            with contextlib.suppress(OSError), self._context.wrap_socket(raw, server_side=True) as tls:
                tls.unwrap()
            return
        try:
            tls = self._context.wrap_socket(raw, server_side=True)
        except OSError:
            raw.close()
            return
        with tls, contextlib.suppress(OSError):
            while tls.pending() or self._readable(tls):
                if self._gone(tls):
                    return
                cue = self._next_cue()
                with self._lock:
                    self.reached += 1
                if cue == CUT_UNREAD:
                    return
                if not self._read_request(tls):
                    return
                if not self._act(tls, cue):
                    return

    def _gone(self, tls: ssl.SSLSocket) -> bool:
        """Whether what made the socket readable is only the client's goodbye: the end, or a TLS alert and the end."""
        with socket.socket(fileno=os.dup(tls.fileno())) as peek:
            return peek.recv(1, socket.MSG_PEEK) == b""

    def _read_request(self, tls: ssl.SSLSocket) -> bool:
        buffer = b""
        while (size := request_size(buffer)) is None or len(buffer) < size:
            data = tls.recv(65536)
            if not data:
                if not buffer:
                    with self._lock:
                        self.reached -= 1
                return False
            buffer += data
        with self._lock:
            self.read += 1
            self.heads.append(buffer.split(b"\r\n\r\n", 1)[0])
        return True

    def _act(self, tls: ssl.SSLSocket, cue: str) -> bool:
        body = xml_of(REPLY_BYTES)
        if cue == ANSWER:
            tls.sendall(http_reply(body, extra=b"Set-Cookie: who=you; Path=/\r\n"))
            return True
        if cue == REDIRECT:
            tls.sendall(http_reply(b"", "307 Temporary Redirect", b"Location: /elsewhere\r\n"))
            return True
        if cue == ANSWER_THEN_CLOSE:
            tls.sendall(http_reply(body))
            tls.unwrap()
        elif cue == ANSWER_PART_THEN_CUT:
            tls.sendall(http_reply(body)[:400])
        elif cue == READ_THEN_GARBLE:
            with socket.socket(fileno=os.dup(tls.fileno())) as below:
                below.sendall(b"\x17\x03\x03\x00\x40" + b"?" * 64)
            self._readable(tls)
        elif cue == READ_THEN_SILENT:
            self._stop.wait()
        elif cue == READ_THEN_RESET:
            tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


@contextlib.contextmanager
def blackhole() -> Generator[int]:
    """A port whose queue is full: the system drops every further attempt to connect, as a silent firewall would."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


@contextlib.contextmanager
def nobody() -> Generator[int]:
    """A port that refuses: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def main(arguments: Sequence[str]) -> None:
    folder = Path(arguments[0])
    if not (folder / "ca.pem").exists():
        folder.mkdir(parents=True, exist_ok=True)
        make_certificates(folder)
    import uvloop

    uvloop.run(_serve(Certificates(folder)))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1:])
