"""How many due grants a second one worker sends to the simulator, everything durable; and how even its pace is.

    python bench/issue_rate.py rate      [--rows 10000] [--merchants 4] [--postgres URL]
    python bench/issue_rate.py baseline  [--rows 3000]
    python bench/issue_rate.py precision [--seconds 300]
    python bench/issue_rate.py crowd     --postgres URL [--merchants 100] [--minute-max 120] [--seconds 60]

The simulator runs in a process of its own on the first core, with a PostgreSQL beside it, the worker on the last. `us`
is the worker's own processor time for a packet: what the machine does besides hardly moves it. `baseline` is what
people write by hand: wechatpy in a pool of threads, and a status column in SQLite. `precision` is one merchant at 1800
a minute, judged by the simulator, which refuses whatever comes too fast. `crowd` is many merchants on two workers.
Prints a table and a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from hongbao.channel.wechat import Caller, WeChatChannel
from hongbao.clock import SystemClock, SystemDice
from hongbao.engine.intake import Award, claim_of
from hongbao.engine.issuer import Issuer
from hongbao.engine.lane import Lane
from hongbao.engine.ports import Campaign, CampaignState, Granted, Merchant
from hongbao.engine.reconciler import Reconciler
from hongbao.engine.rescuer import Rescuer
from hongbao.engine.worker import Worker
from hongbao.ids import AppId, CampaignId, MerchantId, OpenId
from hongbao.lanes.local import LocalLanes
from hongbao.ledger.grant import State
from hongbao.merchant import Limit
from hongbao.money import Fen
from hongbao.simulator import Simulator
from hongbao.simulator.control_client import ControlClient
from hongbao.store.opening import open_postgres, open_sqlite
from hongbao.store.store import SqlStore
from hongbao.wechat import AsyncClient, ClientCertificate, Credentials, Secret

PERSON_KEY = b"a key for benches"
WORDS = {
    "send_name": "示例商户",
    "wishing": "节日快乐",
    "act_name": "节日活动",
    "remark": "备注",
    "client_ip": "192.0.2.10",
}
NO_LIMITS = {
    "rate_minute_max": None,
    "rate_second_max": None,
    "person_packets_day_max": None,
    "person_fen_day_max": None,
    "fen_day_max": None,
}
OPEN = (State.DUE, State.SENDING, State.RESENDING, State.UNSURE)


def pin(*, first: bool) -> None:
    """Keep this process on the first or the last core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores) if first else max(cores)})


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# The simulator


def serve(count: int, limits: dict[str, Any]) -> None:
    """Run a simulator with merchants until standard input ends; print what clients need as a line of JSON."""
    pin(first=True)
    with Simulator(rules=limits) as simulator:
        merchants: list[dict[str, str]] = []
        for place in range(count):
            access = simulator.add_merchant(
                f"{1_910_000_000 + place}",
                api_key=f"key{place}".ljust(32, "0"),
                official_appid=f"wx{place:016d}",
                balance_fen=10**12,
            )
            merchants.append(
                {
                    "mch_id": access.mch_id,
                    "api_key": access.api_key,
                    "certificate": str(access.certificate),
                    "key": str(access.key),
                    "appid": access.official_appid,
                }
            )
        hello = {
            "base_url": simulator.base_url,
            "ca_file": str(simulator.ca_file),
            "control": simulator.control_url,
            "merchants": merchants,
        }
        print(json.dumps(hello), flush=True)
        sys.stdin.read()


