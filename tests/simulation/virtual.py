"""An event loop whose time is not the machine's: nothing waits, whatever is due next is now."""

import asyncio
import selectors
from typing import Any

NINE_MS = 1_735_693_200_000
"""2025-01-01 09:00 Beijing time."""


class Deadlock(AssertionError):
    """Nothing runs and nothing is due."""


class VirtualTime:
    """The time of one world, in whole microseconds since its start."""

    def __init__(self, start_ms: int = NINE_MS) -> None:
        self.start_ms = start_ms
        self.us = 0

    def now_ms(self) -> int:
        return self.start_ms + self.us // 1000


class _Selector(selectors.SelectSelector):
    def __init__(self, time: VirtualTime) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock("nothing runs and nothing is due")
        if timeout > 0:
            self._time.us += int(timeout * 1_000_000) + 1
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs tasks in the order of their virtual times, the same order for the same world."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__(_Selector(time))
        self._virtual = time

    def time(self) -> float:
        return self._virtual.us / 1_000_000


class Skewed:
    """A host's own clock: the world's, and as far off as the host is wrong."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self.off_ms = 0

    def now_ms(self) -> int:
        return self._time.now_ms() + self.off_ms
