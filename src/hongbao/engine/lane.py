"""One merchant's lane: sends and queries, slice after slice. Who runs which slice where is a `LaneRunner`'s affair.

At most one worker works on a lane at a time. That saves work and keeps the pace even; if two ever do, the lease tokens
and the slots in the store still keep every promise.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from hongbao.clock import Clock
from hongbao.engine.issuer import Issuer
from hongbao.engine.ports import Store, StoreDown, StoreUnsure
from hongbao.engine.reconciler import Reconciler
from hongbao.engine.running import Alarm, Progress, Run, in_thread, words_of
from hongbao.ids import MerchantId

LANE_MS = 5_000
"""How long a lane is held without being prolonged; a dead worker's lane is free again after it."""
PROLONG_MS = 1_500
TROUBLE_MS = 1_000
"""How long a lane rests after the database had a bad moment."""
SLICE_MS = 15_000
"""How long a slice lasts at most."""
REST_MS = 500
"""How long a lane waits before it asks again whether there is work."""


class LaneRunner(Protocol):
    """Starts slices for merchants that have work, so that each merchant has one at a time over all workers."""

    async def run(self) -> None:
        """Run until `stop`."""
        ...

    def stop(self) -> None:
        """Start nothing more; `run` returns when what runs has ended."""
        ...


class Lane:
    """Runs slices."""

    def __init__(
        self,
        store: Store,
        issuer: Issuer,
        reconciler: Reconciler,
        *,
        owner: str,
        clock: Clock,
        alarm: Alarm,
        run: Run = in_thread,
    ) -> None:
        """Work as `owner`, a name that no other worker has; `alarm` takes what a person should read."""
        self._store = store
        self._issuer = issuer
        self._reconciler = reconciler
        self._owner = owner
        self._clock = clock
        self._run = run
        self._stopping = False
        self.alarm = alarm

    async def slice(self, merchant: MerchantId, slice_ms: int = SLICE_MS) -> int | None:
        """Work on a lane until there is nothing to do, or the slice is over.

        Returns:
            Before what time, of the worker's clock, another slice has nothing to send: its next slots, the end of the
            quiet hours, or a moment later while another worker has the lane. None if nothing was due.
        """
        until_ms = self._clock.now_ms() + slice_ms
        hold = _Hold(self._clock.now_ms())
        if not await self._prolong(merchant, hold):
            return self._clock.now_ms() + PROLONG_MS
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._send(merchant, hold, until_ms))
            group.create_task(self._look(merchant, hold, until_ms))
        await self._run(lambda: self._store.leave_lane(merchant, owner=self._owner))
        return sending.result()

    def stop(self) -> None:
        """Let slices end soon; nothing new leaves."""
        self._stopping = True
        self._issuer.stop()

    async def _prolong(self, merchant: MerchantId, hold: "_Hold") -> bool:
        hold.held_ms = self._clock.now_ms()
        hold.ours = await self._run(lambda: self._store.hold_lane(merchant, owner=self._owner, lane_ms=LANE_MS))
        return hold.ours

    async def _goes_on(self, merchant: MerchantId, hold: "_Hold", until_ms: int) -> bool:
        now_ms = self._clock.now_ms()
        if self._stopping or not hold.ours or now_ms >= until_ms:
            return False
        # A worker that stood still finds here that its lane went to another one.
        return now_ms - hold.held_ms < PROLONG_MS or await self._prolong(merchant, hold)

    async def _send(self, merchant: MerchantId, hold: "_Hold", until_ms: int) -> int | None:
        again_ms: int | None = None
        while await self._goes_on(merchant, hold, until_ms):
            progress = await self._step(merchant, self._issuer.step)
            if progress is None:
                return self._clock.now_ms() + TROUBLE_MS
            again_ms = progress.again_ms
            if again_ms is None or again_ms > until_ms:
                break
            await self._wait(again_ms, hold)
        return again_ms

    async def _look(self, merchant: MerchantId, hold: "_Hold", until_ms: int) -> None:
        while await self._goes_on(merchant, hold, until_ms):
            progress = await self._step(merchant, self._reconciler.step)
            if progress is None or not progress.done:
                return

    async def _step(self, merchant: MerchantId, step: Callable[[MerchantId], Awaitable[Progress]]) -> Progress | None:
        """Make one step; None if the database had a bad moment, which must not break off the lane's other half."""
        try:
            progress = await step(merchant)
        except (StoreDown, StoreUnsure) as error:
            self.alarm(f"the lane of {merchant}: {words_of(error)}")
            return None
        self._tell(progress)
        return progress

    def _tell(self, progress: Progress) -> None:
        for text in progress.alarms:
            self.alarm(text)

    async def _wait(self, until_ms: int, hold: "_Hold") -> None:
        """Wait, but not so long that the lane is lost meanwhile."""
        at_ms = min(until_ms, hold.held_ms + PROLONG_MS)
        await asyncio.sleep(max(at_ms - self._clock.now_ms(), 1) / 1000)


@dataclass(slots=True)
class _Hold:
    held_ms: int
    ours: bool = False
