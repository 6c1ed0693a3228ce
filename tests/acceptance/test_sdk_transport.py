"""Over real mutual TLS: each call arrives at most once, and what is said about it is true whatever the peer does.

Every test runs through the sync and the async client; they stand on different libraries.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.sdk_peer import (
    Authority,
    Connection,
    Peer,
    close,
    cut,
    respond,
    respond_chunked,
    stay_silent,
)
from tests.factories import MCH_ID, NUMBER, query, reply, send_red_pack

from hongbao.wechat import (
    AsyncClient,
    CallError,
    Client,
    Credentials,
    NothingSent,
    OutcomeUnknown,
    QueryRedPack,
    Request,
    SentRedPack,
    Timeouts,
)

SENT = reply(
    ("return_code", "SUCCESS"),
    ("return_msg", "发放成功"),
    ("result_code", "SUCCESS"),
    ("err_code", "SUCCESS"),
    ("err_code_des", "发放成功"),
    ("mch_billno", NUMBER),
    ("mch_id", MCH_ID),
    ("wxappid", "wx0000000000000001"),
    ("re_openid", "o000000000000000000000000001"),
    ("total_amount", 100),
    ("send_listid", "1000041701202501013000000000001"),
)
SHORT = Timeouts(connect_ms=300, read_ms=300)
LONG = Timeouts(connect_ms=10_000, read_ms=10_000)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def merchant(authority: Authority) -> Credentials:
    return authority.credentials()


class Caller:
    """Makes calls the sync or the async way and hands back what came of each, in their order."""

    def __init__(self, kind: str, credentials: Credentials, ca_file: Path) -> None:
        self._kind = kind
        self._credentials = credentials
        self._ca_file = ca_file

    def __call__(
        self,
        urls: str | tuple[str, ...],
        *requests: Request[Any],
        timeouts: Timeouts = LONG,
        between: Callable[[], object] = lambda: None,
        credentials: Credentials | None = None,
    ) -> list[Any]:
        given: dict[str, Any] = {"base_url": urls, "ca_file": self._ca_file, "timeouts": timeouts}
        chosen = credentials or self._credentials
        if self._kind == "sync":
            with Client(chosen, **given) as client:
                return self._sync(client, requests, between)
        return asyncio.run(self._async(chosen, given, requests, between))

    @staticmethod
    def _sync(client: Client, requests: tuple[Request[Any], ...], between: Callable[[], object]) -> list[Any]:
        results: list[Any] = []
        for each in requests:
            if results:
                between()
            try:
                results.append(client.call(each))
            except CallError as error:
                results.append(error)
        return results

    @staticmethod
    async def _async(
        credentials: Credentials,
        given: dict[str, Any],
        requests: tuple[Request[Any], ...],
        between: Callable[[], object],
    ) -> list[Any]:
        results: list[Any] = []
        async with AsyncClient(credentials, **given) as client:
            for each in requests:
                if results:
                    # In a thread, so that the loop goes on and sees what the peer does meanwhile.
                    await asyncio.to_thread(between)
                try:
                    results.append(await client.call(each))
                except CallError as error:
                    results.append(error)
        return results


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, merchant: Credentials, authority: Authority) -> Caller:
    return Caller(request.param, merchant, authority.ca_file)


def unknown(result: Any) -> str:
    """It must be the class that forbids a new number; returns the message."""
    assert type(result) is OutcomeUnknown
    assert result.sent is True
    assert result.order_number == NUMBER
    return str(result)


def nothing_sent(result: Any) -> str:
    assert type(result) is NothingSent
    assert result.sent is False
    return str(result)


# Answers.


def test_a_call_arrives_once_as_a_post_with_the_body_signed(authority: Authority, call: Caller) -> None:
    with Peer(authority.server_context("localhost"), respond(SENT)) as peer:
        (sent,) = call(peer.url, send_red_pack())
    assert isinstance(sent, SentRedPack)
    ((head, body),) = peer.arrivals
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    assert lines[0] == "POST /mmpaymkttransfers/sendredpack HTTP/1.1"
    assert headers["host"] == f"localhost:{peer.port}"
    assert headers["content-type"] == "text/xml; charset=utf-8"
    assert headers["accept-encoding"] == "identity"
    assert headers["content-length"] == str(len(body))
    assert body.startswith(b"<xml>\n<mch_billno><![CDATA[1900000001202501010000000001]]>")
    assert b"<sign><![CDATA[" in body


def test_the_client_certificate_is_shown(authority: Authority, call: Caller) -> None:
    seen: list[Any] = []

    def deed(connection: Connection) -> bool:
        seen.append(connection.tls.getpeercert())
        return respond(SENT)(connection)

    with Peer(authority.server_context("localhost"), deed) as peer:
        call(peer.url, send_red_pack())
    assert seen[0]["subject"] == ((("commonName", MCH_ID),),)


def test_two_calls_use_one_connection(authority: Authority, call: Caller) -> None:
    with Peer(authority.server_context("localhost"), respond(SENT)) as peer:
        results = call(peer.url, send_red_pack(), send_red_pack())
    assert [type(each) for each in results] == [SentRedPack, SentRedPack]
    assert (peer.connections, len(peer.arrivals)) == (1, 2)


def test_a_failing_answer_leaves_the_connection_usable(authority: Authority, call: Caller) -> None:
    with Peer(authority.server_context("localhost"), respond(b"Bad Gateway", "502 Bad Gateway")) as peer:
        results = call(peer.url, send_red_pack(), send_red_pack())
    assert ["502" in unknown(each) for each in results] == [True, True]
    assert (peer.connections, len(peer.arrivals)) == (1, 2)


def test_an_answer_in_chunks_is_read_whole(authority: Authority, call: Caller) -> None:
    with Peer(authority.server_context("localhost"), respond_chunked(SENT)) as peer:
        results = call(peer.url, send_red_pack(), send_red_pack())
    assert [type(each) for each in results] == [SentRedPack, SentRedPack]
    assert (peer.connections, len(peer.arrivals)) == (1, 2)


def test_an_answer_after_100_continue_is_read(authority: Authority, call: Caller) -> None:
    def deed(connection: Connection) -> bool:
        connection.tls.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return respond(SENT)(connection)

    with Peer(authority.server_context("localhost"), deed) as peer:
        (sent,) = call(peer.url, send_red_pack())
    assert isinstance(sent, SentRedPack)
    assert len(peer.arrivals) == 1


def test_an_answer_that_ends_with_the_connection_is_read(authority: Authority, call: Caller) -> None:
    def deed(connection: Connection) -> bool:
        connection.tls.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + SENT)
        return False

    with Peer(authority.server_context("localhost"), deed) as peer:
        (sent,) = call(peer.url, send_red_pack())
    assert isinstance(sent, SentRedPack)


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent"]
)
def test_a_redirect_is_not_followed(status: str, authority: Authority, call: Caller) -> None:
    """Followed, the signed request would reach a host that nobody named, or arrive twice."""
    with Peer(authority.server_context("localhost"), respond(SENT)) as other:
        deed = respond(b"", status, f"Location: {other.url}/mmpaymkttransfers/sendredpack")
        with Peer(authority.server_context("localhost"), deed) as peer:
            (result,) = call(peer.url, send_red_pack())
    assert f"HTTP status {status[:3]}" in unknown(result)
    assert (len(peer.arrivals), other.attempts) == (1, 0)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable", "408 Request Timeout"])
def test_a_request_to_try_again_is_not_obeyed(status: str, authority: Authority, call: Caller) -> None:
    with Peer(authority.server_context("localhost"), respond(b"", status, "Retry-After: 0")) as peer:
        (result,) = call(peer.url, send_red_pack())
    unknown(result)
    assert len(peer.arrivals) == 1


def test_a_packed_answer_is_not_unpacked(authority: Authority, call: Caller) -> None:
    """A megabyte of zeros packs into a thousand bytes: unpacking would undo the bound."""
    with Peer(authority.server_context("localhost"), respond(SENT, "200 OK", "Content-Encoding: gzip")) as peer:
        (result,) = call(peer.url, send_red_pack())
    assert isinstance(result, SentRedPack)
    assert len(peer.arrivals) == 1


@pytest.mark.parametrize("form", ["length", "chunks", "to the end"])
def test_an_answer_over_a_megabyte_is_given_up(form: str, authority: Authority, call: Caller) -> None:
    long = b"<xml>" + b"x" * 1_200_000 + b"</xml>"

    def deed(connection: Connection) -> bool:
        if form == "length":
            return respond(long)(connection)
        if form == "to the end":
            connection.tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + long)
            return False
        coded = b"%x\r\n%b\r\n0\r\n\r\n" % (len(long), long)
        connection.tls.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded)
        return True

    with Peer(authority.server_context("localhost"), deed) as peer:
        results = call(peer.url, send_red_pack(), send_red_pack())
    assert ["more than 1000000 bytes" in unknown(each) for each in results] == [True, True]
    assert (peer.connections, len(peer.arrivals)) == (2, 2)


def test_an_endless_answer_is_given_up(authority: Authority, call: Caller) -> None:
    def deed(connection: Connection) -> bool:
        connection.tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.tls.sendall(b"x" * 65536)  # ends with an error when the client goes

    with Peer(authority.server_context("localhost"), deed) as peer:
        (result,) = call(peer.url, send_red_pack())
    unknown(result)
    assert len(peer.arrivals) == 1


# Breaks after the request left: unknown, one arrival, no second host.


def cut_in_head(connection: Connection) -> bool:
    connection.tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    return cut(connection)


def answer_nonsense(connection: Connection) -> bool:
    connection.tls.sendall(b"\x00\x01 what is this\r\n\r\n")
    return False


def end_tls_with_garbage(connection: Connection) -> bool:
    """Write bytes below TLS: the client sees a broken record, which some libraries take for a reason to repeat."""
    connection.tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<xml>")
    with socket.socket(fileno=connection.tls.detach()) as plain:
        plain.sendall(b"\x17\x03\x03\x00\x20" + b"\xff" * 32)
        plain.shutdown(socket.SHUT_WR)
        connection.peer.leave.wait(0.5)
    return False


BREAKS = {
    "reads and cuts": cut,
    "reads and closes": close,
    "cuts in the head": cut_in_head,
    "cuts in the body": lambda connection: respond(SENT[:100], length=len(SENT))(connection) and cut(connection),
    "closes in the body": respond(SENT[:100], length=len(SENT), keep=False),
    "closes before the last chunk": respond_chunked(SENT, whole=False),
    "answers nonsense": answer_nonsense,
    "says more length than it sends": respond(SENT, length=len(SENT) + 1, keep=False),
    "says a length that is none": respond(SENT[:0], "200 OK", "X: y", length=-5, keep=False),
    "breaks TLS in the body": end_tls_with_garbage,
}


@pytest.mark.parametrize("deed", BREAKS.values(), ids=list(BREAKS))
def test_a_break_after_the_request_arrived_is_unknown_and_not_repeated(
    deed: Callable[[Connection], bool], authority: Authority, call: Caller
) -> None:
    with (
        Peer(authority.server_context("localhost"), deed) as peer,
        Peer(authority.server_context("localhost"), respond(SENT)) as second,
    ):
        (result,) = call((peer.url, second.url), send_red_pack())
    unknown(result)
    assert (len(peer.arrivals), peer.attempts, second.attempts) == (1, 1, 0)


@pytest.mark.parametrize("deed", [cut, close], ids=["cuts", "closes"])
def test_a_break_on_a_reused_connection_is_not_repeated(
    deed: Callable[[Connection], bool], authority: Authority, call: Caller
) -> None:
    """Libraries like to repeat just this case: the connection worked before, so it must have been stale."""
    answers = iter([respond(SENT), deed])
    with (
        Peer(authority.server_context("localhost"), lambda connection: next(answers)(connection)) as peer,
        Peer(authority.server_context("localhost"), respond(SENT)) as second,
    ):
        first, result = call((peer.url, second.url), send_red_pack(), send_red_pack())
    assert isinstance(first, SentRedPack)
    unknown(result)
    assert (len(peer.arrivals), peer.connections, second.attempts) == (2, 1, 0)


def test_no_answer_in_time_is_unknown(authority: Authority, call: Caller) -> None:
    with (
        Peer(authority.server_context("localhost"), stay_silent) as peer,
        Peer(authority.server_context("localhost"), respond(SENT)) as second,
    ):
        (result,) = call((peer.url, second.url), send_red_pack(), timeouts=Timeouts(connect_ms=10_000, read_ms=300))
        unknown(result)
        assert (len(peer.arrivals), peer.attempts, second.attempts) == (1, 1, 0)


def test_an_answer_that_stops_halfway_is_unknown(authority: Authority, call: Caller) -> None:
    def deed(connection: Connection) -> bool:
        return respond(SENT[:100], length=len(SENT))(connection) and stay_silent(connection)

    with Peer(authority.server_context("localhost"), deed) as peer:
        (result,) = call(peer.url, send_red_pack(), timeouts=Timeouts(connect_ms=10_000, read_ms=300))
        unknown(result)
        assert len(peer.arrivals) == 1


def test_a_certificate_that_the_server_refuses_is_unknown_or_nothing_sent_but_never_repeated(
    authority: Authority, stranger: Authority, call: Caller
) -> None:
    """Under TLS 1.3 the server refuses after we may have written: that nothing was read there cannot be known here."""
    with Peer(authority.server_context("localhost", clients_of=stranger), respond(SENT)) as peer:
        (result,) = call(peer.url, send_red_pack())
    assert isinstance(result, NothingSent | OutcomeUnknown)
    assert (len(peer.arrivals), peer.attempts) == (0, 1)


def test_under_tls_1_2_a_refused_certificate_means_that_nothing_was_sent(
    authority: Authority, stranger: Authority, call: Caller
) -> None:
    context = authority.server_context("localhost", clients_of=stranger)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Peer(context, respond(SENT)) as peer:
        (result,) = call(peer.url, send_red_pack())
    nothing_sent(result)
    assert (len(peer.arrivals), peer.attempts) == (0, 1)


def test_a_cut_before_anything_was_read_is_never_called_an_answer_nor_repeated(
    authority: Authority, call: Caller
) -> None:
    def cut_at_once(connection: Connection) -> bool:
        connection.cut()
        return False

    with (
        Peer(authority.server_context("localhost"), respond(SENT), on_open=cut_at_once) as peer,
        Peer(authority.server_context("localhost"), respond(SENT)) as second,
    ):
        (result,) = call((peer.url, second.url), send_red_pack())
    # Who was quicker decides whether a byte left. If it may have, no second host may be asked.
    if isinstance(result, OutcomeUnknown):
        assert (result.sent, second.attempts) == (True, 0)
    else:
        assert isinstance(result, SentRedPack)
        assert len(second.arrivals) == 1
    assert peer.attempts == 1


# Nothing was sent: the second host gets the identical bytes.


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def nobody() -> Generator[str, None, None]:
    yield f"https://localhost:{free_port()}"


@contextlib.contextmanager
def no_name() -> Generator[str, None, None]:
    yield "https://nothing.invalid"


@contextlib.contextmanager
def cut_in_handshake() -> Generator[str, None, None]:
    def reset(plain: socket.socket) -> bool:
        plain.recv(1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    with Peer(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), respond(SENT), on_accept=reset) as peer:
        yield peer.url


@contextlib.contextmanager
def plain_http() -> Generator[str, None, None]:
    def answer(plain: socket.socket) -> bool:
        plain.recv(10)
        plain.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        return False

    with Peer(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), respond(SENT), on_accept=answer) as peer:
        yield peer.url


@pytest.mark.parametrize("bad", [nobody, no_name, cut_in_handshake, plain_http], ids=lambda each: each.__name__)
def test_the_second_host_gets_the_identical_bytes_when_nothing_was_sent(
    bad: Callable[[], contextlib.AbstractContextManager[str]],
    authority: Authority,
    call: Caller,
) -> None:
    with bad() as url, Peer(authority.server_context("localhost"), respond(SENT)) as second:
        results = call((url, second.url), send_red_pack())
        alone = call(url, send_red_pack())
    assert [type(each) for each in results] == [SentRedPack]
    assert len(second.arrivals) == 1
    nothing_sent(alone[0])


@pytest.mark.parametrize("flaw", ["unknown CA", "other name", "no name"])
def test_a_server_that_cannot_be_verified_gets_nothing(
    flaw: str, authority: Authority, stranger: Authority, call: Caller
) -> None:
    context = {
        "unknown CA": lambda: stranger.server_context("localhost", clients_of=authority),
        "other name": lambda: authority.server_context("api.mch.weixin.qq.com"),
        "no name": lambda: authority.server_context(),
    }[flaw]()
    with Peer(context, respond(SENT)) as peer:
        (result,) = call(peer.url, send_red_pack())
    assert "certificate" in nothing_sent(result).lower()
    assert peer.arrivals == []


def test_a_server_is_verified_by_its_address_too(authority: Authority, call: Caller) -> None:
    with Peer(authority.server_context("127.0.0.1"), respond(SENT)) as peer:
        url = f"https://127.0.0.1:{peer.port}"
        (sent,) = call(url, send_red_pack())
        (refused,) = call(peer.url, send_red_pack())
    assert isinstance(sent, SentRedPack)
    nothing_sent(refused)


def test_a_handshake_that_never_ends_is_given_up_as_nothing_sent(authority: Authority, call: Caller) -> None:
    def hold(plain: socket.socket) -> bool:
        while plain.recv(65536):
            pass
        return False

    with Peer(authority.server_context("localhost"), respond(SENT), on_accept=hold) as peer:
        (result,) = call(peer.url, send_red_pack(), timeouts=SHORT)
        nothing_sent(result)
        assert peer.connections == 0


def test_nothing_sent_names_each_host_and_nothing_of_the_request(call: Caller) -> None:
    ports = free_port(), free_port()
    (result,) = call(tuple(f"https://localhost:{port}" for port in ports), send_red_pack())
    message = nothing_sent(result)
    assert "localhost" in message
    assert "o000000000000000000000000001" not in message


def test_a_connection_that_the_server_closed_while_idle_is_replaced(authority: Authority, call: Caller) -> None:
    """Nothing of the second call had left, so this is no repeat: one arrival each."""
    with Peer(authority.server_context("localhost"), respond(SENT, keep=False)) as peer:
        results = call(peer.url, send_red_pack(), send_red_pack(), between=lambda: peer.closed.acquire(timeout=10))
        # A close that the client has not seen when it writes is a break on a reused connection; then it is unknown.
        if isinstance(results[1], OutcomeUnknown):
            assert len(peer.arrivals) == 1
        else:
            assert [type(each) for each in results] == [SentRedPack, SentRedPack]
            assert (peer.connections, len(peer.arrivals)) == (2, 2)


# The environment does not lead elsewhere.


def test_proxies_of_the_environment_are_ignored(
    authority: Authority, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with Peer(authority.server_context("localhost"), respond(SENT)) as peer:
            (sent,) = call(peer.url, send_red_pack())
        proxy.settimeout(0)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    assert isinstance(sent, SentRedPack)


def test_cookies_of_an_answer_are_not_sent_back(authority: Authority, call: Caller) -> None:
    with Peer(authority.server_context("localhost"), respond(SENT, "200 OK", "Set-Cookie: a=b; Path=/")) as peer:
        call(peer.url, send_red_pack(), send_red_pack())
    assert [b"cookie" in head.lower() for head, _ in peer.arrivals] == [False, False]


# Sharing, cancelling, closing.


def test_threads_share_a_client(authority: Authority, merchant: Credentials) -> None:
    """All eight are in the server at once before one is answered."""
    gate = threading.Barrier(8)

    def deed(connection: Connection) -> bool:
        gate.wait(10)
        return respond(SENT)(connection)

    with (
        Peer(authority.server_context("localhost"), deed) as peer,
        Client(merchant, base_url=peer.url, ca_file=authority.ca_file, timeouts=LONG) as client,
        ThreadPoolExecutor(8) as threads,
    ):
        results = list(threads.map(client.call, [send_red_pack()] * 8))
        again = list(threads.map(client.call, [send_red_pack()] * 8))
    assert {type(each) for each in results + again} == {SentRedPack}
    assert (len(peer.arrivals), peer.connections) == (16, 8)


def test_what_one_thread_sent_does_not_colour_what_another_did_not(authority: Authority, merchant: Credentials) -> None:
    """Whether a byte left is remembered per call: a thread that sends must not make another's refusal unknown."""
    inside, refused = threading.Event(), threading.Event()

    def deed(connection: Connection) -> bool:
        inside.set()
        refused.wait(10)
        return respond(SENT)(connection)

    with (
        Peer(authority.server_context("localhost"), deed) as peer,
        Client(merchant, base_url=peer.url, ca_file=authority.ca_file, timeouts=LONG) as client,
        ThreadPoolExecutor(1) as threads,
        nobody() as url,
    ):
        running = threads.submit(client.call, send_red_pack())
        assert inside.wait(10)
        client._hosts = (url,)
        with pytest.raises(NothingSent):
            client.call(send_red_pack())
        refused.set()
        assert isinstance(running.result(10), SentRedPack)


