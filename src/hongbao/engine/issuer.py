"""Sends what is due: lease, wait for each slot, send, record. A step reserves a second of slots and returns.

What protects a person from a second packet is not here: it is the number, frozen with the request and committed
before. What protects the limits is: a request leaves at its slot or not at all. One that is late, because its host
stood still, goes back and gets another slot; else it would come on top of what other hosts send meanwhile.

All times that are kept are the store's; the worker's own clock only waits.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace

from hongbao.clock import Clock, Dice
from hongbao.engine import evidence, merchants
from hongbao.engine.channel import Answered, Channel
from hongbao.engine.points import Pass, Point, nothing
from hongbao.engine.ports import (
    SENDING_STATES,
    BookBroken,
    BrakeState,
    Campaign,
    CampaignState,
    Evidence,
    Grant,
    Lease,
    Leased,
    Merchant,
    Pacing,
    Recorded,
    Result,
    Store,
    StoreDown,
    StoreUnsure,
)
from hongbao.engine.running import Progress, Run, in_thread, words_of
from hongbao.ids import CampaignId, MerchantId
from hongbao.ledger.grant import Event, State
from hongbao.payout import brakes
from hongbao.payout.followup import MINUTE_MS, Facts, FollowUp, after_send, is_too_late, too_late
from hongbao.payout.outcome import About, Dead, No, NotTried, Outcome, Sent, Unsure
from hongbao.payout.pacing import beijing_day, closest_ms, open_from_ms
from hongbao.payout.packet import Packet

LEASE_MS = 75_000
"""How long a lease lasts: a second of slots, the longest call, and time to record."""
CALL_MS = 32_000
"""What must be left of a lease when a request leaves."""
SKEW_MS_MAX = 500
"""A worker whose clock is farther off the store's does not send."""
LATE_MS_MAX = 200
"""How much later than its slot a request may leave."""
BRAKE_MS = 400
"""How old the last reading of the brake may be when a request leaves."""
AHEAD_MS = 250
"""How long before its slots run out a lane asks for more."""
FLYING_MAX = 1_024
"""How many requests may be under way at once, for all merchants of a worker."""
TALKING_MAX = 64
"""How many requests of one merchant may wait for their answer at once: so many connections a client holds."""
REACH_MIN, REACH_FIRST, REACH_MAX = 16, 64, 4_096
"""How many slots a second a lane asks for: when it is late again and again, at first, and at most."""
_RECORD_TRIES = 5
_LEASE_TRIES = 2
_BATCH = 500


