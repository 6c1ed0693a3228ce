"""One seed, one world: real engine, real store, WeChat on a desk; faults, then calm, then both sides are audited.

Everything that is chance comes from the seed: merchants, people, amounts, which kinds of fault there are at all, when
they strike, when hosts die and where. The same seed is the same world, to the byte.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import text
from tests.simulation.virtual import NINE_MS, Skewed, VirtualLoop, VirtualTime
from tests.simulation.wire import DAY_MS, Wire, WireCaller, Witness

from hongbao.channel.wechat import WeChatChannel
from hongbao.clock import SeededDice
from hongbao.engine import merchants as brakes
from hongbao.engine.intake import Award, Intake
from hongbao.engine.issuer import Issuer
from hongbao.engine.lane import Lane
from hongbao.engine.notifier import Notifier
from hongbao.engine.points import Point
from hongbao.engine.ports import Campaign, CampaignState, Granted, Merchant, Notice, Repeated, StoreDown, StoreUnsure
from hongbao.engine.reconciler import Reconciler
from hongbao.engine.rescuer import Rescuer
from hongbao.errors import HongbaoError
from hongbao.ids import AppId, CampaignId, MerchantId, OpenId
from hongbao.lanes.local import LocalLanes
from hongbao.ledger.audit import audit
from hongbao.ledger.grant import ENDED, PAID, State
from hongbao.merchant import Limit
from hongbao.money import Fen
from hongbao.payout.pacing import open_from_ms
from hongbao.simulator.clock import SimulatorClock
from hongbao.simulator.packets import Status
from hongbao.simulator.views import FaultView
from hongbao.simulator.world import World
from hongbao.store.opening import open_sqlite

T = TypeVar("T")
MERCHANTS = 3
GRANTS = 60
WORDS = {
    "send_name": "示例商户",
    "wishing": "节日快乐",
    "act_name": "节日活动",
    "remark": "备注",
    "client_ip": "192.0.2.10",
}
HABITS = {"received_without_hblist", "reordered_elements", "extra_elements"}
"""What WeChat may do any day: it goes on in the calm."""
FAULTS_MS = 6 * 60_000
"""How long the faults last."""
END_MS = 45 * DAY_MS
_host: ContextVar["Host | None"] = ContextVar("host", default=None)


class Crash(BaseException):
    """A host died here."""


class Gone(HongbaoError):
    """A dead host does nothing more."""


@dataclass
class Tally:
    """What really happened, over many worlds."""

    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        self.faults += other.faults
        self.points += other.points
        self.states += other.states


class Host:
    """One worker process: dies at a point, and everything in its memory with it."""

    def __init__(self, world: "SimulatedWorld", serial: int) -> None:
        self.world = world
        self.serial = serial
        self.alive = True
        self.stands_until_ms = 0
        self.tasks: set[asyncio.Task[Any]] = set()
        self.clock = Skewed(world.time)
        self.dice = SeededDice(world.seed * 1_000 + serial)
        store = world.store
        self.callers = {
            MerchantId(mch_id): WireCaller(world.wire, mch_id, world.key_of(mch_id), self.dice)
            for mch_id in world.mch_ids
        }
        channel = WeChatChannel(self.callers, self.clock)
        options: dict[str, Any] = {"run": self.run, "pass_by": self.pass_by}
        self.issuer = Issuer(store, channel, clock=self.clock, dice=self.dice, **options)
        reconciler = Reconciler(store, channel, clock=self.clock, **options)
        self.rescuer = Rescuer(store, **options)
        self.notifier = Notifier(store, self.hear, **options)
        self.intake = Intake(store, channel, **options)
        lane = Lane(
            store, self.issuer, reconciler, owner=f"host-{serial}", clock=self.clock, alarm=world.alarms.append,
            run=self.run,
        )  # fmt: skip
        self.lanes = LocalLanes(store, lane, clock=self.clock, run=self.run)

    async def hear(self, notices: Sequence[Notice]) -> None:
        self.world.heard += [(notice.grant, notice.kind) for notice in notices]

    async def run(self, act: Callable[[], T]) -> T:
        """Reach the store: a dead host does not, and a database has its bad moments."""
        if not self.alive:
            raise Gone("dead")
        if (wait_ms := self.stands_until_ms - self.world.time.now_ms()) > 0:
            await asyncio.sleep(wait_ms / 1000)
        trouble = self.world.database_trouble()
        if trouble == "before":
            raise StoreDown("planted")
        # A thread's switch: others run in between.
        await asyncio.sleep(0)
        if not self.alive:
            raise Gone("dead")
        answer = act()
        if trouble == "after":
            raise StoreUnsure("planted")
        return answer

    def pass_by(self, point: Point) -> None:
        if not self.alive:
            raise Gone("dead")
        if self.world.dies_at(point):
            self.world.tally.points[point] += 1
            self.die()
            raise Crash(point)

    def die(self) -> None:
        self.alive = False
        for task in list(self.tasks):
            task.cancel()

    async def work(self) -> None:
        """Do what a worker's loops do, asleep whenever nothing is due."""
        turn = self.serial
        while self.alive:
            turn += 1
            for step in (self.lanes.step, *((self.rescuer.step, self.notifier.step) if turn % 3 == 0 else ())):
                try:
                    await step()
                except (StoreDown, StoreUnsure):
                    continue
            await asyncio.sleep(self.world.rest_ms() / 1000)


