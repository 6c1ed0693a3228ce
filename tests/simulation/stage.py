"""A world without chance: one or more hosts, chosen awards, and time that a test moves."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from tests.simulation.virtual import NINE_MS, VirtualLoop
from tests.simulation.worlds import WORDS, Host, SimulatedWorld, _live, _tagged

from hongbao.engine.intake import Award
from hongbao.engine.ports import Campaign, Grant, Merchant
from hongbao.ids import AppId, CampaignId, MerchantId, OpenId
from hongbao.ledger.audit import audit
from hongbao.merchant import Limit
from hongbao.money import Fen
from hongbao.simulator.packets import Packet

T = TypeVar("T")
MCH = MerchantId("1900000001")
APPID = AppId("wx0000000000000001")
CAMPAIGN = CampaignId("spring")
DAY_MS = 86_400_000


class Stage(SimulatedWorld):
    """One merchant, one campaign, nothing planned."""

    def __init__(self, *, hosts: int = 1, limits: dict[str, Limit] | None = None, start_ms: int = NINE_MS) -> None:
        self._limits = limits or {}
        super().__init__(1)
        self.time.start_ms = start_ms
        self.deaths = {}
        self.calm = True
        self._hosts_wanted = hosts
        self._loop = VirtualLoop(self.time)
        self._loop.set_task_factory(_tagged)

    def _open_merchant(self, mch_id: str) -> None:
        if mch_id != MCH:
            return
        self.wechat.add_merchant(mch_id, api_key=self.key_of(mch_id), balance_fen=100_000_000)
        self.wechat.bind_account(mch_id, APPID)
        self.store.add_merchant(Merchant(merchant=MCH, limits=self._limits))
        self.store.add_account(MCH, APPID)
        self.store.fund(MCH, Fen(100_000_000), "fund")
        self.store.add_campaign(Campaign(campaign=CAMPAIGN, merchant=MCH, appid=APPID, kind="batch"))
        self.store.allot(CAMPAIGN, Fen(100_000_000), "allot")
        self.store.amend_campaign(CAMPAIGN, _live)
        self.awards[MCH] = []

    def rest_ms(self) -> int:
        """Rest as a worker in the calm, but never so long that a test's own change goes unnoticed."""
        return min(super().rest_ms(), 600_000)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in this world's time."""
        return self._loop.run_until_complete(work)

    def begin(self, awards: Sequence[Award]) -> None:
        """Take awards in and start the hosts."""
        self.awards[MCH] = list(awards)

        async def start() -> None:
            door = Host(self, 99)
            for at in range(0, len(awards), 500):
                await door.intake.step(awards[at : at + 500])
            for _ in range(self._hosts_wanted):
                self._start_host()

        self.run(start())

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.run(asyncio.sleep(seconds))

    def until_over(self, days: float) -> None:
        """Let time pass until every grant has ended or needs a person, at most so many days."""

        async def passing() -> None:
            end_ms = self.time.now_ms() + int(days * DAY_MS)
            while not self._over() and self.time.now_ms() < end_ms:  # noqa: ASYNC110  time is what is waited for
                await asyncio.sleep(self.rest_ms() / 1000)

        self.run(passing())

    def end(self) -> list[str]:
        """Return what the auditors and the witness found."""
        with self.store.audit() as books:
            found = audit(books.transfers(), books.merchants(), books.campaigns(), books.grants())
        return [*map(str, found), *map(str, self.wechat.audit()), *self.witness.breaches]

    def close(self) -> None:
        """Let everything go."""
        for host in self.hosts:
            host.die()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self.wait(0.001)
        self._loop.close()
        self.store.close()

    def all(self) -> list[Grant]:
        """Return all grants."""
        return self.store.grants(CAMPAIGN, count=100_000)

    def states(self) -> dict[str, int]:
        """Return how many grants stand where."""
        return {str(state): count.grants for state, count in self.store.tally(CAMPAIGN).items() if count.grants}

    def packets(self) -> list[Packet]:
        """Return WeChat's packets."""
        return list(self.wechat.state.packets.values())


def award(serial: int, fen: int = 100, openid: str | None = None, due_ms: int = 0) -> Award:
    """Return an award; each serial is another person unless one is named."""
    return Award(
        campaign=CAMPAIGN,
        openid=OpenId(openid or f"o1{serial:026d}"),
        occasion=f"occasion {serial}",
        fen=Fen(fen),
        words=WORDS,
        due_ms=due_ms,
    )
