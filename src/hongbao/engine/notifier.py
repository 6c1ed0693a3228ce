"""Tells others what became of grants: at least once each, and those of one grant in their order."""

from collections.abc import Awaitable, Callable, Sequence

from hongbao.engine.points import Pass, Point, nothing
from hongbao.engine.ports import Notice, Store
from hongbao.engine.running import Progress, Run, in_thread

Listener = Callable[[Sequence[Notice]], Awaitable[None]]
"""Takes notices; when it returns they count as told. It may be told the same notice again."""


class Notifier:
    """Hands notices to one listener."""

    def __init__(self, store: Store, listener: Listener, *, run: Run = in_thread, pass_by: Pass = nothing) -> None:
        """Tell `listener` what happened in `store`."""
        self._store = store
        self._listener = listener
        self._run = run
        self._pass = pass_by

    async def step(self, count: int = 500) -> Progress:
        """Tell up to `count` notices, then forget them.

        Raises:
            Exception: whatever the listener raises; then the notices stay.
        """
        notices = await self._run(lambda: self._store.notices(count=count))
        if not notices:
            return Progress()
        self._pass(Point.BEFORE_NOTICE)
        await self._listener(notices)
        self._pass(Point.AFTER_NOTICE)
        told = [notice.notice for notice in notices]
        await self._run(lambda: self._store.acknowledge(told))
        return Progress(done=len(told))
