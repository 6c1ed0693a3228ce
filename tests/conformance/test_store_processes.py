"""Real processes on one database: killed at any moment, or working side by side."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import IO, cast

import pytest
from sqlalchemy import text
from tests.conformance.worlds import APPID, CAMPAIGN, MERCHANT, PERSON_KEY, World

from hongbao.clock import SystemClock
from hongbao.engine.ports import Merchant
from hongbao.ids import AppId, CampaignId, GrantId, MerchantId
from hongbao.ledger.grant import PAID
from hongbao.merchant import Limit
from hongbao.store.opening import open_postgres, open_sqlite
from hongbao.store.store import SqlStore

ROOT = Path(__file__).parents[2]
M = MerchantId(MERCHANT)


@dataclass
class Working:
    """A process that works, and what it said."""

    process: "subprocess.Popen[str]"
    said: list[list[str]]

    def read(self, lines: int) -> None:
        """Read so many lines of what it says."""
        output = cast("IO[str]", self.process.stdout)
        for _ in range(lines):
            line = output.readline()
            assert line, "the process ended by itself"
            self.said.append(line.split())

    def kill(self) -> None:
        """Kill it without a warning, and read what it had said by then; a half line was never said."""
        self.process.send_signal(signal.SIGKILL)
        rest = cast("IO[str]", self.process.stdout).read()
        self.process.wait()
        whole = rest.splitlines(keepends=True)
        self.said += [line.split() for line in whole if line.endswith("\n")]
        cast("IO[str]", self.process.stdout).close()

    def numbers(self, word: str) -> list[int]:
        return [int(line[1]) for line in self.said if line[0] == word]


Start = Callable[[str, str], Working]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts working processes; none outlives its test."""
    started: list[Working] = []

    def begin(database: str, name: str) -> Working:
        started.append(_start(database, name))
        return started[-1]

    yield begin
    for working in started:
        if working.process.poll() is None:
            working.kill()


def _start(database: str, name: str) -> Working:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    script = str(Path(__file__).with_name("working_process.py"))
    process = subprocess.Popen(
        [sys.executable, script, database, name],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    return Working(process, [])


@pytest.fixture(params=["file", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that several processes can reach."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return str(tmp_path / "hongbao.db")


def opened(database: str) -> Callable[..., SqlStore]:
    if database.startswith("postgresql:"):
        return lambda **_options: open_postgres(database, person_key=PERSON_KEY)
    return lambda **_options: open_sqlite(database, clock=SystemClock(), person_key=PERSON_KEY)


def fast(merchant: Merchant, _now_ms: int) -> Merchant:
    """Two hundred a second, at night too, and no cap of a day."""
    today = date(2025, 1, 1)
    limits = {
        "sends_second_max": Limit(200, today, "entered"),
        "sends_minute_max": Limit(12_000, today, "entered"),
        "person_packets_day_max": Limit(1_000_000, today, "entered"),
    }
    return replace(merchant, limits=limits, quiet_hours=False)


@pytest.fixture
def world(database: str) -> World:
    """A store over that database with a merchant who sends two hundred a second."""
    made = World(opened(database), grouped=False)
    made.set_up(M, AppId(APPID), CampaignId(CAMPAIGN), 1_000_000)
    made.store.amend_merchant(M, fast)
    return made


def test_what_a_killed_process_was_told_is_there(database: str, world: World, start: Start) -> None:
    """Killed four times at four moments: no promise is missing, no grant is paid twice, the books close."""
    granted: list[int] = []
    sent: list[int] = []
    for turn, lines in enumerate((1, 40, 77, 130)):
        working = start(database, f"w{turn}")
        working.read(lines)
        working.kill()
        granted += working.numbers("granted")
        sent += working.numbers("sent")
    assert len(granted) == len(set(granted))
    assert len(sent) == len(set(sent))
    assert all(world.store.grant(GrantId(grant)) is not None for grant in granted)
    assert {world.at(GrantId(grant)).state for grant in sent} <= PAID
    assert world.findings() == []
    if not database.startswith("postgresql:"):
        with world.store.database.reading() as session:
            assert session.core.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    world.close()


def test_two_processes_share_one_pace(database: str, world: World, start: Start) -> None:
    """Neither gets what the other has, and in no second are there more slots than the limit."""
    both = [start(database, f"p{i}") for i in range(2)]
    for working in both:
        working.read(600)
    for working in both:
        working.kill()
    leased = [int(line[1]) for working in both for line in working.said if line[0] == "leased"]
    assert Counter(leased).most_common(1)[0][1] == 1
    slots = sorted(int(line[2]) for working in both for line in working.said if line[0] == "leased")
    in_a_second = [sum(start <= slot < start + 1_000 for slot in slots[i : i + 400]) for i, start in enumerate(slots)]
    assert max(in_a_second) <= 200
    assert all(working.numbers("leased") for working in both)
    assert world.findings() == []
    world.close()
