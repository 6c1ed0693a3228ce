"""The simulator's wire: what HTTP clients may send, and how each kind of departure looks from outside."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.running_pay_server import RunningPayServer, post, read_reply, read_to_end

from hongbao.simulator.face import Arrival, Departure
from hongbao.simulator.server import Bounds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority")


@pytest.fixture
def server(folder: Path) -> Iterator[RunningPayServer]:
    with RunningPayServer(folder) as running:
        yield running


def test_whole_reply_byte_for_byte(server: RunningPayServer) -> None:
    """A reply carries nginx's headers, the simulated date and an exact length."""
    reply = server.ask(post(b"<xml/>", "Connection: close"))
    assert reply == (
        b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/plain\r\n"
        b"Date: Wed, 01 Jan 2025 04:00:00 GMT\r\nContent-Length: 11\r\nConnection: close\r\n\r\nbody:<xml/>"
    )


def test_arrival_holds_what_was_sent(server: RunningPayServer) -> None:
    """Method, path with query, lower-case headers (repeated ones joined), body and address reach the face."""
    server.ask(post(b"x", "X-A: 1", "x-a: 2", "Connection: close", path="/a?b=c"))
    [arrival] = server.arrivals
    assert (arrival.method, arrival.path, arrival.body, arrival.address) == ("POST", "/a?b=c", b"x", "127.0.0.1")
    assert dict(arrival.headers) == {
        "host": "localhost",
        "content-length": "1",
        "x-a": "1, 2",
        "connection": "close",
    }


def test_two_requests_on_one_connection(server: RunningPayServer) -> None:
    """HTTP/1.1 keeps the connection unless told otherwise."""
    with server.connect() as connection:
        for body in (b"one", b"two"):
            connection.sendall(post(body))
            head, answer = read_reply(connection)
            assert answer == b"body:" + body
            assert b"Connection: keep-alive" in head


def test_http_1_0_closes(server: RunningPayServer) -> None:
    """HTTP/1.0 without keep-alive gets one reply and an orderly end."""
    reply = server.ask(b"POST /x HTTP/1.0\r\nContent-Length: 1\r\n\r\ny")
    assert reply.endswith(b"Connection: close\r\n\r\nbody:y")


def test_http_1_0_keeps_alive_when_asked(server: RunningPayServer) -> None:
    """HTTP/1.0 clients of old can ask for keep-alive."""
    with server.connect() as connection:
        for _ in range(2):
            connection.sendall(b"POST /x HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\ny")
            assert read_reply(connection)[1] == b"body:y"


def test_chunked_body(server: RunningPayServer) -> None:
    """Chunks become one body; chunk extensions and trailers are dropped."""
    server.ask(
        b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
    )
    assert server.arrivals[0].body == b"abcde"
    assert "trailer" not in server.arrivals[0].headers


def test_request_in_single_bytes(server: RunningPayServer) -> None:
    """A request may come in pieces of any size."""
    with server.connect() as connection:
        for byte in post(b"abc"):
            connection.sendall(bytes([byte]))
        assert read_reply(connection)[1] == b"body:abc"


def test_pipelined_requests_are_answered_in_order(folder: Path) -> None:
    """A slow first reply is not overtaken by quick later ones."""

    def answer(arrival: Arrival) -> Departure:
        return Departure(200, "text/plain", arrival.body, wait_ms=30 if arrival.body == b"1" else 0)

    with RunningPayServer(folder, answer) as server, server.connect() as connection:
        connection.sendall(post(b"1") + post(b"2") + post(b"3", "Connection: close"))
        bodies = [part.partition(b"\r\n\r\n")[2] for part in read_to_end(connection).split(b"HTTP/1.1 ")[1:]]
        assert bodies == [b"1", b"2", b"3"]


def test_more_pipelined_requests_than_are_read_ahead(folder: Path) -> None:
    """A long row of requests is answered completely although reading pauses in between."""
    with RunningPayServer(folder, bounds=Bounds(pipelined_max=2)) as server, server.connect() as connection:
        connection.sendall(b"".join(post(b"%d" % n) for n in range(50)) + post(b"end", "Connection: close"))
        assert read_to_end(connection).count(b"HTTP/1.1 200 OK") == 51


