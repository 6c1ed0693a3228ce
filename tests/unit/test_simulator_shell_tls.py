"""The simulator's TLS: every client certificate gets in and is judged; what is not TLS is sent away."""

import contextlib
import socket
import ssl
from collections.abc import Iterator

import pytest
from tests.unit.running_pay_server import MCH_ID, RunningPayServer, post, read_reply, read_to_end

from hongbao.simulator.server import Bounds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPayServer]:
    with RunningPayServer(tmp_path_factory.mktemp("authority"), bounds=Bounds(handshake_seconds=0)) as running:
        yield running


BOTH_VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@BOTH_VERSIONS
@pytest.mark.parametrize(
    ("flaw", "judged"),
    [
        ("none", (MCH_ID, True, False, False)),
        ("self-signed", (MCH_ID, False, False, True)),
        ("other-ca", (MCH_ID, False, False, False)),
        ("expired", (MCH_ID, True, True, False)),
    ],
)
def test_every_certificate_gets_in_and_is_judged(
    server: RunningPayServer, version: ssl.TLSVersion, flaw: str, judged: tuple[str, bool, bool, bool]
) -> None:
    """The handshake succeeds whatever is wrong, and the face learns the name and what is wrong."""
    with server.connect(flaw=flaw, tls=version) as connection:
        connection.sendall(post(b""))
        read_reply(connection)
        assert connection.version() == version.name.replace("_", ".")
    seen = server.arrivals[-1].certificate
    assert seen is not None
    assert (seen.common_name, seen.issuer_ok, seen.expired, seen.self_signed) == judged


@BOTH_VERSIONS
def test_no_certificate_gets_in(server: RunningPayServer, version: ssl.TLSVersion) -> None:
    """A client without a certificate is served, and the face sees None."""
    with server.connect(flaw=None, tls=version) as connection:
        connection.sendall(post(b""))
        read_reply(connection)
    assert server.arrivals[-1].certificate is None


@BOTH_VERSIONS
def test_sessions_are_not_resumed(server: RunningPayServer, version: ssl.TLSVersion) -> None:
    """A client that offers its last session makes a full handshake again."""
    context = ssl.create_default_context(cafile=server.authority.ca_file)
    context.maximum_version = version
    session: ssl.SSLSession | None = None
    for _ in range(2):
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
            connection.sendall(post(b""))
            read_reply(connection)
            assert not connection.session_reused
            session = connection.session