class SimulatedWorld:
    """Everything of one seed."""

    def __init__(self, seed: int, make: Callable[["SimulatedWorld", int], Host] = Host) -> None:
        self.seed = seed
        self.dice = SeededDice(seed)
        # Most worlds begin in the morning; some just before midnight, some before the quiet hours end.
        hours = (0, 0, 14.93, -1.05)[self.dice.below(4)]
        self.time = VirtualTime(NINE_MS + int(hours * 3_600_000))
        self.store = open_sqlite(":memory:", clock=self.time, person_key=b"k" * 32, grouped=False)
        self.wechat = World(era="2025", clock=SimulatorClock(self.time), seed=seed)
        self.mch_ids = [f"190000000{place}" for place in range(1, MERCHANTS + 1)]
        self.witness = Witness(self.wechat, set(self.mch_ids))
        self.wire = Wire(self.wechat, self.time, self.witness, seed + 1)
        self.tally = Tally()
        self.alarms: list[str] = []
        self.heard: list[tuple[int, str]] = []
        self.hosts: list[Host] = []
        self.hosts_made = 0
        self.make = make
        self.trouble_permille = 0
        self.deaths = self._choose_deaths()
        self.retired: list[Host] = []
        self.calm = False
        self.living: list[Host] = []
        self.awards: dict[MerchantId, list[Award]] = {}
        self.hopeless: set[str] = set()
        self.opens: dict[str, bool] = {}
        for mch_id in self.mch_ids:
            self._open_merchant(mch_id)

    def key_of(self, mch_id: str) -> str:
        return f"key-of-{mch_id}".ljust(32, "0")

    def _open_merchant(self, mch_id: str) -> None:
        place = int(mch_id[-1])
        merchant, appid, campaign = MerchantId(mch_id), AppId(f"wx{place:016d}"), CampaignId(f"spring-{mch_id}")
        self.wechat.add_merchant(mch_id, api_key=self.key_of(mch_id), balance_fen=10_000_000)
        self.wechat.bind_account(mch_id, appid)
        limits: dict[str, Limit] = {}
        if place == 1:
            # One merchant is slow enough for its pace to bind.
            self.wechat.change_merchant(mch_id, {"rate_second_max": 2})
            limits["sends_second_max"] = Limit(2, source="entered")
        self.store.add_merchant(Merchant(merchant=merchant, limits=limits))
        self.store.add_account(merchant, appid)
        count = GRANTS // MERCHANTS
        amounts = [100 + self.dice.below(400) for _ in range(count)]
        self.store.fund(merchant, Fen(sum(amounts) + 5_000), f"fund:{mch_id}")
        self.store.add_campaign(Campaign(campaign=campaign, merchant=merchant, appid=appid, kind="batch"))
        self.store.allot(campaign, Fen(sum(amounts)), f"allot:{campaign}")
        self.store.amend_campaign(campaign, _live)
        self.awards[merchant] = [
            Award(
                campaign=campaign,
                openid=OpenId(f"o{place}{number:026d}"),
                occasion="spring",
                fen=Fen(fen),
                words=WORDS,
                due_ms=self.time.now_ms() + (self.dice.below(180_000) if number % 2 else 0),
            )
            for number, fen in enumerate(amounts)
        ]
        for award in self.awards[merchant]:
            self.opens[award.openid] = self.dice.below(3) > 0

    # Chance

    def _choose_deaths(self) -> dict[Point, int]:
        """Choose where hosts die, and how many passages before it are spared."""
        deaths: dict[Point, int] = {}
        for _ in range(3):
            point = list(Point)[self.dice.below(len(Point))]
            deaths[point] = self.dice.below(6)
            if point in {Point.BEFORE_RESCUE, Point.AFTER_RESCUE}:
                # There must be somebody to rescue.
                deaths[point] = 0
                deaths[Point.LEASED] = self.dice.below(3)
        return deaths

    def database_trouble(self) -> str:
        if self.calm or not self.trouble_permille or self.dice.below(1_000) >= self.trouble_permille:
            return ""
        kind = "before" if self.dice.below(2) else "after"
        self.tally.faults[f"database {kind} the commit"] += 1
        return kind

    def dies_at(self, point: Point) -> bool:
        if self.calm or point not in self.deaths:
            return False
        if self.deaths[point]:
            self.deaths[point] -= 1
            return False
        del self.deaths[point]
        return True

    def rest_ms(self) -> int:
        """How long a worker may rest: until something is due, in the calm weeks for hours."""
        most_ms = 6 * 3_600_000 if self.calm else 5_000
        now_ms = self.time.now_ms()
        times = [now_ms + most_ms]
        for work in self.store.work(within_ms=60 * DAY_MS):
            if work.look_ms is not None:
                times.append(work.look_ms)
            if work.due_ms is not None:
                times.append(open_from_ms(max(work.due_ms, now_ms), quiet=work.merchant in self.witness.quiet))
        if self.calm:
            times += [each.until_ms for each in self.store.expired(count=1)]
        return min(max(min(times) - now_ms, 1_500), most_ms)

    # The play

    def play(self) -> None:
        """Let the world happen, and raise if anything at its end is not as it must be.

        Raises:
            AssertionError: what is wrong, in lines.
        """
        loop = VirtualLoop(self.time)
        loop.set_task_factory(_tagged)
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._play())
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
            asyncio.set_event_loop(None)
        findings = self.findings()
        self.store.close()
        assert not findings, "\n".join(findings)

    async def _play(self) -> None:
        for _ in range(2):
            self._start_host()
        await asyncio.gather(*(self._take_in(merchant) for merchant in self.awards))
        plan = self._plan()
        started_ms = self.time.now_ms()
        people = asyncio.create_task(self._people())
        troubles = [asyncio.create_task(trouble) for trouble in plan]
        turn = 0
        while self.time.now_ms() < started_ms + FAULTS_MS:
            self._replace_dead()
            turn += 1
            if turn % 20 == 0:
                self._note_idle_places()
            await asyncio.sleep(3)
        for trouble in troubles:
            trouble.cancel()
        self._calm_down()
        while not self._over() and self.time.now_ms() < started_ms + END_MS:
            self._replace_dead()
            await asyncio.sleep(self.rest_ms() / 1000)
        people.cancel()
        for rule in self.wechat.faults():
            self._count_fault(rule)
        while (await self.hosts[0].notifier.step()).done:
            pass
        self.living = list(self.hosts)
        for host in self.hosts:
            host.die()

    def _note_idle_places(self) -> None:
        """A grant of which WeChat holds no packet must not hold a place under its person's cap."""
        for grant in self.grants():
            if grant.state in {State.DUE, State.FAILED} and grant.place is not None:
                self.witness.breaches.append(f"grant {grant.grant} is {grant.state} and holds a place")

    def _start_host(self) -> None:
        self.hosts_made += 1
        host = self.make(self, self.hosts_made)
        self.hosts.append(host)
        token = _host.set(host)
        asyncio.get_running_loop().create_task(host.work())
        _host.reset(token)

    def _replace_dead(self) -> None:
        dead = [host for host in self.hosts if not host.alive]
        for host in dead:
            self.hosts.remove(host)
            self.retired.append(host)
            self._start_host()

    async def _take_in(self, merchant: MerchantId) -> None:
        """Every award is delivered until it is answered, and some of them again."""
        awards = list(self.awards[merchant])
        answered: dict[str, int] = {}
        again = [award for award in awards if self.dice.below(4) == 0]
        queue = [awards[at : at + 7] for at in range(0, len(awards), 7)] + [again]
        while queue:
            chunk = queue.pop(0)
            host = self.hosts[self.dice.below(len(self.hosts))]
            try:
                answers = await host.intake.step(chunk)
            except (Crash, Gone, StoreDown, StoreUnsure):
                queue.append(chunk)
                await asyncio.sleep(1)
                self._replace_dead()
                continue
            for award, answer in zip(chunk, answers, strict=True):
                assert isinstance(answer, Granted | Repeated), f"{award}: {answer}"
                assert answered.setdefault(award.openid, answer.grant) == answer.grant
            self.tally.faults["event delivered twice"] += len(again) if chunk is again else 0

    def _over(self) -> bool:
        ended = ENDED | {State.NEEDS_PERSON}
        return all(
            count.grants == 0 or state in ended
            for awards in self.awards.values()
            for state, count in self.store.tally(awards[0].campaign).items()
        )

    def grants(self) -> list[Any]:
        return [
            grant for awards in self.awards.values() for grant in self.store.grants(awards[0].campaign, count=1_000)
        ]

    async def _people(self) -> None:
        """Most open their packet sooner or later; some never do."""
        while True:
            await asyncio.sleep(600 if not self.calm else 3_600)
            for packet in list(self.wechat.state.packets.values()):
                if packet.status is Status.SENT and self.opens[packet.openid] and self.dice.below(4) == 0:
                    self.wechat.open_packet(packet.mch_id, packet.number)

    # Faults

    def _plan(self) -> list[Coroutine[Any, Any, None]]:
        """Choose which kinds of fault this world has; at least ten strike."""
        self.trouble_permille = self.dice.below(30)
        wire = [
            ("no_answer_before", {}), ("no_answer_after", {}), ("cut_before_reply", {}), ("cut_mid_reply", {}),
            ("slow", {"wait_ms": 3_000}), ("http_status", {"effect": True}), ("http_status", {"effect": False}),
            ("system_error", {"effect": True}), ("system_error", {"effect": False}),
            ("unknown_code", {"effect": True, "code": "NEW_CODE"}),
            ("unknown_code", {"effect": False, "code": "NEW_CODE"}), ("processing", {}),
            ("processing_then_sent", {"wait_ms": 600_000}), ("processing_then_failed", {"wait_ms": 600_000}),
            ("not_found_for", {"wait_ms": 300_000}), ("received_without_hblist", {}), ("reordered_elements", {}),
            ("extra_elements", {}),
        ]  # fmt: skip
        self.rules = []
        chosen = [each for each in wire if self.dice.below(2)] or wire[:3]
        for kind, given in chosen:
            count = 2 + self.dice.below(4)
            view = self.wechat.add_fault(
                kind,
                share=0.3,
                count=count,
                after=self.dice.below(10),
                **given,  # type: ignore[arg-type]
            )
            self.rules.append(view.id)
        others = [
            self._empty_balance, self._lower_limit, self._lose_network, self._wrong_clock, self._stop_and_go,
            self._flag_somebody, self._wrong_openid, self._stand_still,
        ]  # fmt: skip
        return [self._struck(other) for other in others if self.dice.below(2)]

    async def _struck(self, trouble: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        await asyncio.sleep(self.dice.below(90))
        self.tally.faults[trouble.__name__.lstrip("_")] += 1
        await trouble(self.mch_ids[self.dice.below(MERCHANTS)])

    async def _empty_balance(self, mch_id: str) -> None:
        merchant = self.wechat.state.merchants[mch_id]
        kept = merchant.balance_fen
        # Moved aside, not spent: the simulator's own audit must close at the end.
        merchant.balance_fen = 50
        await asyncio.sleep(60 + self.dice.below(300))
        merchant.balance_fen += kept - 50
        # Whoever topped up says "go", but does not lift another one's stop.
        if mch_id not in self.witness.stopped_since_ms:
            self.store.amend_merchant(MerchantId(mch_id), brakes.let_go)

    async def _lower_limit(self, mch_id: str) -> None:
        self.witness.lowered.add(mch_id)
        self.wechat.change_merchant(mch_id, {"rate_minute_max": 5})
        await asyncio.sleep(300)
        self.wechat.change_merchant(mch_id, {"rate_minute_max": 1_800})

    async def _lose_network(self, mch_id: str) -> None:
        self.wire.down.add(mch_id)
        await asyncio.sleep(30 + self.dice.below(120))
        self.wire.down.discard(mch_id)

    async def _wrong_clock(self, mch_id: str) -> None:
        del mch_id
        host = self.hosts[self.dice.below(len(self.hosts))]
        host.clock.off_ms = self.dice.below(2_400_000) - 1_200_000
        await asyncio.sleep(120)
        host.clock.off_ms = 0

    async def _stop_and_go(self, mch_id: str) -> None:
        merchant = MerchantId(mch_id)
        self.store.amend_merchant(merchant, lambda now, now_ms: brakes.stopped(now, now_ms, "by hand"))
        self.witness.stopped_since_ms[mch_id] = self.time.now_ms()
        await asyncio.sleep(60)
        del self.witness.stopped_since_ms[mch_id]
        self.store.amend_merchant(merchant, brakes.let_go)

    async def _flag_somebody(self, mch_id: str) -> None:
        openid = self.awards[MerchantId(mch_id)][-1].openid
        if openid in self.wechat.state.people:
            self.wechat.change_person(openid, flagged=True)
        else:
            self.wechat.add_person(openid, appid=f"wx{int(mch_id[-1]):016d}", flagged=True)
        await asyncio.sleep(700)
        self.wechat.change_person(openid, flagged=False)

    async def _wrong_openid(self, mch_id: str) -> None:
        openid = self.awards[MerchantId(mch_id)][-2].openid
        if openid not in self.wechat.state.people:
            self.hopeless.add(openid)
            self.wechat.add_person(openid, appid="wx9999999999999999")

    async def _stand_still(self, mch_id: str) -> None:
        """A host that stands still and goes on: its tasks run late, all at once."""
        del mch_id
        host = self.hosts[self.dice.below(len(self.hosts))]
        host.stands_until_ms = self.time.now_ms() + 20_000 + self.dice.below(2) * 90_000

    def _calm_down(self) -> None:
        self.calm = True
        for rule in self.wechat.faults():
            if rule.kind not in HABITS:
                self._count_fault(rule)
                self.wechat.clear_faults(rule.id)
        self.wire.down.clear()
        for host in self.hosts:
            host.clock.off_ms = 0
        for mch_id in self.mch_ids:
            self.wechat.change_merchant(mch_id, {"rate_minute_max": 1_800})
            merchant = self.wechat.state.merchants[mch_id]
            merchant.balance_fen = 10_000_000 - merchant.paid_fen + merchant.refunded_fen
            for person in self.wechat.state.people.values():
                person.flagged = False
            self.witness.stopped_since_ms.clear()
            self.store.amend_merchant(MerchantId(mch_id), brakes.let_go)

    def _count_fault(self, rule: FaultView) -> None:
        self.tally.faults[f"{rule.kind}{' after effect' if rule.effect else ''}"] += rule.applied

    # The end

    def findings(self) -> list[str]:
        """Return everything that is not as it must be."""
        with self.store.audit() as books:
            ours = audit(books.transfers(), books.merchants(), books.campaigns(), books.grants())
        found = [f"our books: {each.check} {each.subject}: {each.says}" for each in ours]
        found += [f"WeChat's books: {each}" for each in self.wechat.audit()]
        found += self.witness.breaches
        found += [finding for grant in self.grants() for finding in self._grant_findings(grant)]
        found += self._unwritten_answers()
        found += self._places_findings()
        heard = Counter(self.heard)
        for grant in self.grants():
            self.tally.states[grant.state] += 1
            kind = {State.RECEIVED: "packet.received", State.RETURNED: "packet.refunded", State.FAILED: "packet.failed"}
            if grant.state in kind and not heard[grant.grant, kind[grant.state]]:
                found.append(f"grant {grant.grant} is {grant.state} and nobody was told")
        for awards in self.awards.values():
            count = len(self.store.grants(awards[0].campaign, count=1_000))
            if count != len(awards):
                found.append(f"{len(awards)} awards and {count} grants")
        return found

    def _unwritten_answers(self) -> list[str]:
        """Every "sent" that came to a host which never died must be among the evidence, however late it came."""
        written = {
            (grant.merchant, attempt.number, attempt.evidence.list_id)
            for grant in self.grants()
            if (timeline := self.store.timeline(grant.grant)) is not None
            for attempt in timeline.attempts
            if attempt.kind == "send" and attempt.evidence is not None
        }
        return [
            f"{number}: the answer {list_id} was dropped"
            for host in self.living
            for caller in host.callers.values()
            for mch_id, number, list_id in caller.heard
            if (mch_id, number, list_id) not in written
        ]

    def _places_findings(self) -> list[str]:
        """The counters of the caps are what the grants that hold places make of them."""
        with self.store.database.reading() as session:
            rows = session.core.execute(text("SELECT mch_id, day, packets, fen FROM person_days")).all()
        counted: Counter[tuple[str, int]] = Counter()
        amounts: Counter[tuple[str, int]] = Counter()
        for mch_id, day, packets, fen in rows:
            counted[mch_id, day] += packets
            amounts[mch_id, day] += fen
        for grant in self.grants():
            if grant.place is not None:
                counted[grant.merchant, grant.place] -= 1
                amounts[grant.merchant, grant.place] -= grant.fen
        return [
            f"merchant {mch_id} on {day}: {count} places and {amounts[mch_id, day]} fen that no grant holds"
            for (mch_id, day), count in counted.items()
            if count or amounts[mch_id, day]
        ]

    def _grant_findings(self, grant: Any) -> list[str]:
        packets = [
            self.wechat.state.packets[grant.merchant, number]
            for number in self.witness.people[grant.merchant, grant.openid]
            if (grant.merchant, number) in self.wechat.state.packets
        ]
        paid = [packet for packet in packets if packet.sent_ms is not None]
        name = f"grant {grant.grant} ({grant.state}, {grant.fen} fen)"
        found: list[str] = []
        if len(paid) > 1:
            found.append(f"{name}: WeChat paid {len(paid)} packets")
        if any(packet.fen != grant.fen for packet in packets):
            found.append(f"{name}: WeChat has {[packet.fen for packet in packets]} fen")
        statuses = {packet.status for packet in paid}
        wanted = {State.RECEIVED: {Status.RECEIVED}, State.RETURNED: {Status.REFUND}, State.FAILED: set[Status]()}
        if grant.state in wanted and statuses != wanted[grant.state]:
            found.append(f"{name}: WeChat shows {sorted(statuses)}")
        if grant.openid in self.hopeless:
            return found
        if grant.state not in {State.RECEIVED, State.RETURNED}:
            found.append(f"{name} did not come to its end: {grant.last_code} {grant.last_text} {grant.hold_reason}")
        if grant.state not in PAID and not paid:
            found.append(f"{name}: the person has nothing")
        return found


def _live(now: Campaign, now_ms: int) -> Campaign:
    from dataclasses import replace

    del now_ms
    return replace(now, state=CampaignState.LIVE)


def _tagged(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **given: Any) -> asyncio.Task[Any]:
    """Make a task that dies with the host that made it."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **given)
    host = _host.get()
    if host is not None:
        host.tasks.add(task)
        task.add_done_callback(host.tasks.discard)
        task.add_done_callback(_quiet)
    return task


def _quiet(task: asyncio.Task[Any]) -> None:
    """Take note of an exception, so that a dead host's tasks are not reported at the end."""
    if not task.cancelled():
        task.exception()


def play(seed: int) -> tuple[int, str, Tally]:
    """Play one world; return what is wrong, in a form that crosses processes."""
    world = SimulatedWorld(seed)
    try:
        world.play()
    except Exception as error:  # noqa: BLE001  whatever a world ends with, its seed must be told
        return seed, f"{type(error).__name__}: {error}", world.tally
    return seed, "", world.tally