def test_what_follows_a_last_request_is_ignored(server: RunningPayServer) -> None:
    """After `Connection: close` nothing more is answered."""
    reply = server.ask(post(b"1", "Connection: close") + post(b"2"))
    assert reply.count(b"HTTP/1.1") == 1
    assert [arrival.body for arrival in server.arrivals] == [b"1"]


def test_expect_continue(server: RunningPayServer) -> None:
    """A client that waits for 100 Continue before it sends the body gets it."""
    with server.connect() as connection:
        connection.sendall(post(b"", "Expect: 100-continue").replace(b"Length: 0", b"Length: 3"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert read_reply(connection)[1] == b"body:abc"


def test_upgrade_is_declined(server: RunningPayServer) -> None:
    """A client that offers HTTP/2 by Upgrade is served in HTTP/1.1."""
    with server.connect() as connection:
        for _ in range(2):
            connection.sendall(post(b"abc", "Connection: Upgrade", "Upgrade: h2c"))
            assert read_reply(connection)[1] == b"body:abc"


def test_connect_is_not_allowed(server: RunningPayServer) -> None:
    """The pay API is no proxy."""
    assert server.ask(b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n").startswith(b"HTTP/1.1 405 ")


def test_whole_address_on_the_request_line(server: RunningPayServer) -> None:
    """The absolute form is cut down to path and query."""
    server.ask(post(b"", "Connection: close", path="https://api.mch.weixin.qq.com/a/b?c=d"))
    assert server.arrivals[0].path == "/a/b?c=d"


def test_head_gets_no_body(server: RunningPayServer) -> None:
    """HEAD gets the head alone."""
    reply = server.ask(b"HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert reply.endswith(b"Content-Length: 5\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    "garbage", [b"\x00\xff\x01\r\n\r\n", b"nonsense\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"GET /\x00 HTTP/1.1\r\n\r\n"]
)
def test_garbage_gets_a_400_page(server: RunningPayServer, garbage: bytes) -> None:
    """What is not HTTP gets nginx's page and an end; the face never sees it."""
    reply = server.ask(garbage)
    assert reply.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"<title>400 Bad Request</title>" in reply
    assert server.arrivals == []


def test_contradicting_lengths_are_refused(server: RunningPayServer) -> None:
    """A request with both a length and chunks could be read in two ways: it is refused."""
    reply = server.ask(
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert server.arrivals == []


@pytest.mark.parametrize(
    "head", [b"X: " + b"y" * 40_000 + b"\r\n\r\n", b"X: y\r\n" * 8000 + b"\r\n", b"X: " + b"y" * 99_000]
)
def test_huge_head_is_refused(server: RunningPayServer, head: bytes) -> None:
    """One long header, many short ones, one that never ends: all meet the same bound."""
    reply = server.ask(b"POST / HTTP/1.1\r\nHost: h\r\n" + head)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"Request Header Or Cookie Too Large" in reply


def test_declared_body_over_the_bound_is_refused(folder: Path) -> None:
    """A declared length over the bound is refused before the body is sent."""
    with RunningPayServer(folder, bounds=Bounds(body_bytes_max=10)) as server:
        reply = server.ask(post(b"", "Expect: 100-continue").replace(b"Length: 0", b"Length: 11"))
        assert reply.startswith(b"HTTP/1.1 413 ")
        assert server.arrivals == []


def test_body_at_the_bound_is_taken(folder: Path) -> None:
    """Exactly the bound still passes."""
    with RunningPayServer(folder, bounds=Bounds(body_bytes_max=10)) as server:
        assert server.ask(post(b"0123456789", "Connection: close")).endswith(b"body:0123456789")


def test_chunked_body_over_the_bound_is_refused(folder: Path) -> None:
    """A body of undeclared length is refused when it passes the bound."""
    with RunningPayServer(folder, bounds=Bounds(body_bytes_max=10)) as server:
        reply = server.ask(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + b"6\r\nabcdef\r\n" * 2)
        assert reply.startswith(b"HTTP/1.1 413 ")
        assert server.arrivals == []


def test_a_body_of_a_megabyte_arrives(server: RunningPayServer) -> None:
    """Big bodies are the face's to judge."""
    body = b"z" * 1_500_000
    assert server.ask(post(body, "Connection: close")).endswith(b"body:" + body)


@pytest.mark.parametrize("sent", [1, 17, 150, 200_000])
def test_cut_after_some_bytes(folder: Path, sent: int) -> None:
    """The client reads exactly so many bytes of the reply and then a broken connection, no orderly end."""
    departure = Departure(200, "text/xml", b"x" * 300_000, cut_after=sent)
    with RunningPayServer(folder, lambda _: departure) as server, server.connect() as connection:
        connection.sendall(post(b""))
        got = b""
        try:
            while piece := connection.recv(65536):
                got += piece
            pytest.fail("the connection ended in good order")
        except (ssl.SSLEOFError, ConnectionResetError):
            pass
        assert len(got) == sent
        assert got.startswith(b"HTTP/1.1 200 OK\r\n"[:sent])


def test_cut_without_a_byte(folder: Path) -> None:
    """Cut after nothing: the connection breaks and no byte of a reply came."""
    departure = Departure(200, "text/xml", b"x", cut_after=0)
    with RunningPayServer(folder, lambda _: departure) as server, server.connect() as connection:
        connection.sendall(post(b""))
        with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
            connection.recv(1)
        assert len(server.arrivals) == 1


def test_silence(folder: Path) -> None:
    """A silent departure sends nothing and keeps the connection, while others are served."""

    def answer(arrival: Arrival) -> Departure:
        return Departure(200, "text/plain", b"", silent=arrival.body == b"hush")

    with RunningPayServer(folder, answer) as server, server.connect() as quiet:
        quiet.sendall(post(b"hush"))
        with server.connect() as other:
            while not server.arrivals:
                other.sendall(post(b"hello"))
                read_reply(other)
            other.sendall(post(b"hello"))
            read_reply(other)
        quiet.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            quiet.recv(1)


def test_client_that_gives_up_on_a_silent_reply(folder: Path) -> None:
    """A client that goes away while it is kept waiting leaves nothing behind: the server stops at once."""
    departure = Departure(200, "text/plain", b"", silent=True)
    with RunningPayServer(folder, lambda _: departure) as server:
        connection = server.connect()
        connection.sendall(post(b""))
        connection.close()


def test_a_bug_in_the_face_is_a_500(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected exception is logged and answered; the connection and the server live on."""

    def answer(arrival: Arrival) -> Departure:
        if arrival.body == b"bug":
            raise ZeroDivisionError
        return Departure(200, "text/plain", b"fine")

    with RunningPayServer(folder, answer) as server, server.connect() as connection:
        connection.sendall(post(b"bug"))
        assert read_reply(connection)[0].startswith(b"HTTP/1.1 500 ")
        connection.sendall(post(b""))
        assert read_reply(connection)[1] == b"fine"
    assert "ZeroDivisionError" in caplog.text


def test_unread_reply_of_many_megabytes(folder: Path) -> None:
    """A client that reads late still gets everything: what it does not take waits."""
    body = bytes(range(256)) * 40_000
    with RunningPayServer(folder, lambda _: Departure(200, "x", body)) as server, server.connect() as connection:
        connection.sendall(post(b"") + post(b"", "Connection: close"))
        assert read_to_end(connection).count(body) == 2


def test_idle_connection_is_closed(folder: Path) -> None:
    """A connection that sends nothing is broken after its time."""
    with (
        RunningPayServer(folder, bounds=Bounds(idle_seconds=0)) as server,
        server.connect() as connection,
        pytest.raises((ssl.SSLEOFError, ConnectionResetError)),
    ):
        connection.recv(1)


@pytest.mark.parametrize("part", [b"POST / HT", post(b"12345")[:-1]])
def test_request_that_never_ends_is_broken_off(folder: Path, part: bytes) -> None:
    """A request that stops in its head or its body does not hold a connection for ever."""
    with (
        RunningPayServer(folder, bounds=Bounds(request_seconds=0)) as server,
        server.connect() as connection,
    ):
        connection.sendall(part)
        with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
            connection.recv(1)


def test_large_head_after_a_large_body(server: RunningPayServer) -> None:
    """The bound of a head does not count what came before it."""
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(post(b"z" * 15_000, "X: " + "y" * 25_000))
            assert read_reply(connection)[0].startswith(b"HTTP/1.1 200 ")