@contextmanager
def simulator(count: int, limits: dict[str, Any]) -> Generator[dict[str, Any]]:
    """Run a simulator in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, __file__, "serve", "--merchants", str(count), "--limits", json.dumps(limits)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait()


# Our side


def open_store(database: str) -> SqlStore:
    if database.startswith("postgresql://"):
        return open_postgres(database, person_key=PERSON_KEY)
    return open_sqlite(database, clock=SystemClock(), person_key=PERSON_KEY)


def callers(hello: dict[str, Any]) -> dict[MerchantId, Caller]:
    found: dict[MerchantId, Caller] = {}
    for merchant in hello["merchants"]:
        certificate = ClientCertificate.from_pem(Path(merchant["certificate"]), Path(merchant["key"]))
        credentials = Credentials(
            mch_id=merchant["mch_id"], api_key=Secret(merchant["api_key"]), certificate=certificate
        )
        found[MerchantId(merchant["mch_id"])] = AsyncClient(
            credentials, base_url=hello["base_url"], ca_file=Path(hello["ca_file"])
        )
    return found


def fill(store: SqlStore, hello: dict[str, Any], rows: int, *, minute_max: int, second_max: int) -> list[CampaignId]:
    """Put `rows` due grants before every merchant."""
    channel = WeChatChannel(callers(hello), SystemClock())
    today = date(2026, 1, 1)
    limits = {
        "sends_minute_max": Limit(minute_max, today, "entered"),
        "sends_second_max": Limit(second_max, today, "entered"),
        "merchant_fen_day_max": Limit(10**12, today, "entered"),
    }
    campaigns: list[CampaignId] = []
    for each in hello["merchants"]:
        merchant, appid = MerchantId(each["mch_id"]), AppId(each["appid"])
        campaign = CampaignId(f"batch-{merchant}-{time.time_ns()}")
        store.add_merchant(Merchant(merchant=merchant, quiet_hours=False, limits=limits))
        store.add_account(merchant, appid)
        store.fund(merchant, Fen(rows * 100), f"fund {campaign}")
        store.add_campaign(Campaign(campaign=campaign, merchant=merchant, appid=appid, kind="batch"))
        store.allot(campaign, Fen(rows * 100), f"allot {campaign}")
        made = store.amend_campaign(campaign, lambda now, _: replace(now, state=CampaignState.LIVE))
        awards = [
            Award(
                campaign=campaign,
                openid=OpenId(f"o{merchant[-7:]}{number:020d}"),
                occasion="once",
                fen=Fen(100),
                words=WORDS,
            )
            for number in range(rows)
        ]
        for at in range(0, rows, 2_000):
            answers = store.intake([claim_of(award, made, channel) for award in awards[at : at + 2_000]])
            assert all(isinstance(answer, Granted) for answer in answers)
        campaigns.append(campaign)
    return campaigns


def left(store: SqlStore, campaigns: Sequence[CampaignId]) -> int:
    """How many are not sent yet: counters, so asking costs nothing."""
    return sum(
        count.grants for campaign in campaigns for state, count in store.tally(campaign).items() if state in OPEN
    )


async def work(
    store: SqlStore, hello: dict[str, Any], *, seconds: float | None, campaigns: Sequence[CampaignId], name: str
) -> dict[str, float]:
    """Run a worker until everything is sent, or for so long; return what it took."""
    clock = SystemClock()
    clients = callers(hello)
    channel = WeChatChannel(clients, clock)
    issuer = Issuer(store, channel, clock=clock, dice=SystemDice())
    alarms: Counter[str] = Counter()

    def alarm(text: str) -> None:
        alarms[text] += 1

    lane = Lane(store, issuer, Reconciler(store, channel, clock=clock), owner=name, clock=clock, alarm=alarm)
    worker = Worker(LocalLanes(store, lane, clock=clock), issuer, Rescuer(store), alarm=alarm)
    started, cpu = time.perf_counter(), cpu_seconds()
    running = asyncio.create_task(worker.run())
    while left(store, campaigns) if seconds is None else time.perf_counter() - started < seconds:  # noqa: ASYNC110
        # Seldom: to ask costs the worker's own core.
        await asyncio.sleep(0.5)  # noqa: ASYNC110  nobody tells when the last packet was sent
    took, used = time.perf_counter() - started, cpu_seconds() - cpu
    worker.stop()
    await running
    for client in clients.values():
        if isinstance(client, AsyncClient):
            await client.close()
    for text, count in alarms.most_common(5):
        print(f"  {count} x {text}", file=sys.stderr)
    return {"seconds": took, "cpu": used}


def run(main: Coroutine[Any, Any, dict[str, float]]) -> dict[str, float]:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def rate(options: argparse.Namespace) -> dict[str, Any]:
    """Send everything as fast as it goes."""
    pin(first=False)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        databases = [str(Path(folder) / "hongbao.db"), *([options.postgres] if options.postgres else [])]
        for database in databases:
            with simulator(options.merchants, NO_LIMITS) as hello:
                store = open_store(database)
                each = options.rows // options.merchants
                campaigns = fill(store, hello, each, minute_max=options.minute_max, second_max=options.minute_max // 60)
                took = run(work(store, hello, seconds=None, campaigns=campaigns, name="bench"))
                audit = ControlClient(hello["control"]).audit()
                assert not audit, audit
                store.close()
            count = each * options.merchants
            row = {
                "store": "PostgreSQL" if database == options.postgres else "SQLite",
                "packets": count,
                "per_second": round(count / took["seconds"]),
                "cpu_us": round(took["cpu"] / count * 1e6),
                "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
            print(f"{row['store']:12} {row['packets']:>8} packets {row['per_second']:>6}/s {row['cpu_us']:>6} us")
            rows.append(row)
    return {"rate": rows}


def baseline(options: argparse.Namespace) -> dict[str, Any]:
    """wechatpy in threads, a status column in SQLite, committed before and after each call."""
    from wechatpy.pay import WeChatPay

    pin(first=False)
    with tempfile.TemporaryDirectory() as folder, simulator(1, NO_LIMITS) as hello:
        merchant = hello["merchants"][0]
        pay = WeChatPay(
            appid=merchant["appid"],
            api_key=merchant["api_key"],
            mch_id=merchant["mch_id"],
            mch_cert=merchant["certificate"],
            mch_key=merchant["key"],
        )
        pay.API_BASE_URL = hello["base_url"] + "/"
        # It has no other way to trust a private CA.
        pay._http.verify = hello["ca_file"]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        path = Path(folder) / "baseline.db"
        with sqlite3.connect(path) as table:
            table.execute("PRAGMA journal_mode = WAL")
            table.execute("CREATE TABLE packet (number TEXT PRIMARY KEY, openid TEXT, fen INTEGER, status TEXT)")
            table.executemany(
                "INSERT INTO packet VALUES (?, ?, 100, 'due')",
                [(f"{place:028d}", f"oBaseline{place:019d}") for place in range(options.rows)],
            )
            queue = table.execute("SELECT number, openid, fen FROM packet").fetchall()
        table.close()

        def mark(number: str, status: str) -> None:
            connection = sqlite3.connect(path, timeout=60)
            connection.execute("PRAGMA synchronous = FULL")
            with connection:
                connection.execute("UPDATE packet SET status = ? WHERE number = ?", (status, number))
            connection.close()

        def send(row: tuple[str, str, int]) -> None:
            number, openid, fen = row
            mark(number, "sending")
            pay.redpack.send(  # pyright: ignore[reportUnknownMemberType]
                user_id=openid,
                total_amount=fen,
                send_name=WORDS["send_name"],
                act_name=WORDS["act_name"],
                wishing=WORDS["wishing"],
                remark=WORDS["remark"],
                client_ip=WORDS["client_ip"],
                out_trade_no=number,
            )
            mark(number, "sent")

        started, cpu = time.perf_counter(), cpu_seconds()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(send, queue))
        took, used = time.perf_counter() - started, cpu_seconds() - cpu
    row = {
        "store": "wechatpy, threads",
        "packets": options.rows,
        "per_second": round(options.rows / took),
        "cpu_us": round(used / options.rows * 1e6),
    }
    print(f"{row['store']:20} {row['packets']:>8} packets {row['per_second']:>6}/s {row['cpu_us']:>6} us")
    return {"baseline": row}


def arrivals(control: ControlClient, mch_id: str) -> tuple[list[int], Counter[str]]:
    """Return when packets arrived, and how they were answered."""
    times: list[int] = []
    answers: Counter[str] = Counter()
    for request in control.every_request(mch_id=mch_id):
        if request.path.endswith("sendredpack"):
            times.append(request.time_ms)
            answers[request.err_code or str(request.status)] += 1
    return times, answers


def fullest(times: Sequence[int], window_ms: int) -> int:
    """Return the most arrivals in any window of this length."""
    start = most = 0
    for end, at_ms in enumerate(times):
        while times[start] <= at_ms - window_ms:
            start += 1
        most = max(most, end - start + 1)
    return most


def precision(options: argparse.Namespace) -> dict[str, Any]:
    """One merchant at the public limits, judged by the simulator."""
    pin(first=False)
    rows: list[dict[str, Any]] = []
    for name, second_rule, second_max in (("minute rule", None, 10**5), ("both rules", 30, 30)):
        limits = {**NO_LIMITS, "rate_minute_max": 1_800, "rate_second_max": second_rule}
        with tempfile.TemporaryDirectory() as folder, simulator(1, limits) as hello:
            store = open_store(options.postgres or str(Path(folder) / "hongbao.db"))
            campaigns = fill(store, hello, round(options.seconds * 31), minute_max=1_800, second_max=second_max)
            took = run(work(store, hello, seconds=options.seconds, campaigns=campaigns, name="bench"))
            times, answers = arrivals(ControlClient(hello["control"]), hello["merchants"][0]["mch_id"])
            store.close()
        wanted = 30 * options.seconds
        row = {
            "rules": name,
            "seconds": options.seconds,
            "accepted": answers["SUCCESS"],
            "share": round(answers["SUCCESS"] / wanted, 4),
            "refused": sum(answers.values()) - answers["SUCCESS"],
            "fullest_second": fullest(times, 1_000),
            "fullest_minute": fullest(times, 60_000),
            "cpu_share": round(took["cpu"] / took["seconds"], 3),
        }
        print(json.dumps(row), flush=True)
        rows.append(row)
    return {"precision": rows}


def crowd(options: argparse.Namespace) -> dict[str, Any]:
    """Many merchants at 30 a second each would be more than two cores carry: each has 120 a minute here."""
    pin(first=True)
    limits = {**NO_LIMITS, "rate_minute_max": options.minute_max}
    with simulator(options.merchants, limits) as hello:
        store = open_store(options.postgres)
        rows = round(options.minute_max / 60 * options.seconds * 1.3)
        fill(store, hello, rows, minute_max=options.minute_max, second_max=10**5)
        orders = json.dumps({"hello": hello, "database": options.postgres, "seconds": options.seconds})
        workers = [
            subprocess.Popen(
                [sys.executable, __file__, "worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        took = [json.loads(worker.communicate(orders)[0]) for worker in workers]
        control = ControlClient(hello["control"])
        shares: list[float] = []
        answers: Counter[str] = Counter()
        most = 0
        for merchant in hello["merchants"]:
            times, codes = arrivals(control, merchant["mch_id"])
            answers += codes
            most = max(most, fullest(times, 60_000))
            shares.append(codes["SUCCESS"] / (options.minute_max / 60 * options.seconds))
        store.close()
    row = {
        "merchants": options.merchants,
        "seconds": options.seconds,
        "accepted": answers["SUCCESS"],
        "refused": sum(answers.values()) - answers["SUCCESS"],
        "share_mean": round(sum(shares) / len(shares), 4),
        "share_min": round(min(shares), 4),
        "fullest_minute": most,
        "cpu_share": round(sum(each["cpu"] for each in took) / options.seconds, 3),
    }
    print(json.dumps(row))
    return {"crowd": row}


def one_worker() -> None:
    """Be one of several workers; orders come on standard input."""
    orders = json.loads(sys.stdin.read())
    store = open_store(orders["database"])
    name = f"bench-{os.getpid()}"
    took = run(work(store, orders["hello"], seconds=orders["seconds"], campaigns=[], name=name))
    store.close()
    print(json.dumps(took))


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    benches = {"rate": rate, "baseline": baseline, "precision": precision, "crowd": crowd}
    parser.add_argument("what", choices=[*benches, "serve", "worker"])
    parser.add_argument("--rows", type=int, default=10_000, help="packets in all")
    parser.add_argument("--merchants", type=int, default=4)
    parser.add_argument("--minute-max", type=int, default=10**6, help="each merchant's limit")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--postgres", default="", help="URL of an empty database")
    parser.add_argument("--limits", default="{}", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.what == "serve":
        serve(options.merchants, json.loads(options.limits))
    elif options.what == "worker":
        one_worker()
    else:
        print(json.dumps(benches[options.what](options)))


if __name__ == "__main__":
    main()
