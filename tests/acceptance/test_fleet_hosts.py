"""A fleet on PostgreSQL: hosts die and stand still, their lanes go on elsewhere, and no limit is passed meanwhile."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from tests.acceptance.fleet import NO_LIMITS, Fleet, wait_until
from tests.postgres_server import PostgresServer, binaries

from hongbao.simulator import Simulator

PROVE = "HONGBAO_PROVE" in os.environ
"""At full length, and with the pace judged too: that needs a machine with nothing else to do."""
MERCHANTS = 100 if PROVE else 6
CALM_SECONDS = 20 if PROVE else 8
STILL_SECONDS = 20 if PROVE else 8
ROWS = 260
MINUTE_MAX = 120
BACK_MS = 10_000
"""Lanes of a dead host send again within this."""
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """It judges by itself: whatever comes too fast is refused, and noted."""
    with Simulator(rules={**NO_LIMITS, "rate_minute_max": MINUTE_MAX}) as running:
        yield running


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    if binaries() is None:
        if os.environ.get("CI"):
            pytest.fail("no binaries of PostgreSQL")
        pytest.skip("no binaries of PostgreSQL")
    with tempfile.TemporaryDirectory(prefix="hongbao-fleet-") as folder:
        server = PostgresServer(Path(folder))
        yield server
        server.stop()


def share_of_cap(times: Sequence[int], troubles_ms: Sequence[int], start_ms: int, end_ms: int) -> float:
    """How much of its cap a merchant reached outside the ten seconds after each trouble."""
    clear = [(start_ms, end_ms)]
    for at_ms in troubles_ms:
        clear = [
            part
            for begin, end in clear
            for part in ((begin, min(end, at_ms)), (max(begin, at_ms + BACK_MS), end))
            if part[0] < part[1]
        ]
    sent = sum(1 for time_ms in times if any(begin <= time_ms < end for begin, end in clear))
    return sent / (sum(end - begin for begin, end in clear) * MINUTE_MAX / 60_000)


def test_lanes_of_lost_hosts_go_on_elsewhere(simulator: Simulator, postgres: PostgresServer) -> None:
    """Of three hosts one is killed, and one stands still for longer than its lanes are kept, and comes back."""
    fleet = Fleet(
        simulator, postgres.url, rows=ROWS, merchants=MERCHANTS, minute_max=MINUTE_MAX, second_max=30, fleet=True
    )
    for _ in range(3):
        fleet.start_worker()
    wait_until(lambda: all(fleet.paid_fen(payer.mch_id) for payer in fleet.payers), "every lane sends", 60)
    pause = Event()
    pause.wait(CALM_SECONDS)
    start_ms = time.time_ns() // 1_000_000
    pause.wait(CALM_SECONDS)
    troubles_ms = [time.time_ns() // 1_000_000]
    fleet.kill(fleet.workers[0])
    pause.wait(CALM_SECONDS)
    troubles_ms.append(time.time_ns() // 1_000_000)
    fleet.workers[0].stand_still()
    pause.wait(STILL_SECONDS)
    troubles_ms.append(time.time_ns() // 1_000_000)
    fleet.workers[0].go_on()
    pause.wait(CALM_SECONDS)
    end_ms = time.time_ns() // 1_000_000
    sent_before = fleet.sent()
    wait_until(lambda: fleet.sent() > sent_before, "lanes send at the end", 30)
    fleet.stop_workers()
    requests = list(simulator.control.every_request())
    assert {request.err_code for request in requests if request.path.endswith("sendredpack")} == {"SUCCESS"}
    shares: list[float] = []
    gaps: list[int] = []
    for payer in fleet.payers:
        packets = list(fleet.packets(payer.mch_id))
        assert len({packet.openid for packet in packets}) == len(packets), "somebody was paid twice"
        times = sorted(packet.sent_ms for packet in packets)
        shares.append(share_of_cap(times, troubles_ms, start_ms, end_ms))
        gaps.append(max(later - earlier for earlier, later in pairwise(times)))
    print("shares of the cap:", [round(share, 3) for share in sorted(shares)], "longest gaps:", sorted(gaps)[-5:])
    if PROVE:
        assert max(gaps) < BACK_MS, gaps
        assert min(shares) >= 0.98, shares
    assert fleet.simulator.control.audit() == []
    fleet.close()
