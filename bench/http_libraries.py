"""Which HTTP library should carry money: what a call costs, and what the library does behind our back.

    python bench/http_libraries.py cost      CPU microseconds per call over kept-alive mutual TLS
    python bench/http_libraries.py safety    arrivals per call when the server cuts, refuses or keeps silent
    python bench/http_libraries.py habits    what is sent or followed without being asked: proxies, cookies, redirects

Each prints a table and one line of JSON. The answers of November 2026 are in docs/decisions/0003; this is how to ask
again when a library changes. Nothing here is a test: no figure passes or fails.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import contextvars
import http.client
import io
import json
import os
import platform
import queue
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import tls_stub
from tls_stub import Certificates, CueServer

if TYPE_CHECKING:
    import pycurl

PATH = "/mmpaymkttransfers/sendredpack"
BODY = tls_stub.xml_of(tls_stub.REQUEST_BYTES)
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "Accept-Encoding": "identity", "User-Agent": "hongbao-bench"}


class Mark:
    """Set by a library's hook at the last moment before the first byte of the request goes to the socket."""

    def __init__(self) -> None:
        self.set = False


class Caller(Protocol):
    """One library set up as strictly as it allows; `mark` tells afterwards whether the last call may have sent."""

    marks: bool

    def call(self, body: bytes, mark: Mark) -> bytes: ...
    def close(self) -> None: ...


class AsyncCaller(Protocol):
    marks: bool

    async def call(self, body: bytes, mark: Mark) -> bytes: ...
    async def close(self) -> None: ...


