"""Processes are killed in the middle of a batch, and every person on the list gets exactly one packet."""

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.fleet import NO_LIMITS, Fleet, wait_until
from tests.postgres_server import PostgresServer, binaries

from hongbao.simulator import Simulator

ROWS = int(os.environ.get("HONGBAO_KILL_ROWS", "2000"))
SEED = int(os.environ.get("HONGBAO_KILL_SEED", "1"))
LEASES_RUN_OUT_MS = 90_000
SENT_AGAIN_MS = 600_000
pytestmark = pytest.mark.timeout(60 + ROWS // 20)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(rules=dict(NO_LIMITS)) as running:
        yield running


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    if binaries() is None:
        if os.environ.get("CI"):
            pytest.fail("no binaries of PostgreSQL")
        pytest.skip("no binaries of PostgreSQL")
    with tempfile.TemporaryDirectory(prefix="hongbao-kill-") as folder:
        server = PostgresServer(Path(folder))
        yield server
        server.stop()


def moments(dice: random.Random, kills: int) -> list[float]:
    """Shares of the batch at which something is killed: one in each part of it."""
    return [(place + 0.2 + 0.6 * dice.random()) / (kills + 1) for place in range(kills)]


def reach(fleet: Fleet, share: float) -> None:
    """Wait until this share of the batch has been taken up by workers."""
    left = ROWS * (1 - share)
    wait_until(lambda: fleet.due_grants() <= left, f"{share:.0%} are under way")


def settle(fleet: Fleet) -> None:
    """Let everything in doubt come to its end: leases run out, numbers are queried and sent again."""
    wait_until(lambda: not fleet.due_grants(), "nothing is due")
    for ms in (LEASES_RUN_OUT_MS, *([SENT_AGAIN_MS] * 4)):
        if not fleet.open_grants():
            break
        fleet.let_pass(ms)
        wait_until(lambda: not fleet.work_now(), "everything was done that could be done now")
    fleet.stop_workers()


def test_a_worker_on_sqlite_is_killed_again_and_again(simulator: Simulator, tmp_path: Path) -> None:
    """Each time a new one goes on with the file that the dead one left."""
    dice = random.Random(SEED)
    fleet = Fleet(simulator, str(tmp_path / "hongbao.db"), rows=ROWS, seed=SEED)
    fleet.start_worker()
    for share in moments(dice, 3):
        reach(fleet, share)
        fleet.kill(fleet.workers[0])
        fleet.start_worker()
    settle(fleet)
    assert fleet.findings() == []
    fleet.close()


def test_workers_on_postgres_are_killed_and_so_is_the_server(simulator: Simulator, postgres: PostgresServer) -> None:
    """Two workers share the batch; one of them or the server itself dies, and what is left goes on."""
    dice = random.Random(SEED)
    fleet = Fleet(simulator, postgres.url, rows=ROWS, seed=SEED)
    for _ in range(2):
        fleet.start_worker()
    for place, share in enumerate(moments(dice, 4)):
        reach(fleet, share)
        if place % 2:
            postgres.kill()
            postgres.start()
        else:
            fleet.kill(dice.choice(fleet.workers))
            fleet.start_worker()
    settle(fleet)
    assert fleet.findings() == []
    fleet.close()
