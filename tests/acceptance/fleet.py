"""A batch, workers as real processes, and a witness: what the simulator has seen is what happened."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from tests.acceptance.worker_process import client, open_store

from hongbao.channel.wechat import WeChatChannel
from hongbao.clock import SystemClock
from hongbao.engine.intake import Award, claim_of
from hongbao.engine.ports import Campaign, CampaignState, Granted, Merchant
from hongbao.ids import AppId, CampaignId, MerchantId, OpenId
from hongbao.ledger.audit import audit
from hongbao.ledger.grant import State
from hongbao.merchant import Limit
from hongbao.money import Fen
from hongbao.simulator import Simulator

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
OPEN = frozenset({State.DUE, State.SENDING, State.UNSURE, State.RESENDING, State.DOOMED, State.DEAD})
"""Whose packet has not been sent, as far as is known."""


def wait_until(true: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Ask again and again; fail if it does not come true."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds} s and not: {what}"
        pause.wait(0.02)


class WorkerProcess:
    """A worker that can be killed."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.name = orders["name"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.worker_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(orders) + "\n")
        self.process.stdin.flush()
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    @property
    def up(self) -> bool:
        assert self.process.poll() is None, self.lines
        return "up" in self.lines

    def kill(self) -> None:
        self.process.kill()
        self._end()

    def stand_still(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in good order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(60)
        self._end()
        assert code == 0, self.lines

    def _end(self) -> None:
        self.process.wait(60)
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@dataclass(frozen=True)
class Payer:
    """A merchant with one batch."""

    mch_id: str
    awards: Sequence[Award]


class Fleet:
    """Merchants with a batch each, their database, the simulator, and whatever workers run."""

    def __init__(
        self,
        simulator: Simulator,
        database: str,
        *,
        rows: int,
        merchants: int = 1,
        seed: int = 1,
        minute_max: int = 15_000,
        second_max: int = 250,
        fleet: bool = False,
    ) -> None:
        self.simulator = simulator
        self.database = database
        self.ahead_ms = 0
        self._fleet = fleet
        self._dice = random.Random(seed)
        self._made = 0
        self.workers: list[WorkerProcess] = []
        self._limits = {
            "sends_minute_max": Limit(minute_max, date(2026, 1, 1), "entered"),
            "sends_second_max": Limit(second_max, date(2026, 1, 1), "entered"),
            "person_packets_day_max": Limit(100, date(2026, 1, 1), "entered"),
        }
        self._accesses = [self._access(place) for place in range(merchants)]
        self.store = open_store(database, 0)
        self.payers = [self._payer(access, rows) for access in self._accesses]

    def _access(self, place: int) -> dict[str, str]:
        access = self.simulator.add_merchant(
            f"{1_910_000_000 + place}",
            api_key=f"key{place}".ljust(32, "0"),
            official_appid=f"wx{place:016d}",
            balance_fen=10**9,
            settings=dict(NO_LIMITS),
        )
        return {
            "mch_id": access.mch_id,
            "api_key": access.api_key,
            "certificate": str(access.certificate),
            "key": str(access.key),
            "appid": access.official_appid,
        }

    def _payer(self, access: dict[str, str], rows: int) -> Payer:
        merchant, appid = MerchantId(access["mch_id"]), AppId(access["appid"])
        campaign = CampaignId(f"batch-{merchant}")
        awards = [
            Award(
                campaign=campaign,
                openid=OpenId(f"o{access['appid'][-7:]}{number:020d}"),
                occasion="spring",
                fen=Fen(100 + self._dice.randrange(401)),
                words=WORDS,
            )
            for number in range(rows)
        ]
        fen = Fen(sum(award.fen for award in awards))
        # The quiet hours are another test's: this one runs at any time of the day.
        self.store.add_merchant(Merchant(merchant=merchant, quiet_hours=False, limits=self._limits))
        self.store.add_account(merchant, appid)
        self.store.fund(merchant, fen, f"fund {merchant}")
        self.store.add_campaign(Campaign(campaign=campaign, merchant=merchant, appid=appid, kind="batch"))
        self.store.allot(campaign, fen, f"allot {merchant}")
        made = self.store.amend_campaign(campaign, lambda now, _: replace(now, state=CampaignState.LIVE))
        caller = client(access, self.simulator.base_url, str(self.simulator.ca_file))
        channel = WeChatChannel({merchant: caller}, SystemClock())
        claims = [claim_of(award, made, channel) for award in awards]
        answers = [answer for at in range(0, rows, 2_000) for answer in self.store.intake(claims[at : at + 2_000])]
        assert all(isinstance(answer, Granted) for answer in answers)
        return Payer(merchant, awards)

    # Workers

    def start_worker(self) -> WorkerProcess:
        self._made += 1
        worker = WorkerProcess(
            {
                "name": f"worker-{os.getpid()}-{self._made}",
                "database": self.database,
                "ahead_ms": self.ahead_ms,
                "fleet": self._fleet,
                "merchants": self._accesses,
                "base_url": self.simulator.base_url,
                "ca_file": str(self.simulator.ca_file),
            }
        )
        self.workers.append(worker)
        wait_until(lambda: worker.up, f"{worker.name} is up")
        return worker

    def kill(self, worker: WorkerProcess) -> None:
        self.workers.remove(worker)
        worker.kill()

    def stop_workers(self) -> None:
        while self.workers:
            self.workers.pop().stop()

    def close(self) -> None:
        while self.workers:
            self.workers.pop().kill()
        self.store.close()

    def let_pass(self, ms: int) -> None:
        """Let time pass for everybody at once: workers are stopped, clocks put on, workers started again."""
        count = len(self.workers)
        self.stop_workers()
        self.ahead_ms += ms
        self.simulator.control.jump(ms=ms)
        for _ in range(count):
            self.start_worker()

    # What happened

    def sent(self) -> int:
        """How many packets WeChat has paid."""
        return sum(len(list(self.packets(payer.mch_id))) for payer in self.payers)

    def paid_fen(self, mch_id: str) -> int:
        return self.simulator.control.merchant(mch_id).paid_fen

    def packets(self, mch_id: str) -> Iterator[Any]:
        """All packets of a merchant that were paid."""
        offset = 0
        while page := self.simulator.control.packets(mch_id=mch_id, limit=1_000, offset=offset):
            yield from (packet for packet in page if packet.sent_ms is not None)
            offset += len(page)

    def open_grants(self) -> int:
        """How many grants have not been sent, by our own books."""
        return sum(
            count.grants
            for payer in self.payers
            for state, count in self.store.tally(payer.awards[0].campaign).items()
            if state in OPEN
        )

    def work_now(self) -> bool:
        """Whether workers of the present time have anything to rescue, query or send."""
        now_ms = SystemClock().now_ms() + self.ahead_ms
        for payer in self.payers:
            for state in OPEN:
                grants = self.store.grants(payer.awards[0].campaign, state=state, count=5_000)
                if grants and state in {State.SENDING, State.RESENDING}:
                    return True
                if any(each.due_ms is not None and each.due_ms <= now_ms for each in grants):
                    return True
                if any(each.look_ms is not None and each.look_ms <= now_ms for each in grants):
                    return True
        return False

    def due_grants(self) -> int:
        return sum(
            count.grants
            for payer in self.payers
            for state, count in self.store.tally(payer.awards[0].campaign).items()
            if state is State.DUE
        )

    def findings(self) -> list[str]:
        """Everything that is not as it must be at the end: nobody twice, nobody forgotten, every amount, all books."""
        found = [f"WeChat's books: {finding}" for finding in self.simulator.control.audit()]
        with self.store.audit() as books:
            ours = audit(books.transfers(), books.merchants(), books.campaigns(), books.grants())
        found += [f"our books: {each.check} {each.subject}: {each.says}" for each in ours]
        for payer in self.payers:
            got: Counter[tuple[str, int]] = Counter(
                (packet.openid, packet.fen) for packet in self.packets(payer.mch_id)
            )
            wanted = Counter((str(award.openid), int(award.fen)) for award in payer.awards)
            for who, count in (got - wanted).items():
                found.append(f"{who} was paid {count} too many by {payer.mch_id}")
            for who, count in (wanted - got).items():
                found.append(f"{who} was paid {count} too few by {payer.mch_id}")
            states = {
                state: count.grants
                for state, count in self.store.tally(payer.awards[0].campaign).items()
                if count.grants
            }
            if states != {State.SENT: len(payer.awards)}:
                found.append(f"grants of {payer.mch_id}: {states}")
        return found
