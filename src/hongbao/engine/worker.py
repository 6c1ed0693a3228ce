"""One worker: its lanes, the rescuer and the notifier. Starts, drains, stops.

Stopping lets nothing new leave within two seconds. What is under way ends, or is left in doubt by the rule: its lease
runs out, and a query finds what became of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from hongbao.engine.issuer import Issuer
from hongbao.engine.lane import LaneRunner
from hongbao.engine.notifier import Notifier
from hongbao.engine.rescuer import Rescuer
from hongbao.engine.running import Alarm, Progress, words_of

RESCUE_MS = 2_000
NOTIFY_MS = 500
TROUBLE_MS = 1_000
"""How long a service rests after an error."""


class Service(NamedTuple):
    """Something else that a worker does, step by step.

    Attributes:
        rest_ms: how long it rests after a step that found nothing to do.
    """

    name: str
    step: Callable[[], Awaitable[Progress]]
    rest_ms: int


class Worker:
    """Runs the services until it is stopped."""

    def __init__(
        self,
        lanes: LaneRunner,
        issuer: Issuer,
        rescuer: Rescuer,
        notifier: Notifier | None = None,
        *,
        alarm: Alarm,
        services: Sequence[Service] = (),
    ) -> None:
        """Put a worker together; nothing runs yet."""
        self._lanes = lanes
        self._issuer = issuer
        self._rescuer = rescuer
        self._notifier = notifier
        self._alarm = alarm
        self._services = services
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`, then drain."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loop("lanes", self._run_lanes, 0))
            group.create_task(self._loop("rescuer", self._rescuer.step, RESCUE_MS))
            if self._notifier is not None:
                group.create_task(self._loop("notifier", self._notifier.step, NOTIFY_MS))
            for service in self._services:
                group.create_task(self._loop(*service))
            await self._stopping.wait()
            self._lanes.stop()
        await self._issuer.drain()

    def stop(self) -> None:
        """Let nothing new leave; `run` returns when what is under way has ended."""
        self._stopping.set()

    async def _run_lanes(self) -> Progress:
        await self._lanes.run()
        return Progress()

    async def _loop(self, name: str, step: Callable[[], Awaitable[Progress]], rest_ms: int) -> None:
        while not self._stopping.is_set():
            wait_ms = rest_ms
            try:
                progress = await step()
            except Exception as error:  # noqa: BLE001  a service must outlive a bad moment of the database
                self._alarm(f"{name}: {words_of(error)}")
                wait_ms = TROUBLE_MS
            else:
                for text in progress.alarms:
                    self._alarm(text)
                if progress.done:
                    wait_ms = 0
            try:
                async with asyncio.timeout(wait_ms / 1000):
                    await self._stopping.wait()
            except TimeoutError:
                continue
