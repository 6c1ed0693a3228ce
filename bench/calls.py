"""What a whole call costs over kept-alive mutual TLS: ours against wechatpy's, and against the least there can be.

    python bench/calls.py [--rounds 3] [--calls 3200] [--server "constant reply"]

The same sendredpack 1, 16 and 64 at a time, against a server that always answers the same and against the simulator.
The server has the first core to itself and the client the last one, where the system can pin. Every figure comes from a
process of its own, after a warm-up that opens the connections; rounds take turns and the table shows their medians. CPU
is user and system time of the client. Prints tables and, as its last line, the same as JSON.

hongbao async     AsyncClient on asyncio
hongbao, uvloop   the same on uvloop
hongbao sync      one Client, as many threads as calls at a time
wechatpy          one WeChatPay in as many threads, its requests.Session with a connection for each (of its own accord
                  it keeps 10 and would pay for handshakes beyond)
bare streams      asyncio streams that write ready-made bytes and look at nothing but the reply's length: the floor
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import one_call
import tls_stub
from hongbao.clock import SystemDice
from hongbao.simulator.simulator import API_KEY, MCH_ID, OFFICIAL_APPID
from hongbao.wechat import AsyncClient, Client, Credentials, LimitSet
from hongbao.wechat.flow import converse

CLIENTS = ("hongbao async", "hongbao, uvloop", "hongbao sync", "wechatpy", "bare streams")
SERVERS = ("constant reply", "simulator")
AT_A_TIME = (1, 16, 64)
WARMING = 5
"""Calls over each connection before the clock starts."""


@dataclass(frozen=True)
class Target:
    """Where a server is and how to get in. `numbered`: it wants an order number of its own for every call."""

    base_url: str
    ca: str
    certificate: str
    key: str
    numbered: bool

    def number(self, call: int) -> str:
        return f"{call:028d}" if self.numbered else one_call.NUMBER

    def credentials(self) -> Credentials:
        return Credentials.from_pem(
            mch_id=MCH_ID, api_key=API_KEY, certificate=Path(self.certificate), key=Path(self.key)
        )


@dataclass(frozen=True)
class Cost:
    server: str
    client: str
    at_a_time: int
    cpu_us: float
    calls_per_s: float


# --- one figure, in a process of its own ----------------------------------------------------------------------


class Meter:
    """CPU and time between `start` and `stop`."""

    def start(self) -> None:
        self._cpu, self._time = _cpu_s(), time.perf_counter()

    def stop(self) -> None:
        self.cpu_s, self.seconds = _cpu_s() - self._cpu, time.perf_counter() - self._time


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def lanes(first: int, at_a_time: int, each: int) -> list[range]:
    """The calls of each connection: first those that warm it, then those that count."""
    span = WARMING + each
    return [range(first + lane * span, first + (lane + 1) * span) for lane in range(at_a_time)]


async def drive_ours(target: Target, calls: list[range], meter: Meter) -> None:
    async with AsyncClient(target.credentials(), base_url=target.base_url, ca_file=Path(target.ca)) as client:

        async def some(numbers: range) -> None:
            for call in numbers:
                await client.call(one_call.our_request(target.number(call)))

        await asyncio.gather(*(some(numbers[:WARMING]) for numbers in calls))
        meter.start()
        await asyncio.gather(*(some(numbers[WARMING:]) for numbers in calls))
        meter.stop()


async def drive_bare(target: Target, calls: list[range], meter: Meter) -> None:
    context = ssl.create_default_context(cafile=target.ca)
    context.load_cert_chain(target.certificate, target.key)
    port = int(target.base_url.rpartition(":")[2])
    credentials = target.credentials()
    written = [[_request(target, credentials, call) for call in numbers] for numbers in calls]
    streams = [await asyncio.open_connection("127.0.0.1", port, ssl=context) for _ in calls]

    async def some(lane: int, rows: list[bytes]) -> None:
        reader, writer = streams[lane]
        for row in rows:
            writer.write(row)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0]))

    await asyncio.gather(*(some(lane, rows[:WARMING]) for lane, rows in enumerate(written)))
    meter.start()
    await asyncio.gather(*(some(lane, rows[WARMING:]) for lane, rows in enumerate(written)))
    meter.stop()
    for _, writer in streams:
        writer.close()


def _request(target: Target, credentials: Credentials, call: int) -> bytes:
    request = one_call.our_request(target.number(call))
    post = next(converse(request, credentials, LimitSet(), (target.base_url,), SystemDice()))
    return (
        b"POST /mmpaymkttransfers/sendredpack HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: text/xml; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b" % (len(post.body), post.body)
    )


def drive_threads(call: Callable[[int], object], calls: list[range], meter: Meter) -> None:
    gate = threading.Barrier(len(calls) + 1)
    failures: list[BaseException] = []

    def some(numbers: range) -> None:
        try:
            for number in numbers[:WARMING]:
                call(number)
            gate.wait()
            gate.wait()
            for number in numbers[WARMING:]:
                call(number)
            gate.wait()
        except BaseException as failure:
            failures.append(failure)
            gate.abort()

    threads = [threading.Thread(target=some, args=(numbers,)) for numbers in calls]
    for thread in threads:
        thread.start()
    with contextlib.suppress(threading.BrokenBarrierError):
        gate.wait()
        meter.start()
        gate.wait()
        gate.wait()
        meter.stop()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def wechatpy_call(target: Target, at_a_time: int) -> Callable[[int], object]:
    import requests.adapters
    from wechatpy.pay import WeChatPay

    client: Any = WeChatPay(
        appid=OFFICIAL_APPID, api_key=API_KEY, mch_id=MCH_ID, mch_cert=target.certificate, mch_key=target.key
    )
    client.API_BASE_URL = f"{target.base_url}/"
    session: requests.Session = client._http  # noqa: SLF001  it has no door for the CA
    session.verify = target.ca
    session.trust_env = False  # else REQUESTS_CA_BUNDLE would overrule the CA
    session.mount("https://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=at_a_time))
    return lambda call: client.redpack.send(**one_call.their_arguments(target.number(call)))


def measure_here(client: str, target: Target, at_a_time: int, calls: int, first: int) -> tuple[float, float]:
    """CPU microseconds per call, and calls per second, of this process."""
    each = calls // at_a_time
    rows, meter = lanes(first, at_a_time, each), Meter()
    asynchronous: dict[str, Callable[[Target, list[range], Meter], Coroutine[Any, Any, None]]] = {
        "hongbao async": drive_ours,
        "hongbao, uvloop": drive_ours,
        "bare streams": drive_bare,
    }
    if client in asynchronous:
        factory = None
        if client.endswith("uvloop"):
            import uvloop

            factory = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asynchronous[client](target, rows, meter))
    elif client == "hongbao sync":
        with Client(target.credentials(), base_url=target.base_url, ca_file=Path(target.ca)) as ours:
            drive_threads(lambda call: ours.call(one_call.our_request(target.number(call))), rows, meter)
    else:
        drive_threads(wechatpy_call(target, at_a_time), rows, meter)
    return meter.cpu_s / (each * at_a_time) * 1e6, each * at_a_time / meter.seconds


# --- the servers ----------------------------------------------------------------------------------------------


async def serve_constant(folder: Path) -> None:
    """The constant server, with the reply that belongs to `one_call`."""
    certificates = tls_stub.make_certificates(folder)

    class Constant(tls_stub._Constant):  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        REPLY = tls_stub.http_reply(one_call.REPLY)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Constant, "127.0.0.1", 0, ssl=certificates.for_server(), backlog=512)
    hello = {
        "base_url": f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        "ca": certificates.path("ca.pem"),
        "certificate": certificates.path("client.pem"),
        "key": certificates.path("client.key"),
    }
    print(json.dumps(hello), flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextlib.contextmanager
def running(server: str) -> Generator[Target]:
    """Run a server in a process of its own on the first core."""
    here = Path(__file__)
    if server == "simulator":
        command = [sys.executable, str(here.with_name("simulator_rate.py")), "--serve", "simulator"]
    else:
        command = [sys.executable, str(here), "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Target(numbered=server == "simulator", **json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()


def pin(*, first: bool) -> None:
    if hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores) if first else max(cores)})


# --- the tables -----------------------------------------------------------------------------------------------


def measure(server: str, rounds: int, calls: int) -> list[Cost]:
    taken: dict[tuple[str, int], list[tuple[float, float]]] = {}
    first = 0
    with running(server) as target:
        for _ in range(rounds):
            for client in CLIENTS:
                for at_a_time in AT_A_TIME:
                    one = [client, str(at_a_time), str(calls), str(first), json.dumps(asdict(target))]
                    first += calls + WARMING * at_a_time
                    command = [sys.executable, __file__, "--one", *one]
                    reply = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                    taken.setdefault((client, at_a_time), []).append(json.loads(reply))
    return [
        Cost(
            server,
            client,
            at_a_time,
            round(statistics.median(cpu for cpu, _ in pairs), 1),
            round(statistics.median(pace for _, pace in pairs)),
        )
        for (client, at_a_time), pairs in taken.items()
    ]


def show(server: str, costs: list[Cost], rounds: int, calls: int) -> None:
    theirs = {cost.at_a_time: cost.cpu_us for cost in costs if cost.client == "wechatpy"}
    print(f"\nserver: {server}; CPU us per call, of wechatpy's, calls/s; median of {rounds} rounds of {calls} calls")
    print(f"{'':<18}" + "".join(f"{f'{at_a_time} at a time':>24}" for at_a_time in AT_A_TIME))
    for client in CLIENTS:
        cells = [
            f"{cost.cpu_us:>10.0f}{cost.cpu_us / theirs[cost.at_a_time]:>6.2f}{cost.calls_per_s:>8.0f}"
            for cost in costs
            if cost.client == client
        ]
        print(f"{client:<18}" + "".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=3200)
    parser.add_argument("--server", choices=SERVERS, help="only this one")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        import uvloop

        pin(first=True)
        with tempfile.TemporaryDirectory() as folder:
            uvloop.run(serve_constant(Path(folder)))
        return
    if arguments.one:
        pin(first=False)
        client, at_a_time, calls, first, target = arguments.one
        found = measure_here(client, Target(**json.loads(target)), int(at_a_time), int(calls), int(first))
        print(json.dumps(found))
        return
    rows: list[Cost] = []
    for server in [arguments.server] if arguments.server else SERVERS:
        costs = measure(server, arguments.rounds, arguments.calls)
        show(server, costs, arguments.rounds, arguments.calls)
        rows += costs
    names = ("aiohttp", "urllib3", "uvloop", "wechatpy", "requests")
    versions = {"python": platform.python_version(), **{name: version(name) for name in names}}
    print(json.dumps({"calls": [asdict(row) for row in rows], "versions": versions}))


if __name__ == "__main__":
    main()
