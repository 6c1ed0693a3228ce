"""Lanes over any number of hosts: DBOS deals out slices of ten to twenty seconds, one at a time for each merchant.

DBOS keeps its queue in a schema of the same PostgreSQL. It decides who works where, and nothing else: what is due
stands in the ledger, and the lease tokens protect every promise if two slices of one merchant ever run at once.

* A lane is started from the due index alone, by the sweeper. Whoever adds work starts nothing, so no wake-up can be
  lost.
* A slice that is half over, or leaves work behind, queues its successor.
* DBOS waits for ever for the slice of a dead host. The ledger knows better: a lane that nobody prolongs is free after
  a few seconds, and the sweeper then cancels the slice that pretends to run.

docs/explain/scale-out.md
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions, ScheduleInput, WorkflowStatus

from hongbao.clock import Clock
from hongbao.engine.lane import LANE_MS, SLICE_MS, Lane
from hongbao.engine.ports import Store, Work
from hongbao.engine.running import Run, in_thread, words_of
from hongbao.ids import MerchantId

APPLICATION = "hongbao"
VERSION = "lanes-1"
"""What a slice means and is given. Hosts take only slices of their own version: raised with every change of it."""
SCHEMA = "dbos"
QUEUE = "hongbao-lanes"
POLL_MS = 200
"""How often a host asks for slices. A lane plans a second ahead, so a handover within that costs no slot."""
SWEEP_MS = 2_000
LONGEST_REST_MS = 30_000
"""The longest that a merchant with due grants is left alone: somebody may switch the quiet hours off."""
KEEP_MS = 60_000
"""How long finished slices are kept; a tick of a schedule is known by its name for so long."""
_SLICE, _SWEEP = "lane_slice", "sweep"
_WAITING = ("ENQUEUED", "DELAYED")
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_DELETE_MAX = 1_000


class DbosLanes:
    """One host of a fleet. DBOS is a singleton: one in a process, and it must be the only one that uses it."""

    def __init__(
        self, store: Store, lane: Lane, *, url: str, host: str, clock: Clock, lanes_max: int = 200, run: Run = in_thread
    ) -> None:
        """Nothing is opened yet.

        Args:
            store: the ledger.
            lane: works on slices.
            url: the PostgreSQL of the ledger.
            host: a name that no other worker has or had.
            clock: the worker's.
            lanes_max: how many merchants this host works for at once.
            run: reaches the store.
        """
        self._store = store
        self._lane = lane
        self._url = url
        self._host = host
        self._clock = clock
        self._lanes_max = lanes_max
        self._run = run
        self._stopping = asyncio.Event()
        self._slices: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: DBOSClient | None = None

    async def run(self) -> None:
        """Take slices until `stop`; return when those of this host have ended."""
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._launch)
            await self._stopping.wait()
            while self._slices:
                await asyncio.wait(set(self._slices))
        finally:
            await asyncio.to_thread(self._destroy)

    def stop(self) -> None:
        """Let slices end soon."""
        self._stopping.set()
        self._lane.stop()

    # DBOS, in its own threads

    def _launch(self) -> None:
        serializer = DBOSPortableJSONSerializer()
        config: DBOSConfig = {
            "name": APPLICATION,
            "application_version": VERSION,
            "executor_id": self._host,
            "system_database_url": self._url,
            "dbos_system_schema": SCHEMA,
            "sys_db_pool_size": 5,
            # As in the store: a host that stands still must not hold rows against all others.
            "sys_db_idle_transaction_timeout_sec": 4.0,
            "serializer": serializer,
            "log_level": "ERROR",
        }
        DBOS(config=config)

        @DBOS.workflow(name=_SLICE)
        async def lane_slice(merchant: str, serial: int) -> None:
            if self._loop is not None:
                work = asyncio.run_coroutine_threadsafe(self._slice(MerchantId(merchant), serial), self._loop)
                await asyncio.wrap_future(work)

        @DBOS.workflow(name=_SWEEP)
        def sweep(_scheduled: object, wake: bool) -> None:
            self.sweep(wake=wake)

        DBOS.launch()
        self._client = DBOSClient(
            system_database_url=self._url,
            dbos_system_schema=SCHEMA,
            serializer=serializer,
            system_database_pool_size=3,
            sys_db_idle_transaction_timeout_sec=4.0,
            application_name=APPLICATION,
        )
        DBOS.register_queue(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=self._lanes_max,
            polling_interval_sec=POLL_MS / 1000,
        )
        every: ScheduleInput = {"workflow_fn": sweep, "cron_timezone": "Asia/Shanghai"}
        DBOS.apply_schedules(
            [
                {**every, "schedule_name": "sweeper", "schedule": f"*/{SWEEP_MS // 1000} * * * * *", "context": False},
                # The quiet hours end at eight, with a guard of five seconds: nobody sleeps longer.
                {**every, "schedule_name": "morning", "schedule": "5 0 8 * * *", "context": True},
            ]
        )

    def _destroy(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.destroy()
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=5)

    # Slices

    async def _slice(self, merchant: MerchantId, serial: int) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._slices.add(task)
            task.add_done_callback(self._slices.discard)
        # A slice that is so old has work: the next must be queued when it ends, for each look costs a part of a slot.
        heir = asyncio.create_task(self._succeed_at(merchant, serial, self._clock.now_ms() + SLICE_MS // 2))
        try:
            again_ms = await self._lane.slice(merchant)
        except Exception as error:
            self._lane.alarm(f"the lane of {merchant} broke off: {words_of(error)}")
            raise
        finally:
            heir.cancel()
        if again_ms is not None and not self._stopping.is_set():
            wait_ms = min(max(again_ms - self._clock.now_ms(), 0), LONGEST_REST_MS)
            await asyncio.to_thread(self._succeed, merchant, serial, wait_ms)

    async def _succeed_at(self, merchant: MerchantId, serial: int, at_ms: int) -> None:
        await asyncio.sleep(max(at_ms - self._clock.now_ms(), 0) / 1000)
        if not self._stopping.is_set():
            await asyncio.to_thread(self._succeed, merchant, serial, 0)

    def _succeed(self, merchant: MerchantId, serial: int, wait_ms: int) -> None:
        """Queue the next slice, unless one waits already."""
        if not self._list(list(_WAITING), merchant):
            self._enqueue(merchant, serial + 1, wait_ms)

    def _enqueue(self, merchant: MerchantId, serial: int, wait_ms: int = 0) -> None:
        if self._client is not None:
            options: EnqueueOptions = {
                "workflow_name": _SLICE,
                "queue_name": QUEUE,
                "workflow_id": f"lane:{merchant}:{serial}",
                "queue_partition_key": merchant,
                "app_version": VERSION,
            }
            if wait_ms:
                options["delay_seconds"] = wait_ms / 1000
            self._client.enqueue(options, merchant, serial)

    def _list(self, status: list[str], merchant: MerchantId | None = None) -> list[WorkflowStatus]:
        if self._client is None:
            return []
        return self._client.list_workflows(
            queue_name=QUEUE,
            status=status,
            workflow_id_prefix="lane:" if merchant is None else f"lane:{merchant}:",
            load_input=False,
            load_output=False,
        )

    # The sweeper

    def sweep(self, *, wake: bool = False) -> None:
        """Start a lane for each merchant that has work and none, free those of dead hosts, clear away what is over.

        Args:
            wake: end the rest of all lanes that have something to send.
        """
        # First the slices, then the lanes: a slice that runs has held its lane before it was listed as running long.
        slices: defaultdict[str, list[WorkflowStatus]] = defaultdict(list)
        for each in self._list(["PENDING", *_WAITING]):
            slices[each.queue_partition_key or ""].append(each)
        works = {work.merchant: work for work in self._store.work(within_ms=SWEEP_MS)}
        now_ms = self._store.now_ms()
        for merchant in works.keys() | slices.keys():
            self._tend(MerchantId(merchant), works.get(MerchantId(merchant)), slices[merchant], now_ms, wake=wake)
        self._clear(now_ms)

    def _tend(
        self, merchant: MerchantId, work: Work | None, slices: list[WorkflowStatus], now_ms: int, *, wake: bool
    ) -> None:
        if self._client is None:
            return
        waiting = [each for each in slices if each.status in _WAITING]
        running = [each for each in slices if each.status == "PENDING"]
        dead = [each for each in running if self._is_dead(each, work, now_ms)]
        if dead:
            self._client.cancel_workflows([each.workflow_id for each in dead])
        if work is None:
            return
        if not waiting and len(running) == len(dead):
            self._enqueue(merchant, now_ms)
        elif wake or work.look_ms is not None:
            for each in waiting:
                if each.status == "DELAYED":
                    self._client.set_workflow_delay(each.workflow_id, delay_seconds=0)

    @staticmethod
    def _is_dead(each: WorkflowStatus, work: Work | None, now_ms: int) -> bool:
        """Whether a slice that is said to run has nobody who works on it."""
        age_ms = now_ms - (each.dequeued_at or each.updated_at or now_ms)
        # Without work nothing is known of the lane, and nothing is urgent.
        return age_ms > 2 * SLICE_MS + KEEP_MS if work is None else age_ms > LANE_MS and not work.held

    def _clear(self, now_ms: int) -> None:
        if self._client is None:
            return
        before = datetime.fromtimestamp((now_ms - KEEP_MS) / 1000, tz=UTC).isoformat()
        over = self._client.list_workflows(
            name=[_SLICE, _SWEEP],
            status=_FINISHED,
            completed_before=before,
            limit=_DELETE_MAX,
            load_input=False,
            load_output=False,
        )
        if over:
            # Another host's sweep may have been quicker.
            with suppress(LookupError):
                self._client.delete_workflows([each.workflow_id for each in over])
