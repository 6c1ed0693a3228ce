"""Follows what was sent to its end: asks what became of it, those in doubt first. It never sends."""

import asyncio
from collections.abc import Sequence

from hongbao.clock import Clock
from hongbao.engine import evidence, merchants
from hongbao.engine.channel import Channel, Looked
from hongbao.engine.points import Pass, Point, nothing
from hongbao.engine.ports import Grant, Merchant, Renewal, Result, Store
from hongbao.engine.running import Progress, Run, in_thread
from hongbao.ids import MerchantId
from hongbao.ledger.grant import Event
from hongbao.money import Fen
from hongbao.number import OrderIntent, order_number
from hongbao.payout.followup import Facts, FollowUp, after_look
from hongbao.payout.outcome import About
from hongbao.payout.packet import Packet

AT_ONCE = 8
"""How many queries of one merchant are under way at once: queries have a limit too, and it is not published."""
AGAIN_MS = 120_000
"""For how long grants that were taken to be queried are left to this worker."""
REST_MS = 30_000
"""How long no queries are made after WeChat said that they come too fast."""


class Reconciler:
    """Queries for any number of merchants."""

    def __init__(
        self, store: Store, channel: Channel, *, clock: Clock, run: Run = in_thread, pass_by: Pass = nothing
    ) -> None:
        """Query over `channel` what waits in `store`."""
        self._store = store
        self._channel = channel
        self._clock = clock
        self._run = run
        self._pass = pass_by
        self._rests_until_ms: dict[MerchantId, int] = {}

    async def step(self, merchant: MerchantId, count: int = 64) -> Progress:
        """Query up to `count` grants of one merchant and record what was seen."""
        rests_until_ms = self._rests_until_ms.get(merchant, 0)
        if self._clock.now_ms() < rests_until_ms:
            return Progress(again_ms=rests_until_ms)
        row = await self._run(lambda: self._store.merchant(merchant))
        if row is None:
            return Progress()
        grants = await self._run(lambda: self._store.looks(merchant, count=count, again_ms=AGAIN_MS))
        if not grants:
            return Progress()
        self._pass(Point.LOOKED)
        # Whether an attempt had ended when a query was made is judged by one clock, the store's. Rounding the way of
        # the answer down makes a query look earlier than it was, which is the safe side.
        offset_ms = await self._run(self._store.now_ms) - self._clock.now_ms()
        alarms: list[str] = []
        gate = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            looking = [group.create_task(self._look(grant, row, gate, offset_ms)) for grant in grants]
        seen = [task.result() for task in looking]
        self._pass(Point.BEFORE_LOOK_RECORD)
        await self._run(lambda: self._store.record([result for result, _ in seen]))
        self._pass(Point.AFTER_LOOK_RECORD)
        for grant, (_, follow_up) in zip(grants, seen, strict=True):
            if follow_up.alarm:
                alarms.append(f"{grant.number} needs a person: {follow_up.hold_reason}")
        await self._tell(merchant, seen, alarms)
        return Progress(done=len(grants), alarms=tuple(alarms))

    async def _look(
        self, grant: Grant, row: Merchant, gate: asyncio.Semaphore, offset_ms: int
    ) -> tuple[Result, FollowUp]:
        limits = merchants.limits_of(row)
        async with gate:
            asked_ms = self._clock.now_ms() + offset_ms
            looked = await self._channel.look(grant.merchant, Packet.thawed(grant.frozen))
        now_ms = self._clock.now_ms() + offset_ms
        follow_up = after_look(
            looked.sighting, _facts(grant), asked_ms=asked_ms, now_ms=now_ms, limits=limits, quiet=row.quiet_hours
        )
        return _result(grant, looked, follow_up, asked_ms, now_ms), follow_up

    async def _tell(self, merchant: MerchantId, seen: Sequence[tuple[Result, FollowUp]], alarms: list[str]) -> None:
        for result, follow_up in seen:
            code, text = ("", "") if result.evidence is None else (result.evidence.code, result.evidence.text)
            if follow_up.brake is About.PACE:
                self._rests_until_ms[merchant] = self._clock.now_ms() + REST_MS
                return
            if follow_up.brake is About.SETUP:
                # What refuses a query, certificate or key, would refuse every send.
                await self._run(
                    lambda code=code, text=text: self._store.amend_merchant(
                        merchant, lambda now, now_ms: merchants.told(now, now_ms, About.SETUP, code, text)
                    )
                )
                self._rests_until_ms[merchant] = self._clock.now_ms() + REST_MS
                alarms.append(f"merchant {merchant}: a query was refused: {code} {text}")
                return


def _facts(grant: Grant) -> Facts:
    first_ms = grant.created_ms if grant.first_try_ms is None else grant.first_try_ms
    return Facts(
        state=grant.state,
        fen=grant.fen,
        tries=max(grant.attempts, 1),
        first_try_ms=first_ms,
        last_try_ms=first_ms if grant.last_try_ms is None else grant.last_try_ms,
        renewal=grant.renewal,
        seen_success=grant.seen_success,
    )


def _result(grant: Grant, looked: Looked, follow_up: FollowUp, asked_ms: int, now_ms: int) -> Result:
    sighting = looked.sighting
    events, renewal = follow_up.events, None
    due_ms = follow_up.send_ms
    if Event.RENEWED in events:
        renewal = _renewal(grant)
        if renewal is None:
            # The person's data was erased on request: nobody can be paid any more.
            events = (*events[: events.index(Event.RENEWED)], Event.GIVEN_UP)
    back = sighting.returned_fen if Event.SAW_RETURNED in events else None
    return Result(
        grant=grant.grant,
        number=grant.number,
        events=events,
        evidence=evidence.of_look(sighting, looked.raw, asked_ms, now_ms),
        due_ms=due_ms,
        look_ms=follow_up.look_ms,
        hold_reason=follow_up.hold_reason,
        renewal=renewal,
        back_fen=None if back is None or back == grant.fen else Fen(back),
    )


def _renewal(grant: Grant) -> Renewal | None:
    """Make the next number of a grant; None if it is not known any more for whom."""
    if grant.openid is None:
        return None
    number = order_number(
        OrderIntent(
            mch_id=grant.merchant,
            appid=grant.appid,
            campaign=grant.campaign,
            openid=grant.openid,
            occasion=grant.occasion,
            renewal=grant.renewal + 1,
        )
    )
    return Renewal(number=number, frozen=Packet.thawed(grant.frozen).renumbered(number).frozen())
