"""How many sends a second the simulator takes on one core over kept-alive mutual TLS.

    python bench/simulator_rate.py [--sends 20000]

The simulator runs in a process of its own, pinned to one core; a client that writes ready-made requests to raw
connections runs pinned to another. In the same run the same client asks the simulator's own TLS and HTTP shell with a
reply that never changes: the ratio of the two says what judging a packet costs. Prints a table and a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import platform
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from hongbao.clock import SystemClock
from hongbao.simulator.certificates import Authority, Recognition
from hongbao.simulator.face import Departure
from hongbao.simulator.server import PayServer
from hongbao.simulator.simulator import API_KEY, MCH_ID, OFFICIAL_APPID, Simulator
from hongbao.simulator.tls import server_context

SERVERS = ("constant reply", "simulator", "simulator with a data folder")
CONNECTIONS = (1, 16, 64)
PEOPLE = 1000
NO_LIMITS = {
    "rate_minute_max": None,
    "rate_second_max": None,
    "person_packets_day_max": None,
    "person_fen_day_max": None,
    "fen_day_max": None,
}


@dataclass(frozen=True)
class Rate:
    """One line of the table."""

    server: str
    connections: int
    per_second: int
    server_cpu_us: float


def serve(kind: str) -> None:
    """Run one server until standard input ends; print what a client needs as one line of JSON."""
    pin(first=True)
    with tempfile.TemporaryDirectory() as folder:
        if kind == "constant reply":
            uvloop.run(serve_constant(Path(folder)))
            return
        data_folder = Path(folder) if kind == "simulator with a data folder" else None
        with Simulator(rules=dict(NO_LIMITS), data_folder=data_folder) as simulator:
            merchant = simulator.merchant
            simulator.control.top_up(merchant.mch_id, 10**12)
            tell(simulator.base_url, simulator.ca_file, merchant.certificate, merchant.key)
            sys.stdin.read()


async def serve_constant(folder: Path) -> None:
    """Answer everything with a reply as long as a real one, through the simulator's own TLS and HTTP."""
    authority = Authority(folder, SystemClock())
    pair = authority.merchant_pair(MCH_ID)
    departure = Departure(200, "text/xml; charset=utf-8", b"x" * 550)
    server = PayServer(
        lambda _: departure,
        context=server_context(authority.server_file()),
        recognition=Recognition(authority.ca_file, SystemClock()),
        clock=SystemClock(),
    )
    port = await server.start("127.0.0.1", 0)
    tell(f"https://127.0.0.1:{port}", authority.ca_file, pair.certificate, pair.key)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


def tell(base_url: str, ca: Path, certificate: Path, key: Path) -> None:
    """Print where the server is and how to get in."""
    hello = {"base_url": base_url, "ca": str(ca), "certificate": str(certificate), "key": str(key)}
    print(json.dumps(hello), flush=True)


def pin(*, first: bool) -> None:
    """Keep this process on the first or the last core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores) if first else max(cores)})


def send_request(number: int) -> bytes:
    """Write a signed sendredpack request with an order number of its own."""
    fields = {
        "nonce_str": f"{number:032d}",
        "mch_billno": f"{number:028d}",
        "mch_id": MCH_ID,
        "wxappid": OFFICIAL_APPID,
        "send_name": "示例商户",
        "re_openid": f"oBench{number % PEOPLE:022d}",
        "total_amount": "100",
        "total_num": "1",
        "wishing": "节日快乐",
        "client_ip": "192.0.2.10",
        "act_name": "节日活动",
        "remark": "备注",
    }
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items())) + f"&key={API_KEY}"
    fields["sign"] = hashlib.md5(text.encode()).hexdigest().upper()
    body = "".join(f"<{name}><![CDATA[{value}]]></{name}>\n" for name, value in fields.items())
    return post(f"<xml>\n{body}</xml>".encode())


def post(body: bytes) -> bytes:
    """Write the HTTP request around a body."""
    return (
        b"POST /mmpaymkttransfers/sendredpack HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"
        b"Content-Type: text/xml; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )


async def drive(port: int, context: ssl.SSLContext, requests: list[list[bytes]]) -> float:
    """Send each list over a connection of its own, all at once; return the seconds it took."""
    streams = [await asyncio.open_connection("localhost", port, ssl=context) for _ in requests]

    async def one(stream: tuple[asyncio.StreamReader, asyncio.StreamWriter], rows: list[bytes]) -> None:
        reader, writer = stream
        for row in rows:
            writer.write(row)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0])
            body = await reader.readexactly(length)
            if b"[SUCCESS]" not in body and body[:1] != b"x":
                raise RuntimeError(body.decode())

    start = time.perf_counter()
    await asyncio.gather(*(one(stream, rows) for stream, rows in zip(streams, requests, strict=True)))
    seconds = time.perf_counter() - start
    for _, writer in streams:
        writer.close()
    return seconds


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used, NaN where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(kind: str, sends: int) -> list[Rate]:
    """Start a server and send to it over 1, 16 and 64 connections."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve", kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    hello = json.loads(process.stdout.readline())
    context = ssl.create_default_context(cafile=hello["ca"])
    context.load_cert_chain(hello["certificate"], hello["key"])
    port = int(hello["base_url"].rpartition(":")[2])
    rates: list[Rate] = []
    number = 0
    for connections in CONNECTIONS:
        each = sends // connections
        requests = [[send_request(number + lane * each + row) for row in range(each)] for lane in range(connections)]
        number += each * connections
        before = cpu_seconds(process.pid)
        seconds = uvloop.run(drive(port, context, requests))
        used = cpu_seconds(process.pid) - before
        count = each * connections
        rates.append(Rate(kind, connections, round(count / seconds), round(used / count * 1e6, 1)))
    process.stdin.close()
    process.wait()
    return rates


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sends", type=int, default=20_000, help="sends per row of the table")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    pin(first=False)
    print(f"{'server':30}{'connections':>12}{'sends/s':>10}{'server CPU us':>15}{'of constant':>13}")
    rows: list[Rate] = []
    constant: dict[int, int] = {}
    for kind in SERVERS:
        for rate in measure(kind, options.sends):
            rows.append(rate)
            constant.setdefault(rate.connections, rate.per_second)
            share = rate.per_second / constant[rate.connections]
            print(f"{rate.server:30}{rate.connections:>12}{rate.per_second:>10}{rate.server_cpu_us:>15}{share:>13.2f}")
    print(json.dumps({"python": platform.python_version(), "rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