@dataclass(frozen=True)
class Target:
    port: int
    certificates: Certificates
    trusted: bool = True
    host: str = "127.0.0.1"
    pool: int = 64
    patience: float = 1.0
    """Seconds for connecting, and again for reading."""

    @property
    def base(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return self.base + PATH

    def context(self) -> ssl.SSLContext:
        return self.certificates.for_client(trusted=self.trusted)

    @property
    def ca(self) -> str:
        return self.certificates.path("ca.pem" if self.trusted else "stranger.pem")

    @property
    def pair(self) -> tuple[str, str]:
        return self.certificates.path("client.pem"), self.certificates.path("client.key")


# --- sync libraries -------------------------------------------------------------------------------------------

_mark: contextvars.ContextVar[Mark | None] = contextvars.ContextVar("mark", default=None)


class Urllib3:
    """The pool used directly. Each pooled connection marks the call of the thread that drives it."""

    marks = True
    strict = True

    def __init__(self, target: Target) -> None:
        import urllib3
        from urllib3.connection import HTTPSConnection

        class Connection(HTTPSConnection):
            def send(self, data: Any) -> None:  # noqa: ANN401  (as wide as what it overrides)
                if (mark := _mark.get()) is not None:
                    mark.set = True
                super().send(data)

        class Pool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Connection  # pyright: ignore[reportAssignmentType]  its own class fails too

        self.pool = Pool(
            target.host,
            target.port,
            maxsize=target.pool,
            block=True,
            ssl_context=target.context(),
            timeout=urllib3.Timeout(connect=target.patience, read=target.patience),
            retries=False if self.strict else None,
        )

    def call(self, body: bytes, mark: Mark) -> bytes:
        token = _mark.set(mark)
        try:
            if self.strict:
                reply = self.pool.urlopen(
                    "POST", PATH, body, HEADERS, retries=False, redirect=False, decode_content=False
                )
            else:
                reply = self.pool.urlopen("POST", PATH, body, {"Content-Type": "text/xml"})
        finally:
            _mark.reset(token)
        return reply.data

    def close(self) -> None:
        self.pool.close()


class Urllib3Default(Urllib3):
    strict = False


class HttpClient:
    """The standard library's connection and a list of idle ones; a connection found readable while idle is dropped."""

    marks = True

    class _Connection(http.client.HTTPSConnection):
        auto_open = 0  # else a connection that the peer ended after a reply would reopen itself inside send()
        mark: Mark | None = None

        def send(self, data: Any) -> None:  # noqa: ANN401  (as wide as what it overrides)
            if self.mark is not None:
                self.mark.set = True
            super().send(data)

    def __init__(self, target: Target) -> None:
        self.target, self.context = target, target.context()
        self.idle: queue.LifoQueue[HttpClient._Connection] = queue.LifoQueue(target.pool)

    def _connection(self) -> HttpClient._Connection:
        from urllib3.util.wait import wait_for_read

        with contextlib.suppress(queue.Empty):
            while connection := self.idle.get_nowait():
                if connection.sock is not None and not wait_for_read(connection.sock, 0):
                    return connection
                connection.close()
        connection = self._Connection(
            self.target.host, self.target.port, timeout=self.target.patience, context=self.context
        )
        connection.connect()
        return connection

    def call(self, body: bytes, mark: Mark) -> bytes:
        connection = self._connection()
        connection.mark = mark
        try:
            connection.request("POST", PATH, body, HEADERS)
            data = connection.getresponse().read()
        except BaseException:
            connection.close()
            raise
        with contextlib.suppress(queue.Full):
            self.idle.put_nowait(connection)
        return data

    def close(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self.idle.get_nowait().close()


class Httpx2:
    marks = True
    strict = True

    def __init__(self, target: Target) -> None:
        import httpx2

        limits = httpx2.Limits(max_connections=target.pool, max_keepalive_connections=target.pool)
        timeout = httpx2.Timeout(target.patience)
        if self.strict:
            transport = httpx2.HTTPTransport(verify=target.context(), retries=0, limits=limits, trust_env=False)
            self.client = httpx2.Client(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)
        else:
            self.client = httpx2.Client(verify=target.context(), timeout=timeout)
        self.url = target.url

    def call(self, body: bytes, mark: Mark) -> bytes:
        def trace(event: str, info: object) -> None:
            if event == "http11.send_request_headers.started":
                mark.set = True

        headers = HEADERS if self.strict else {"Content-Type": "text/xml"}
        return self.client.post(self.url, content=body, headers=headers, extensions={"trace": trace}).content

    def close(self) -> None:
        self.client.close()


class Httpx2Default(Httpx2):
    strict = False


class Pycurl:
    """One easy handle per thread. libcurl tells what it has sent only afterwards, through its debug callback."""

    marks = True
    from_reader = False
    strict = True

    def __init__(self, target: Target) -> None:
        self.target = target
        self.local = threading.local()
        self.debug = True

    def _handle(self) -> pycurl.Curl:
        import pycurl

        handle = pycurl.Curl()
        set_ = handle.setopt
        certificate, key = self.target.pair
        set_(pycurl.URL, self.target.url)
        set_(pycurl.CAINFO, self.target.ca)
        set_(pycurl.SSLCERT, certificate)
        set_(pycurl.SSLKEY, key)
        set_(pycurl.POST, 1)
        set_(pycurl.NOSIGNAL, 1)
        set_(pycurl.CONNECTTIMEOUT_MS, int(self.target.patience * 1000))
        set_(pycurl.TIMEOUT_MS, int(self.target.patience * 1000))
        set_(pycurl.HTTPHEADER, ["Content-Type: text/xml", "Expect:"])
        if self.strict:
            set_(pycurl.PROXY, "")
            set_(pycurl.FOLLOWLOCATION, 0)
            set_(pycurl.NETRC, pycurl.NETRC_IGNORED)
            set_(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        return handle

    def call(self, body: bytes, mark: Mark) -> bytes:
        import pycurl

        handle = getattr(self.local, "handle", None)
        if handle is None:
            handle = self.local.handle = self._handle()
        out = io.BytesIO()
        handle.setopt(pycurl.WRITEFUNCTION, out.write)
        if self.from_reader:
            # Without a seek callback libcurl cannot rewind the body and gives the repeat up.
            handle.setopt(pycurl.READFUNCTION, io.BytesIO(body).read)
            handle.setopt(pycurl.POSTFIELDSIZE, len(body))
        else:
            handle.setopt(pycurl.POSTFIELDS, body)
        if self.debug:

            def seen(kind: int, data: bytes) -> None:
                if kind in (pycurl.INFOTYPE_HEADER_OUT, pycurl.INFOTYPE_DATA_OUT):
                    mark.set = True

            handle.setopt(pycurl.VERBOSE, 1)
            handle.setopt(pycurl.DEBUGFUNCTION, seen)
        handle.perform()
        return out.getvalue()

    def close(self) -> None:
        if (handle := getattr(self.local, "handle", None)) is not None:
            handle.close()


class PycurlFast(Pycurl):
    """Without the debug callback, as it would be run for speed."""

    marks = False

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.debug = False


class PycurlReader(Pycurl):
    from_reader = True


class PycurlDefault(Pycurl):
    strict = False


class Requests:
    """Kept-alive session, as wechatpy uses it; requests has no hook between the connection and the socket."""

    marks = False
    strict = True

    def __init__(self, target: Target) -> None:
        import requests
        from requests.adapters import HTTPAdapter

        self.session = requests.Session()
        self.session.mount("https://", HTTPAdapter(pool_connections=1, pool_maxsize=target.pool, max_retries=0))
        self.session.cert = target.pair
        self.session.verify = target.ca
        if self.strict:
            self.session.trust_env = False
        self.url, self.patience = target.url, target.patience

    def call(self, body: bytes, mark: Mark) -> bytes:
        if self.strict:
            return self.session.post(
                self.url, data=body, headers=HEADERS, timeout=self.patience, allow_redirects=False
            ).content
        headers = {"Content-Type": "text/xml"}
        return self.session.post(self.url, data=body, headers=headers, timeout=self.patience).content

    def close(self) -> None:
        self.session.close()


class RequestsDefault(Requests):
    strict = False


# --- async libraries ------------------------------------------------------------------------------------------


class Aiohttp:
    marks = True
    strict = True

    def __init__(self, target: Target) -> None:
        import aiohttp

        async def before_headers(session: object, context: SimpleNamespace, params: object) -> None:
            context.trace_request_ctx.set = True

        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(before_headers)
        timeout = aiohttp.ClientTimeout(
            total=2 * target.patience, sock_connect=target.patience, sock_read=target.patience
        )
        connector = aiohttp.TCPConnector(ssl=target.context(), limit=target.pool, limit_per_host=0)
        if self.strict:
            self.session = aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers=HEADERS,
                trace_configs=[trace],
            )
        else:
            self.session = aiohttp.ClientSession(connector=connector, timeout=timeout, trace_configs=[trace])
        self.url = target.url

    async def call(self, body: bytes, mark: Mark) -> bytes:
        follow: dict[str, Any] = {"allow_redirects": False} if self.strict else {}
        async with self.session.post(self.url, data=body, trace_request_ctx=mark, **follow) as reply:
            return await reply.read()

    async def close(self) -> None:
        await self.session.close()


class AiohttpDefault(Aiohttp):
    strict = False


class Httpx2Async:
    marks = True

    def __init__(self, target: Target) -> None:
        import httpx2

        limits = httpx2.Limits(max_connections=target.pool, max_keepalive_connections=target.pool)
        transport = httpx2.AsyncHTTPTransport(verify=target.context(), retries=0, limits=limits, trust_env=False)
        timeout = httpx2.Timeout(target.patience)
        self.client = httpx2.AsyncClient(transport=transport, timeout=timeout, trust_env=False)
        self.url = target.url

    async def call(self, body: bytes, mark: Mark) -> bytes:
        async def trace(event: str, info: object) -> None:
            if event == "http11.send_request_headers.started":
                mark.set = True

        reply = await self.client.post(self.url, content=body, headers=HEADERS, extensions={"trace": trace})
        return reply.content

    async def close(self) -> None:
        await self.client.aclose()


class Driven:
    """An async caller driven one call at a time, so that the safety cases read the same for both kinds."""

    def __init__(self, make: Callable[[Target], AsyncCaller], target: Target) -> None:
        self.runner = asyncio.Runner()

        async def build() -> AsyncCaller:
            return make(target)

        self.inner = self.runner.run(build())
        self.marks = self.inner.marks

    def call(self, body: bytes, mark: Mark) -> bytes:
        return self.runner.run(self.inner.call(body, mark))

    def rest(self, seconds: float) -> None:
        """Give the loop time to notice what the peer did, as a running service would."""
        self.runner.run(asyncio.sleep(seconds))

    def close(self) -> None:
        self.runner.run(self.inner.close())
        self.runner.close()


SYNC: dict[str, Callable[[Target], Caller]] = {
    "urllib3": Urllib3,
    "http.client": HttpClient,
    "httpx2": Httpx2,
    "pycurl": Pycurl,
    "requests": Requests,
}
ASYNC: dict[str, Callable[[Target], AsyncCaller]] = {"aiohttp": Aiohttp, "httpx2 async": Httpx2Async}


# --- what a call costs ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    library: str
    at_a_time: int
    cpu_us: float
    calls_per_s: float


def cost_of(library: str, at_a_time: int, calls: int, target: Target) -> Cost:
    """CPU of this process for `calls` calls on connections that are already open, measured once."""
    spent: list[float] = []

    def start() -> None:
        spent[:] = [_cpu_s(), time.perf_counter()]

    def stop() -> None:
        spent[:] = [_cpu_s() - spent[0], time.perf_counter() - spent[1]]

    name, _, loop = library.partition(" on ")
    if name in ASYNC:
        make = ASYNC[name]

        async def main() -> None:
            caller = make(target)

            async def some(share: int) -> None:
                for _ in range(share):
                    await caller.call(BODY, Mark())

            await asyncio.gather(*[some(5) for _ in range(at_a_time)])
            start()
            await asyncio.gather(*[some(calls // at_a_time) for _ in range(at_a_time)])
            stop()
            await caller.close()

        if loop == "uvloop":
            import uvloop

            uvloop.run(main())
        else:
            asyncio.run(main())
    else:
        caller = {**SYNC, "pycurl bare": PycurlFast}[name](target)
        gate = threading.Barrier(at_a_time + 1)

        def some() -> None:
            for _ in range(5):
                caller.call(BODY, Mark())
            gate.wait()
            gate.wait()
            for _ in range(calls // at_a_time):
                caller.call(BODY, Mark())
            gate.wait()
            if isinstance(caller, Pycurl):
                caller.close()  # the handle is this thread's own

        threads = [threading.Thread(target=some) for _ in range(at_a_time)]
        for thread in threads:
            thread.start()
        gate.wait()
        start()
        gate.wait()
        gate.wait()
        stop()
        for thread in threads:
            thread.join()
        caller.close()
    done = calls // at_a_time * at_a_time
    return Cost(library, at_a_time, spent[0] / done * 1e6, done / spent[1])


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


COST_ROWS = (
    "aiohttp", "aiohttp on uvloop", "httpx2 async", "urllib3", "http.client", "pycurl", "pycurl bare", "requests",
    "httpx2",
)  # fmt: skip


def measure_cost(rounds: int, calls: int, only: Sequence[str]) -> None:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    server_core = cores[1] if len(cores) > 1 else None
    rows: list[Cost] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        tls_stub.constant_server(tls_stub.make_certificates(Path(folder)), server_core) as port,
    ):
        taken: dict[tuple[str, int], list[Cost]] = {}
        for _ in range(rounds):
            for library in only or COST_ROWS:
                for at_a_time in (1, 16, 64):
                    # A fresh process each time: no library pays for another's threads, caches or garbage.
                    command = [sys.executable, __file__, "one", library, str(at_a_time), str(calls), folder, str(port)]
                    if server_core is not None:
                        command = ["taskset", "-c", str(cores[0]), *command]
                    reply = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                    taken.setdefault((library, at_a_time), []).append(Cost(**json.loads(reply)))
        for (library, at_a_time), costs in taken.items():
            cpu = statistics.median(cost.cpu_us for cost in costs)
            pace = statistics.median(cost.calls_per_s for cost in costs)
            rows.append(Cost(library, at_a_time, round(cpu, 1), round(pace)))
    print(f"CPU us per call (calls/s), median of {rounds} rounds of {calls} calls")
    print(f"{'':<20}{'1 at a time':>18}{'16':>18}{'64':>18}")
    for library in dict.fromkeys(row.library for row in rows):
        cells = [f"{row.cpu_us:.0f} ({row.calls_per_s:.0f})" for row in rows if row.library == library]
        print(f"{library:<20}" + "".join(f"{cell:>18}" for cell in cells))
    print(json.dumps({"cost": [asdict(row) for row in rows], "versions": versions()}))


def versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("aiohttp", "urllib3", "httpx2", "pycurl", "requests", "uvloop")
    return {
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        **{name: version(name) for name in names},
    }


# --- what happens behind our back -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What the server does: `cues` in order; with `answered_first` the call that is judged is the second."""

    title: str
    cues: tuple[str, ...] = ()
    answered_first: bool = False
    trusted: bool = True
    accepts_client: bool = True
    handshakes: bool = True
    place: str = "server"


CASES = (
    Case("reads, cuts; fresh", (tls_stub.READ_THEN_CUT,)),
    Case("reads, resets; fresh", (tls_stub.READ_THEN_RESET,)),
    Case("reads, cuts; reused", (tls_stub.ANSWER, tls_stub.READ_THEN_CUT), answered_first=True),
    Case("reads, resets; reused", (tls_stub.ANSWER, tls_stub.READ_THEN_RESET), answered_first=True),
    Case("half an answer; reused", (tls_stub.ANSWER, tls_stub.ANSWER_PART_THEN_CUT), answered_first=True),
    Case("reads, garbles TLS; fresh", (tls_stub.READ_THEN_GARBLE,)),
    Case("reads, garbles TLS; reused", (tls_stub.ANSWER, tls_stub.READ_THEN_GARBLE), answered_first=True),
    Case("hangs up before the request; fresh", (tls_stub.CLOSE_NOW,)),
    Case("cuts, request unread; fresh", (tls_stub.CUT_UNREAD,)),
    Case("cuts, request unread; reused", (tls_stub.ANSWER, tls_stub.CUT_UNREAD), answered_first=True),
    Case("closed while idle", (tls_stub.ANSWER_THEN_CLOSE,), answered_first=True),
    Case("reads, silent", (tls_stub.READ_THEN_SILENT,)),
    Case("refuses our certificate", accepts_client=False),
    Case("unknown CA", trusted=False),
    Case("never shakes hands", handshakes=False),
    Case("connection refused", place="nobody"),
    Case("connect timeout", place="blackhole"),
)

SAFETY_ROWS: dict[str, Callable[[Target], Caller]] = {
    "aiohttp": lambda target: Driven(Aiohttp, target),
    "httpx2 async": lambda target: Driven(Httpx2Async, target),
    **SYNC,
    "pycurl reader": PycurlReader,
    "urllib3 default": Urllib3Default,
}


@dataclass(frozen=True)
class Finding:
    library: str
    case: str
    reached: int
    read: int
    outcome: str
    mark: bool | None
    """What the library's hook said: True "may have been sent", False "not a byte", None "no hook"."""


def judge(library: str, case: Case, certificates: Certificates, newest: ssl.TLSVersion) -> Finding:
    with contextlib.ExitStack() as stack:
        server: CueServer | None = None
        if case.place == "server":
            server = stack.enter_context(
                CueServer(
                    certificates,
                    list(case.cues),
                    handshakes=case.handshakes,
                    accepts_client=case.accepts_client,
                    newest=newest,
                )
            )
            port = server.port
        else:
            port = stack.enter_context(tls_stub.nobody() if case.place == "nobody" else tls_stub.blackhole())
        caller = SAFETY_ROWS[library](Target(port, certificates, trusted=case.trusted, pool=4))
        stack.callback(caller.close)
        before = (0, 0)
        if case.answered_first:
            caller.call(BODY, Mark())
            if server is not None:
                before = (server.reached, server.read)
            # Let a hang-up arrive: the question is what the library does once it could know.
            if isinstance(caller, Driven):
                caller.rest(0.1)
            else:
                time.sleep(0.1)
        mark = Mark()
        try:
            caller.call(BODY, mark)
            outcome = "ok"
        except Exception as error:
            outcome = describe(error)
        time.sleep(0.05)
        reached, read = (server.reached - before[0], server.read - before[1]) if server is not None else (0, 0)
        return Finding(library, case.title, reached, read, outcome, mark.set if caller.marks else None)


def describe(error: BaseException) -> str:
    """The exception's class and, where the library wraps, what it wraps; curl has only numbers."""
    name = type(error).__name__
    if type(error).__module__.startswith("pycurl"):
        return f"curl {error.args[0]}"
    inner = error.args[-1] if error.args and isinstance(error.args[-1], BaseException) else None
    inner = getattr(error, "reason", None) if isinstance(getattr(error, "reason", None), BaseException) else inner
    return f"{name}({describe(inner)})" if inner is not None else name


def judge_safety(only: Sequence[str], newest: ssl.TLSVersion) -> None:
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as folder:
        certificates = tls_stub.make_certificates(Path(folder))
        for case in CASES:
            print(f"\n{case.title}")
            for library in only or SAFETY_ROWS:
                finding = judge(library, case, certificates, newest)
                findings.append(finding)
                said = {True: "may have been sent", False: "not a byte", None: "-"}[finding.mark]
                print(f"  {library:<16} reached {finding.reached} read {finding.read}  {said:<19} {finding.outcome}")
        prove_marks(certificates)
    print(json.dumps({"safety": [asdict(finding) for finding in findings], "versions": versions()}))


class _Veto(Mark):
    """A mark that refuses to be set: the call must then die with nothing having reached the server."""

    def __setattr__(self, name: str, value: object) -> None:
        if value is True:
            raise RuntimeError("vetoed")
        super().__setattr__(name, value)


def prove_marks(certificates: Certificates) -> None:
    """Show that each hook runs before the write: a hook that raises leaves the server with nothing."""
    print("\nhook raises instead of marking; on a reused connection")
    for library in ("aiohttp", "httpx2 async", "urllib3", "http.client", "httpx2", "pycurl"):
        with CueServer(certificates, []) as server:
            caller = SAFETY_ROWS[library](Target(server.port, certificates, pool=4))
            caller.call(BODY, Mark())
            before = server.reached
            try:
                # libcurl's callback may not raise: the binding prints the error and goes on.
                with contextlib.redirect_stderr(io.StringIO()):
                    caller.call(BODY, _Veto())
                outcome = "ok"
            except Exception as error:
                outcome = describe(error)
            time.sleep(0.1)
            print(f"  {library:<16} reached {server.reached - before}  {outcome}")
            caller.close()


# --- habits ---------------------------------------------------------------------------------------------------

HABIT_ROWS: dict[str, Callable[[Target], Caller]] = {
    "aiohttp": lambda target: Driven(Aiohttp, target),
    "aiohttp default": lambda target: Driven(AiohttpDefault, target),
    "urllib3": Urllib3,
    "urllib3 default": Urllib3Default,
    "http.client": HttpClient,
    "httpx2": Httpx2,
    "httpx2 default": Httpx2Default,
    "pycurl": Pycurl,
    "pycurl default": PycurlDefault,
    "requests": Requests,
    "requests default": RequestsDefault,
}


def judge_habits() -> None:
    """With a proxy, a .netrc and another CA in the environment, a server that sets cookies and one that redirects."""
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        certificates = tls_stub.make_certificates(Path(folder))
        netrc = Path(folder) / ".netrc"
        netrc.write_text("machine localhost login a password b\n")
        netrc.chmod(0o600)
        stranger = certificates.path("stranger.pem")
        names = ("env_proxy", "env_ca", "netrc", "cookie", "repeats_on_307", "offers_gzip")
        print(f"{'':<18}" + "".join(f"{name:>15}" for name in names) + "   headers sent")
        for library, make in HABIT_ROWS.items():
            with CueServer(certificates, []) as server, tls_stub.nobody() as dead, _environment():
                # By name: a cookie jar may refuse what comes from a bare address.
                target = Target(server.port, certificates, host="localhost", pool=4)
                proxy = f"http://127.0.0.1:{dead}"
                with _environment(HTTPS_PROXY=proxy, https_proxy=proxy):
                    env_proxy = not _answers(make, target, 1)
                with _environment(REQUESTS_CA_BUNDLE=stranger, CURL_CA_BUNDLE=stranger, SSL_CERT_FILE=stranger):
                    env_ca = not _answers(make, target, 1)
                with _environment(NETRC=str(netrc)):
                    _answers(make, target, 2)
                headers = dict(line.split(": ", 1) for line in server.heads[-1].decode().lower().split("\r\n")[1:])
                before = server.read
                server.cues = [tls_stub.REDIRECT]
                _answers(make, target, 1)
                row: dict[str, object] = {
                    "env_proxy": env_proxy,
                    "env_ca": env_ca,
                    "netrc": "authorization" in headers,
                    "cookie": "cookie" in headers,
                    "repeats_on_307": server.read - before > 1,
                    "offers_gzip": "gzip" in headers.get("accept-encoding", ""),
                }
            print(f"{library:<18}" + "".join(f"{'yes' if row[name] else 'no':>15}" for name in names), *sorted(headers))
            found.append({"library": library, **row, "headers": sorted(headers)})
    print(json.dumps({"habits": found, "versions": versions()}))


def _answers(make: Callable[[Target], Caller], target: Target, calls: int) -> bool:
    caller = make(target)
    try:
        for _ in range(calls):
            caller.call(BODY, Mark())
    except Exception:
        return False
    finally:
        caller.close()
    return True


@contextlib.contextmanager
def _environment(**values: str) -> Generator[None]:
    """An environment with nothing in it that an HTTP library listens to but `values`."""
    heard = ("PROXY", "CA_BUNDLE", "SSL_CERT", "NETRC")
    old = dict(os.environ)
    for name in old:
        if any(word in name.upper() for word in heard):
            del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(old)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=["cost", "safety", "habits", "one"])
    parser.add_argument("rest", nargs="*", help="library names to restrict to")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=3200)
    parser.add_argument("--tls12", action="store_true", help="safety: a server that speaks nothing newer")
    arguments = parser.parse_intermixed_args()
    if arguments.what == "one":
        library, at_a_time, calls, folder, port = arguments.rest
        target = Target(int(port), Certificates(Path(folder)), pool=int(at_a_time), patience=30)
        print(json.dumps(asdict(cost_of(library, int(at_a_time), int(calls), target))))
    elif arguments.what == "cost":
        measure_cost(arguments.rounds, arguments.calls, arguments.rest)
    elif arguments.what == "safety":
        judge_safety(arguments.rest, ssl.TLSVersion.TLSv1_2 if arguments.tls12 else ssl.TLSVersion.TLSv1_3)
    else:
        judge_habits()


if __name__ == "__main__":
    main()
