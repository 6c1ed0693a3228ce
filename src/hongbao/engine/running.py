"""How the services reach the store from an event loop, and what each step says it did."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast

from hongbao.errors import HongbaoError

T = TypeVar("T")

Alarm = Callable[[str], None]
"""Takes what a person should read. No text holds a secret or a whole openid."""


class Run(Protocol):
    """Runs one blocking call of the store."""

    async def __call__(self, act: Callable[[], T]) -> T:
        """Return what `act` returns, or raise what it raises."""
        ...


def words_of(error: BaseException) -> str:
    """Say what went wrong. Foreign errors give their class only: a database's text repeats the values it was given."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return ", ".join(dict.fromkeys(words_of(each) for each in group.exceptions))
    return f"{type(error).__name__}: {error}" if isinstance(error, HongbaoError) else type(error).__name__


_THREADS_MAX = 64
"""So many calls wait for the store at once, and may share a transaction. A loop's own threads are a handful."""
_threads = ThreadPoolExecutor(_THREADS_MAX, thread_name_prefix="hongbao-store")


async def in_thread(act: Callable[[], T]) -> T:
    """Run a call in a thread, where calls of the same moment share a transaction."""
    return await asyncio.get_running_loop().run_in_executor(_threads, act)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What one step did.

    Attributes:
        done: how many grants, notices or leases it took up.
        again_ms: when the next step is of use, in the worker's own time; None: when there is new work.
        alarms: what a person should read, without personal data.
    """

    done: int = 0
    again_ms: int | None = None
    alarms: tuple[str, ...] = field(default=())
