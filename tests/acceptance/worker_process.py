"""One worker as a process of its own, to be killed: `python -m tests.acceptance.worker_process`.

Its orders are one line of JSON on standard input. It prints "up" once it works, and every alarm; it stops in good order
when standard input ends.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hongbao.channel.wechat import Caller, WeChatChannel
from hongbao.clock import SystemClock, SystemDice
from hongbao.engine.issuer import Issuer
from hongbao.engine.lane import Lane
from hongbao.engine.reconciler import Reconciler
from hongbao.engine.rescuer import Rescuer
from hongbao.engine.worker import Worker
from hongbao.ids import MerchantId
from hongbao.lanes.local import LocalLanes
from hongbao.store.opening import open_postgres, open_sqlite
from hongbao.store.store import SqlStore
from hongbao.wechat import AsyncClient, ClientCertificate, Credentials, LimitSet, Secret

PERSON_KEY = b"a key for tests!"


class LaterClock:
    """The machine's clock, some time ahead: for what would take minutes to wait for."""

    def __init__(self, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self._ahead_ms


def open_store(database: str, ahead_ms: int) -> SqlStore:
    """Open a store by its URL or path; ahead of the machine's time, its own clock is ahead as well."""
    clock = LaterClock(ahead_ms)
    if database.startswith("postgresql://"):
        return open_postgres(database, person_key=PERSON_KEY, clock=clock if ahead_ms else None)
    return open_sqlite(database, clock=clock, person_key=PERSON_KEY)


def client(merchant: dict[str, str], base_url: str, ca_file: str) -> AsyncClient:
    certificate = ClientCertificate.from_pem(Path(merchant["certificate"]), Path(merchant["key"]))
    credentials = Credentials(mch_id=merchant["mch_id"], api_key=Secret(merchant["api_key"]), certificate=certificate)
    return AsyncClient(credentials, base_url=base_url, ca_file=Path(ca_file), limits=LimitSet())


def say(text: str) -> None:
    print(text, flush=True)


async def work(orders: dict[str, Any], until: Callable[[], object]) -> None:
    """Work until `until`, which runs in a thread, returns."""
    clock = LaterClock(orders["ahead_ms"])
    store = open_store(orders["database"], orders["ahead_ms"])
    callers: dict[MerchantId, Caller] = {}
    for merchant in orders["merchants"]:
        callers[MerchantId(merchant["mch_id"])] = client(merchant, orders["base_url"], orders["ca_file"])
    channel = WeChatChannel(callers, clock)
    issuer = Issuer(store, channel, clock=clock, dice=SystemDice())
    lane = Lane(store, issuer, Reconciler(store, channel, clock=clock), owner=orders["name"], clock=clock, alarm=say)
    if orders["fleet"]:
        from hongbao.lanes.dbos import DbosLanes

        lanes = DbosLanes(store, lane, url=orders["database"], host=orders["name"], clock=clock)
    else:
        lanes = LocalLanes(store, lane, clock=clock)
    worker = Worker(lanes, issuer, Rescuer(store), alarm=say)

    async def end() -> None:
        await asyncio.to_thread(until)
        worker.stop()

    ending = asyncio.create_task(end())
    say("up")
    await worker.run()
    await ending
    for caller in callers.values():
        if isinstance(caller, AsyncClient):
            await caller.close()
    store.close()


if __name__ == "__main__":
    asyncio.run(work(json.loads(sys.stdin.readline()), sys.stdin.read))