def test_many_async_calls_at_once(authority: Authority, merchant: Credentials) -> None:
    gate = threading.Barrier(8)

    def deed(connection: Connection) -> bool:
        gate.wait(10)
        return respond(SENT)(connection)

    async def run(url: str) -> list[SentRedPack]:
        async with AsyncClient(merchant, base_url=url, ca_file=authority.ca_file, timeouts=LONG) as client:
            return list(await asyncio.gather(*[client.call(send_red_pack()) for _ in range(8)]))

    with Peer(authority.server_context("localhost"), deed) as peer:
        results = asyncio.run(run(peer.url))
    assert len(results) == len(peer.arrivals) == peer.connections == 8


def test_a_cancelled_call_is_not_repeated_and_leaves_the_client_usable(
    authority: Authority, merchant: Credentials
) -> None:
    arrived = threading.Event()
    silent_first = iter([True])

    def deed(connection: Connection) -> bool:
        if next(silent_first, False):
            arrived.set()
            return stay_silent(connection)
        return respond(SENT)(connection)

    async def run(url: str) -> SentRedPack:
        async with AsyncClient(merchant, base_url=url, ca_file=authority.ca_file, timeouts=LONG) as client:
            task = asyncio.create_task(client.call(send_red_pack()))
            await asyncio.to_thread(arrived.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await client.call(send_red_pack())

    with Peer(authority.server_context("localhost"), deed) as peer:
        sent = asyncio.run(run(peer.url))
    assert isinstance(sent, SentRedPack)
    assert (len(peer.arrivals), peer.connections) == (2, 2)


def test_a_closed_client_can_be_used_again(authority: Authority, merchant: Credentials) -> None:
    with Peer(authority.server_context("localhost"), respond(SENT)) as peer:
        client = Client(merchant, base_url=peer.url, ca_file=authority.ca_file)
        for _ in range(2):
            assert isinstance(client.call(send_red_pack()), SentRedPack)
            client.close()
        client.close()
    assert (len(peer.arrivals), peer.connections) == (2, 2)


def test_a_closed_async_client_can_be_used_again_in_another_loop(authority: Authority, merchant: Credentials) -> None:
    async def run(client: AsyncClient) -> SentRedPack:
        async with client:
            return await client.call(send_red_pack())

    with Peer(authority.server_context("localhost"), respond(SENT)) as peer:
        client = AsyncClient(merchant, base_url=peer.url, ca_file=authority.ca_file)
        results = [asyncio.run(run(client)) for _ in range(2)]
    assert [type(each) for each in results] == [SentRedPack, SentRedPack]
    assert (len(peer.arrivals), peer.connections) == (2, 2)


def test_two_merchants_side_by_side_show_each_their_own_certificate(authority: Authority) -> None:
    seen: list[bytes | None] = []

    def deed(connection: Connection) -> bool:
        seen.append(connection.tls.getpeercert(binary_form=True))
        return respond(SENT)(connection)

    with Peer(authority.server_context("localhost"), deed) as peer:
        clients = [Client(authority.credentials(), base_url=peer.url, ca_file=authority.ca_file) for _ in range(2)]
        for client in clients:
            client.call(send_red_pack())
            client.call(send_red_pack())
            client.close()
    assert len(set(seen)) == 2
    assert seen[0] == seen[1] != seen[2] == seen[3]


def test_a_query_travels_the_same_way(authority: Authority, call: Caller) -> None:
    with Peer(authority.server_context("localhost"), cut) as peer:
        request: QueryRedPack = query()
        (result,) = call(peer.url, request)
    unknown(result)
    assert peer.arrivals[0][0].startswith(b"POST /mmpaymkttransfers/gethbinfo HTTP/1.1\r\n")
