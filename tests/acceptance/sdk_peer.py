"""A TLS server on a raw socket that a test tells what to do with each request, and that counts what arrives.

It is written without any HTTP library, and without the simulator, so that what it counts is what was on the wire.
"""

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.factories import API_KEY, MCH_ID, pem_of

from hongbao.wechat import ClientCertificate, Credentials

Deed = Callable[["Connection"], bool]
"""What to do once a whole request arrived; True keeps the connection open for the next one."""


class Authority:
    """A throw-away CA, made anew for each test run."""

    def __init__(self, folder: Path, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.folder = folder
        self.ca_file = folder / f"{name}.pem"
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def credentials(self) -> Credentials:
        """Return a merchant's credentials whose certificate this CA issued."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._issue(MCH_ID, key, [], ExtendedKeyUsageOID.CLIENT_AUTH)
        return Credentials(mch_id=MCH_ID, api_key=API_KEY, certificate=ClientCertificate(certificate, key))

    def server_context(self, *names: str, clients_of: "Authority | None" = None) -> ssl.SSLContext:
        """Return the context of a server of these names that asks for a certificate of `clients_of` or of this CA."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
        ]
        certificate = self._issue("server", key, alternatives, ExtendedKeyUsageOID.SERVER_AUTH)
        file = self.folder / f"server-{'-'.join(names)}.pem"
        file.write_bytes(pem_of(key) + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.load_verify_locations((clients_of or self).ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _issue(
        self,
        common_name: str,
        key: ec.EllipticCurvePrivateKey,
        alternatives: list[x509.GeneralName],
        usage: x509.ObjectIdentifier,
    ) -> x509.Certificate:
        builder = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]), key)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        start = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + dt.timedelta(days=36_500))
        )


@dataclass
class Connection:
    """One connection after its handshake, and the request that just arrived on it."""

    tls: ssl.SSLSocket
    peer: "Peer"
    head: bytes = b""
    body: bytes = b""

    def read(self) -> bool:
        """Read one request whole; False if the client closed."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.tls.recv(65536)
            if not piece:
                return False
            data += piece
        self.head, _, self.body = data.partition(b"\r\n\r\n")
        length = int(self.head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(self.body) < length:
            self.body += self.tls.recv(65536)
        return True

    def cut(self) -> None:
        """Send a TCP reset: no orderly end of TLS, no data left behind."""
        self.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.tls.close()


@dataclass
class Peer:
    """Between `with` and its end: listens, counts, and does to each request what the test says.

    Attributes:
        connections: how many TLS handshakes were completed.
        arrivals: head and body of every request that arrived whole.
        attempts: how many TCP connections were opened.
    """

    context: ssl.SSLContext
    deed: Deed
    on_accept: Callable[[socket.socket], bool] = lambda _plain: True
    on_open: Callable[[Connection], bool] = lambda _connection: True
    attempts: int = 0
    connections: int = 0
    arrivals: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    leave: threading.Event = field(default_factory=threading.Event)
    closed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}"
        self._lock = threading.Lock()
        self._start(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave.set()
        # To close a listening socket does not everywhere wake who accepts on it; a connection does.
        socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a connection of the peer did not end"
        self._listener.close()

    def _start(self, target: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=target, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while True:
            plain, _ = self._listener.accept()
            if self.leave.is_set():
                plain.close()
                return
            with self._lock:
                self.attempts += 1
            self._start(self._serve, plain)

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(10)
        try:
            if not self.on_accept(plain):
                return
            with self.context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=True) as tls:
                with self._lock:
                    self.connections += 1
                connection = Connection(tls, self)
                if not self.on_open(connection):
                    return
                while connection.read():
                    with self._lock:
                        self.arrivals.append((connection.head, connection.body))
                    if not self.deed(connection):
                        return
        except OSError:
            pass  # the client refused us, was refused, or went away
        finally:
            plain.close()
            self.closed.release()


def respond(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None, keep: bool = True) -> Deed:
    """Answer with a status and a body."""

    def deed(connection: Connection) -> bool:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
        connection.tls.sendall("\r\n".join(lines).encode() + body)
        return keep

    return deed


def respond_chunked(body: bytes, *, whole: bool = True) -> Deed:
    """Answer in chunks of seven bytes; not whole: without the last chunk."""

    def deed(connection: Connection) -> bool:
        pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
        coded = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        connection.tls.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded)
        if whole:
            connection.tls.sendall(b"0\r\n\r\n")
        return whole

    return deed


def cut(connection: Connection) -> bool:
    """Read the request and cut."""
    connection.cut()
    return False


def close(_connection: Connection) -> bool:
    """Read the request and close in good order."""
    return False


def stay_silent(connection: Connection) -> bool:
    """Read the request and never answer."""
    connection.peer.leave.wait(10)
    return False
