"""Lanes in one process: an asyncio task for each merchant that has work. More processes on one store take turns."""

import asyncio

from hongbao.clock import Clock
from hongbao.engine.lane import REST_MS, Lane
from hongbao.engine.ports import Store
from hongbao.engine.running import Run, in_thread, words_of
from hongbao.ids import MerchantId

SHORT_MS = 2_000
"""A lane whose next slots are so near is gone on with, not looked for again."""
LONGEST_REST_MS = 30_000
"""The longest that a merchant with due grants is left alone."""


class LocalLanes:
    """Finds merchants with work from the indexes and runs a slice for each."""

    def __init__(self, store: Store, lane: Lane, *, clock: Clock, run: Run = in_thread, rest_ms: int = REST_MS) -> None:
        """Look for work every `rest_ms`."""
        self._store = store
        self._lane = lane
        self._clock = clock
        self._run = run
        self._rest_ms = rest_ms
        self._stopping = asyncio.Event()
        self._slices: dict[MerchantId, asyncio.Task[int | None]] = {}
        self._rests: dict[MerchantId, int] = {}

    async def run(self) -> None:
        """Run until `stop`; a slice that fails is reported and tried again with the next round."""
        while not self._stopping.is_set():
            await self.step()
            try:
                async with asyncio.timeout(self._rest_ms / 1000):
                    await self._stopping.wait()
            except TimeoutError:
                continue
        if self._slices:
            await asyncio.wait(set(self._slices.values()))

    async def step(self) -> int:
        """Start a slice for each merchant that has work and none; return how many run."""
        now_ms = self._clock.now_ms()
        for merchant, task in list(self._slices.items()):
            if task.done():
                del self._slices[merchant]
                self._rests[merchant] = self._ended(merchant, task, now_ms)
        for work in await self._run(lambda: self._store.work(within_ms=self._rest_ms)):
            resting = now_ms < self._rests.get(work.merchant, 0)
            if work.merchant not in self._slices and not (resting and work.look_ms is None):
                self._slices[work.merchant] = asyncio.create_task(self._go_on(work.merchant))
        return len(self._slices)

    async def _go_on(self, merchant: MerchantId) -> int | None:
        """Run slice after slice while there is something to send: a pause between two would cost slots."""
        while True:
            again_ms = await self._lane.slice(merchant)
            wait_ms = 0 if again_ms is None else again_ms - self._clock.now_ms()
            if again_ms is None or wait_ms > SHORT_MS or self._stopping.is_set():
                return again_ms
            await asyncio.sleep(max(wait_ms, 0) / 1000)

    def _ended(self, merchant: MerchantId, task: "asyncio.Task[int | None]", now_ms: int) -> int:
        """Return how long a merchant whose slice ended is left alone if it only has something to send."""
        if task.cancelled():
            return now_ms
        error = task.exception()
        if error is not None:
            self._lane.alarm(f"the lane of {merchant} broke off: {words_of(error)}")
            return now_ms
        # Somebody may switch the quiet hours off, or enter another limit: so not for the whole night.
        return min(task.result() or now_ms, now_ms + LONGEST_REST_MS)

    def stop(self) -> None:
        """Start nothing more."""
        self._stopping.set()
        self._lane.stop()