@pytest.mark.parametrize("name", ["localhost", "api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "127.0.0.1"])
def test_server_certificate_is_good_for_every_name(server: RunningPayServer, name: str) -> None:
    """Clients that verify the host find every name they may use."""
    context = ssl.create_default_context(cafile=server.authority.ca_file)
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    with context.wrap_socket(plain, server_hostname=name) as connection:
        assert connection.getpeercert() != {}


def test_orderly_end(server: RunningPayServer) -> None:
    """A reply that closes ends with TLS's goodbye, so a client can tell the end from a cut."""
    assert server.ask(post(b"x", "Connection: close")).endswith(b"body:x")


def test_client_says_goodbye_first(server: RunningPayServer) -> None:
    """A client's goodbye is answered with one."""
    with server.connect() as connection:
        connection.sendall(post(b""))
        read_reply(connection)
        connection.unwrap()


def test_client_that_hangs_up_after_a_refusal(server: RunningPayServer, caplog: pytest.LogCaptureFixture) -> None:
    """The server has said goodbye already: it does not say it twice, and breaks over nothing."""
    with server.connect(tls=ssl.TLSVersion.TLSv1_2) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert read_to_end(connection).startswith(b"HTTP/1.1 400 ")
        connection.shutdown(socket.SHUT_WR)
        server.wait_until_nobody_is_connected()
    assert caplog.records == []


def test_plain_http_gets_nginx_words(server: RunningPayServer) -> None:
    """A client that forgot TLS reads, in clear text, what nginx would say."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        plain.sendall(post(b""))
        reply = b""
        while piece := plain.recv(65536):
            reply += piece
    assert reply.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"The plain HTTP request was sent to HTTPS port" in reply


@pytest.mark.parametrize("garbage", [b"\x00" * 100, b"\x16\x03\x01\x00\x05hello", b"\xff"])
def test_bytes_that_are_not_tls_end_the_connection(server: RunningPayServer, garbage: bytes) -> None:
    """Garbage leads to an end (with or without an alert), and the next client is served."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        plain.sendall(garbage)
        try:
            while plain.recv(65536):
                pass
        except ConnectionResetError:
            pass
    assert server.ask(post(b"x", "Connection: close")).endswith(b"body:x")


def test_handshake_that_never_ends_is_broken_off(server: RunningPayServer) -> None:
    """A client that connects and says nothing is broken off after its time."""
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    with plain, contextlib.suppress(ConnectionResetError):
        assert plain.recv(1) == b""


def test_handshake_in_single_bytes(server: RunningPayServer) -> None:
    """The handshake may come in pieces of any size."""
    context = ssl.create_default_context(cafile=server.authority.ca_file)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    plain.send(bytes([byte]))
                incoming.write(plain.recv(65536))
        client.write(post(b"x", "Connection: close"))
        plain.sendall(outgoing.read())
        reply = b""
        while b"body:x" not in reply:
            try:
                reply += client.read(65536)
            except ssl.SSLWantReadError:
                incoming.write(plain.recv(65536))


class TestProxy:
    """The CONNECT proxy."""

    def connect(self, server: RunningPayServer, words: bytes) -> tuple[socket.socket, bytes]:
        plain = socket.create_connection(("127.0.0.1", server.proxy_port), timeout=10)
        plain.sendall(words)
        return plain, plain.recv(65536)

    @pytest.mark.parametrize(
        "host", ["api.mch.weixin.qq.com:443", "API2.mch.weixin.qq.com:443", "localhost:1", "[::1]:443"]
    )
    def test_known_hosts_end_at_the_pay_server(self, server: RunningPayServer, host: str) -> None:
        """Every name of the server's certificate is led to it, whatever the port."""
        plain, reply = self.connect(server, f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert reply == b"HTTP/1.1 200 Connection established\r\n\r\n"
        context = ssl.create_default_context(cafile=server.authority.ca_file)
        with context.wrap_socket(plain, server_hostname="api.mch.weixin.qq.com") as connection:
            connection.sendall(post(b"through", "Connection: close"))
            assert read_to_end(connection).endswith(b"body:through")

    def test_other_hosts_are_refused(self, server: RunningPayServer) -> None:
        """Nothing leaves the machine through the proxy."""
        plain, reply = self.connect(server, b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
        plain.close()
        assert reply.startswith(b"HTTP/1.1 403 Forbidden\r\n")

    def test_other_methods_are_refused(self, server: RunningPayServer) -> None:
        """It is no ordinary forward proxy."""
        plain, reply = self.connect(server, b"GET http://localhost/ HTTP/1.1\r\n\r\n")
        plain.close()
        assert reply.startswith(b"HTTP/1.1 405 ")

    def test_endless_head_is_refused(self, server: RunningPayServer) -> None:
        """A head without an end is cut off."""
        plain, reply = self.connect(server, b"CONNECT " + b"a" * 20_000)
        plain.close()
        assert reply.startswith(b"HTTP/1.1 400 ")

    def test_tls_may_follow_at_once(self, server: RunningPayServer) -> None:
        """A client that does not wait for the proxy's 200 loses nothing."""
        context = ssl.create_default_context(cafile=server.authority.ca_file)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        established = b"HTTP/1.1 200 Connection established\r\n\r\n"
        plain, reply = self.connect(server, b"CONNECT localhost:443 HTTP/1.1\r\n\r\n" + outgoing.read())
        while len(reply) <= len(established):
            reply += plain.recv(65536)
        plain.close()
        assert reply[len(established)] == 0x16