@dataclass(slots=True)
class _Lane:
    """What a worker remembers of one merchant. Losing it costs nothing but a little pace.

    Attributes:
        left_ms: when the last request left.
        reach: how many slots a second to ask for: as many as this worker gets rid of in time. What it cannot carry
            must not be leased through it.
        was_late: it has found its reach once, and now only feels for more.
    """

    left_ms: int = 0
    reach: int = REACH_FIRST
    was_late: bool = False
    talking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TALKING_MAX))
    brake_read_ms: int = 0
    state: BrakeState = BrakeState.GO
    not_tried: int = 0
    paused_until_ms: int = 0
    pacer: "asyncio.Task[None] | None" = None

    def learn(self, count: int, late: int) -> None:
        """Adapt the reach after a lease of `count`, of which some were late."""
        if late:
            self.reach, self.was_late = max(REACH_MIN, self.reach * 3 // 4), True
        elif count >= self.reach // 4:
            self.reach = min(REACH_MAX, self.reach + self.reach // 8 if self.was_late else self.reach * 2)


@dataclass(frozen=True, slots=True)
class _Ended:
    """One ended attempt on its way to the store."""

    leased: Leased
    since_ms: int
    answered: Answered
    follow_up: FollowUp
    evidence: Evidence


@dataclass(slots=True)
class _Waiting:
    ended: _Ended
    done: "asyncio.Future[None]" = field(repr=False)


class Issuer:
    """Sends for any number of merchants, in one event loop."""

    def __init__(
        self,
        store: Store,
        channel: Channel,
        *,
        clock: Clock,
        dice: Dice,
        run: Run = in_thread,
        pass_by: Pass = nothing,
        pacing: merchants.LanePacing | None = None,
        count_max: int = 512,
    ) -> None:
        """Send over `channel` what is due in `store`; `count_max` grants a lease at most."""
        self._store = store
        self._channel = channel
        self._clock = clock
        self._dice = dice
        self._run = run
        self._pass = pass_by
        self._pacing = pacing or merchants.LanePacing()
        self._count_max = count_max
        self._lanes: dict[MerchantId, _Lane] = {}
        self._flying: set[asyncio.Task[None]] = set()
        self._waiting: list[_Waiting] = []
        self._recorder: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._alarms: list[str] = []
        self._stopping = False

    async def step(self, merchant: MerchantId) -> Progress:
        """Lease what is due for one merchant and set it on its way.

        Returns before the answers are there; `drain` waits for them. Two steps of one merchant do not overlap.
        """
        lane = self._lanes.setdefault(merchant, _Lane())
        now_ms = self._clock.now_ms()
        room = FLYING_MAX - len(self._flying)
        if self._stopping or room <= 0 or now_ms < lane.paused_until_ms:
            return self._progress(again_ms=max(lane.paused_until_ms, now_ms + AHEAD_MS))
        count, pacing = min(self._count_max, room), self._pacing.within(lane.reach)
        token = self._dice.token(24)
        asked_ms = self._clock.now_ms()
        lease = await self._lease(merchant, token, count, pacing)
        self._pass(Point.LEASED)
        got_ms = self._clock.now_ms()
        lane.brake_read_ms, lane.state = got_ms, lease.merchant.brake.state
        if not lease.grants:
            return self._progress(again_ms=_idle_until(lease, got_ms))
        # What the store's clock shows lies between the two readings of ours.
        offset_ms = lease.now_ms - min(max(lease.now_ms, asked_ms), got_ms)
        if abs(offset_ms) > SKEW_MS_MAX:
            self._alarms.append(f"this worker's clock is {-offset_ms} ms off the store's: it does not send")
            await self._give_back(lease.grants, lease.merchant, offset_ms, "the worker's clock is wrong")
            return self._progress(again_ms=got_ms + 10_000)
        lane.pacer = self._spawn(self._pace(lane, lease, offset_ms, lane.pacer))
        last_ms = lease.grants[-1].slot_ms - offset_ms
        return self._progress(done=len(lease.grants), again_ms=max(last_ms - AHEAD_MS, got_ms + 1))

    async def _lease(self, merchant: MerchantId, token: str, count: int, pacing: Pacing) -> Lease:
        """Lease; where the store does not know whether it did, the same token asks for the same lease."""

        def lease() -> Lease:
            return self._store.lease(merchant, token=token, count=count, lease_ms=LEASE_MS, pacing=pacing)

        for _ in range(_LEASE_TRIES):
            try:
                return await self._run(lease)
            except StoreUnsure:
                await asyncio.sleep(0.1)
        return await self._run(lease)

    async def drain(self) -> Progress:
        """Wait until every request under way has ended and is recorded."""
        while self._flying:
            await asyncio.wait(set(self._flying))
        return self._progress()

    def stop(self) -> None:
        """Let nothing new leave from now on; what was leased and not sent goes back."""
        self._stopping = True

    @property
    def flying(self) -> int:
        """How many grants are under way."""
        return len(self._flying)

    def _progress(self, *, done: int = 0, again_ms: int | None = None) -> Progress:
        alarms = tuple(self._alarms)
        self._alarms.clear()
        return Progress(done=done, again_ms=again_ms, alarms=alarms)

    def _spawn(self, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._flying.add(task)
        task.add_done_callback(self._landed)
        return task

    def _landed(self, task: "asyncio.Task[None]") -> None:
        self._flying.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its grant's lease runs out, and the rescuer puts it in doubt: nothing is lost but time.
            self._alarms.append(f"a send was abandoned: {words_of(error)}")

    async def _pace(self, lane: _Lane, lease: Lease, offset_ms: int, before: "asyncio.Task[None] | None") -> None:
        """Let each request leave at its slot, after those of the lease before."""
        if before is not None:
            await asyncio.wait({before})
        heel_ms = closest_ms(merchants.limits_of(lease.merchant))
        late = 0
        for place, leased in enumerate(lease.grants):
            # A late request must not have the next one on its heels.
            wait_ms = max(leased.slot_ms - offset_ms, lane.left_ms + heel_ms) - self._clock.now_ms()
            if wait_ms > 0:
                await asyncio.sleep(wait_ms / 1000)
            await lane.talking.acquire()
            why_not = "it broke off"
            try:
                why_not = await self._obstacle(lane, lease.merchant, leased, offset_ms)
            finally:
                if why_not:
                    lane.talking.release()
            if why_not == _LATE:
                late += 1
                self._spawn(self._give_back([leased], lease.merchant, offset_ms, why_not))
                continue
            if why_not:
                await self._give_back(lease.grants[place:], lease.merchant, offset_ms, why_not)
                return
            lane.left_ms = self._clock.now_ms()
            self._spawn(self._send(lane, leased, lease.merchant, offset_ms))
        lane.learn(len(lease.grants), late)

    async def _obstacle(self, lane: _Lane, merchant: Merchant, leased: Leased, offset_ms: int) -> str:
        """Return why a leased grant must not leave now, or ""."""
        now_ms = self._clock.now_ms()
        if now_ms - lane.brake_read_ms >= BRAKE_MS:
            await self._read_brakes()
            if lane.brake_read_ms < now_ms:
                # That was another lane's reading, begun before this one asked.
                await self._read_brakes()
            now_ms = self._clock.now_ms()
        store_ms = now_ms + offset_ms
        if self._stopping:
            return "the worker stops"
        if lane.state is BrakeState.STOPPED or (lane.state is BrakeState.HELD and not leased.probe):
            return "the merchant was stopped"
        if now_ms < lane.paused_until_ms:
            return "WeChat cannot be reached"
        if store_ms - leased.slot_ms > LATE_MS_MAX or store_ms + CALL_MS > leased.until_ms:
            return _LATE
        if open_from_ms(store_ms, quiet=merchant.quiet_hours) != store_ms:
            return "the quiet hours began"
        if beijing_day(store_ms) != beijing_day(leased.slot_ms):
            return _LATE
        return ""

    async def _read_brakes(self) -> None:
        """Read the brakes of all lanes that send, or wait for somebody else's reading.

        Raises:
            HongbaoError: the store cannot be read.
        """
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all_brakes())
        reading = self._reading
        # If this lane is given up, the others still wait for it.
        await asyncio.wait({reading})
        reading.result()

    async def _read_all_brakes(self) -> None:
        sending = [each for each, lane in self._lanes.items() if lane.pacer is not None and not lane.pacer.done()]
        asked_ms = self._clock.now_ms()
        brakes = await self._run(lambda: self._store.brakes(sending))
        for merchant in sending:
            lane = self._lanes[merchant]
            lane.brake_read_ms = asked_ms
            lane.state = brakes.get(merchant, BrakeState.STOPPED)

    async def _send(self, lane: _Lane, leased: Leased, merchant: Merchant, offset_ms: int) -> None:
        grant = leased.grant
        limits = merchants.limits_of(merchant)
        started_ms = self._clock.now_ms() + offset_ms
        facts = _facts(grant, leased.slot_ms)
        # The store does not lease such a number. Sending it would be the one thing that cannot be taken back.
        if is_too_late(grant.first_try_ms, leased.slot_ms, limits):
            lane.talking.release()
            follow_up = too_late(facts, started_ms)
            await self._hand_in(self._ended(leased, merchant, Answered(NotTried()), follow_up, started_ms, started_ms))
            return
        try:
            self._pass(Point.BEFORE_SEND)
            answered = await self._channel.send(grant.merchant, Packet.thawed(grant.frozen))
            self._pass(Point.AFTER_SEND)
        finally:
            lane.talking.release()
        outcome = answered.outcome
        if isinstance(outcome, No) and outcome.about in {About.ROW, About.OPENID} and leased.serial > 1:
            facts = await self._with_left_order(facts, leased)
        self._note_reach(lane, isinstance(outcome, NotTried))
        now_ms = self._clock.now_ms() + offset_ms
        follow_up = after_send(outcome, facts, now_ms, limits, quiet=merchant.quiet_hours)
        if follow_up.alarm:
            self._alarms.append(f"read the answer to {grant.number}: {_words(outcome)}")
        await self._hand_in(self._ended(leased, merchant, answered, follow_up, started_ms, now_ms))

    def _note_reach(self, lane: _Lane, not_tried: bool) -> None:
        """Rest when WeChat cannot be reached: a queue must not be leased through for nothing."""
        lane.not_tried = lane.not_tried + 1 if not_tried else 0
        if lane.not_tried >= 3:
            lane.paused_until_ms = self._clock.now_ms() + min(1_000 << min(lane.not_tried - 3, 5), 30_000)

    async def _with_left_order(self, facts: Facts, leased: Leased) -> Facts:
        timeline = await self._run(lambda: self._store.timeline(leased.grant.grant))
        earlier = [] if timeline is None else [each for each in timeline.attempts if each.kind == "send"]
        left = timeline is None or any(
            each.serial < leased.serial
            and each.number == leased.grant.number
            and not evidence.leaves_no_order(each.evidence)
            for each in earlier
        )
        return replace(facts, left_order=left)

    async def _give_back(self, grants: Sequence[Leased], merchant: Merchant, offset_ms: int, why: str) -> None:
        """Return leased grants of which nothing left."""
        now_ms = self._clock.now_ms() + offset_ms
        waiting: list[asyncio.Future[None]] = []
        for leased in grants:
            follow_up = FollowUp(
                events=(Event.NOT_TRIED,),
                send_ms=now_ms,
                look_ms=now_ms + MINUTE_MS if leased.grant.state is State.RESENDING else None,
            )
            answered = Answered(NotTried(text=why))
            waiting.append(self._hand_in(self._ended(leased, merchant, answered, follow_up, now_ms, now_ms)))
        await asyncio.gather(*waiting)

    def _ended(
        self,
        leased: Leased,
        merchant: Merchant,
        answered: Answered,
        follow_up: FollowUp,
        started_ms: int,
        ended_ms: int,
    ) -> _Ended:
        written = evidence.of_send(answered.outcome, answered.raw, started_ms, ended_ms)
        return _Ended(leased, merchant.brake.since_ms, answered, follow_up, written)

    def _hand_in(self, ended: _Ended) -> "asyncio.Future[None]":
        """Put a result before the recorder; results of the same moment share a transaction."""
        waiting = _Waiting(ended, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._recorder is None or self._recorder.done():
            self._recorder = asyncio.create_task(self._record_all())
            self._flying.add(self._recorder)
            self._recorder.add_done_callback(self._landed)
        return waiting.done

    async def _record_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            try:
                self._pass(Point.BEFORE_RECORD)
                kept = await self._keep_all(batch)
                self._pass(Point.AFTER_RECORD)
                await self._tell(kept)
            except Exception as error:  # noqa: BLE001  whatever it is belongs to those who wait; the next batch goes on
                # What is not recorded is rescued: its lease runs out.
                for each in batch:
                    if not each.done.done():
                        each.done.set_exception(error)
                continue
            except BaseException:
                for each in (*batch, *self._waiting):
                    each.done.cancel()
                raise
            for each in batch:
                if not each.done.done():
                    each.done.set_result(None)

    async def _keep_all(self, batch: Sequence[_Waiting]) -> list[tuple[_Ended, Recorded]]:
        """Record a batch; where the books refuse it, each by itself, so that one grant does not hold up the others."""
        try:
            recorded = await self._keep([_result(each.ended) for each in batch])
        except BookBroken as broken:
            if len(batch) > 1:
                return [kept for each in batch for kept in await self._keep_all([each])]
            grant = batch[0].ended.leased.grant
            batch[0].done.set_exception(broken)
            why = f"the books do not close: {broken}"
            self._alarms.append(f"merchant {grant.merchant} was stopped, {why}")
            await self._run(
                lambda: self._store.amend_merchant(
                    grant.merchant, lambda now, now_ms: merchants.stopped(now, now_ms, why)
                )
            )
            return []
        return [(each.ended, after) for each, after in zip(batch, recorded, strict=True)]

    async def _keep(self, results: list[Result]) -> list[Recorded]:
        """Record, and ask again where the store could not, or does not know whether it did."""
        for tried in range(_RECORD_TRIES):
            try:
                return await self._run(lambda: self._store.record(results))
            except (StoreDown, StoreUnsure):
                await asyncio.sleep((tried + 1) / 5)
        return await self._run(lambda: self._store.record(results))

    async def _tell(self, kept: Sequence[tuple[_Ended, Recorded]]) -> None:
        """Let merchants and batches know what the answers say about them."""
        told: dict[tuple[MerchantId, About], tuple[str, str]] = {}
        shares: set[tuple[MerchantId, CampaignId, About, str, str]] = set()
        for ended, after in kept:
            merchant, outcome = after.grant.merchant, ended.answered.outcome
            if isinstance(outcome, No):
                if ended.follow_up.brake is not None:
                    told.setdefault((merchant, ended.follow_up.brake), (outcome.code, outcome.text))
                elif outcome.about in {About.PERSON_OR_SETUP, About.OPENID, About.ROW}:
                    shares.add((merchant, after.grant.campaign, outcome.about, outcome.code, outcome.text))
            elif ended.leased.probe and isinstance(outcome, Sent):
                await self._run(
                    lambda m=merchant, since=ended.since_ms: self._store.amend_merchant(
                        m, lambda now, now_ms: merchants.probed(now, now_ms, since)
                    )
                )
        for (merchant, about), (code, text) in told.items():
            await self._brake(merchant, about, code, text)
        for merchant, campaign, about, code, text in sorted(shares):
            await self._judge_share(merchant, campaign, about, code, text)

    async def _brake(self, merchant: MerchantId, about: About, code: str, text: str) -> None:
        after = await self._run(
            lambda: self._store.amend_merchant(
                merchant, lambda now, now_ms: merchants.told(now, now_ms, about, code, text)
            )
        )
        lane = self._lanes.get(merchant)
        if lane is not None:
            lane.state = after.brake.state
        self._alarms.append(f"merchant {merchant}: {code} {text}")

    async def _judge_share(
        self, merchant: MerchantId, campaign: CampaignId, about: About, code: str, text: str
    ) -> None:
        if about is About.OPENID:
            newest = await self._run(lambda: self._store.recent(merchant, campaign, count=brakes.OPENIDS_WINDOW))
            if brakes.wrong_list([evidence.ended(each) for each in newest]):
                await self._pause(campaign, f"{code} {text}: too many openids are not of this account")
            return
        newest = await self._run(lambda: self._store.recent(merchant, count=brakes.ROWS_WINDOW))
        counted = [evidence.ended(each) for each in newest]
        if brakes.refuses_all(counted) if about is About.PERSON_OR_SETUP else brakes.same_fault(counted, text):
            await self._brake(merchant, About.SETUP, code, text)

    async def _pause(self, campaign: CampaignId, reason: str) -> None:
        def paused(now: Campaign, now_ms: int) -> Campaign:
            del now_ms
            return replace(now, state=CampaignState.PAUSED, reason=reason) if now.state in SENDING_STATES else now

        await self._run(lambda: self._store.amend_campaign(campaign, paused))
        self._alarms.append(f"campaign {campaign}: {reason}")


_LATE = "it was late for its slot"


def _facts(grant: Grant, slot_ms: int) -> Facts:
    return Facts(
        state=grant.state,
        fen=grant.fen,
        tries=max(grant.attempts, 1),
        first_try_ms=slot_ms if grant.first_try_ms is None else grant.first_try_ms,
        last_try_ms=slot_ms,
        renewal=grant.renewal,
        seen_success=grant.seen_success,
    )


def _result(ended: _Ended) -> Result:
    leased, follow_up = ended.leased, ended.follow_up
    return Result(
        grant=leased.grant.grant,
        number=leased.grant.number,
        events=follow_up.events,
        token=leased.token,
        serial=leased.serial,
        evidence=ended.evidence,
        due_ms=follow_up.send_ms,
        look_ms=follow_up.look_ms,
        full=follow_up.full,
        hold_reason=follow_up.hold_reason,
    )


def _words(outcome: Outcome) -> str:
    match outcome:
        case Sent():
            return "sent"
        case NotTried():
            return outcome.text
        case No() | Dead() | Unsure():
            return f"{outcome.code} {outcome.text}".strip()


def _idle_until(lease: Lease, now_ms: int) -> int | None:
    """Return when to ask again after a lease that gave nothing."""
    opens_ms = open_from_ms(lease.now_ms, quiet=lease.merchant.quiet_hours)
    waits_ms = max(opens_ms, lease.wait_ms or 0) - lease.now_ms
    if waits_ms > 0:
        return now_ms + waits_ms
    pace = lease.merchant.pace
    slot_ms = max(pace.second_us, pace.minute_us) // 1000
    if lease.more or slot_ms > lease.now_ms:
        return now_ms + max(min(slot_ms - lease.now_ms, 5_000), 100)
    return None
