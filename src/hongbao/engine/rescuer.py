"""Takes back leases whose worker died. It never pays: what may have been sent is queried."""

from hongbao.engine.points import Pass, Point, nothing
from hongbao.engine.ports import Result, Store
from hongbao.engine.running import Progress, Run, in_thread
from hongbao.ledger.grant import Event

_SETTLE_MS = 5_000


class Rescuer:
    """Finds leases that ran out without an answer."""

    def __init__(self, store: Store, *, run: Run = in_thread, pass_by: Pass = nothing) -> None:
        """Work on all merchants of `store`."""
        self._store = store
        self._run = run
        self._pass = pass_by

    async def step(self, count: int = 500) -> Progress:
        """Put up to `count` lost grants in doubt, and their queries a few seconds ahead."""
        lost = await self._run(lambda: self._store.expired(count=count))
        if not lost:
            return Progress()
        self._pass(Point.BEFORE_RESCUE)
        look_ms = await self._run(self._store.now_ms) + _SETTLE_MS
        results = [
            Result(
                grant=each.grant.grant,
                number=each.grant.number,
                events=(Event.LEASE_LOST,),
                token=each.token,
                serial=each.serial,
                look_ms=look_ms,
                hold_reason="its worker vanished",
            )
            for each in lost
        ]
        await self._run(lambda: self._store.record(results))
        self._pass(Point.AFTER_RESCUE)
        return Progress(done=len(lost))
