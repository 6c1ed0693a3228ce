"""Worlds in the test run: many seeds, every kind of fault and every point of death really hit, and planted bugs found.

As many as you like: ``make simulate RUNS=500``; one of them again: ``make simulate SEED=7``.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from tests.simulation.plants import PLANTS, Plant
from tests.simulation.worlds import Tally, play

from hongbao.engine.points import Point
from hongbao.simulator.faults import KINDS

RUNS = int(os.environ.get("HONGBAO_WORLDS", "60"))
"""How many worlds a test run plays; the nightly run sets more."""
BITES_WITHIN = 60


@pytest.mark.timeout(600)
def test_every_world_ends_well_and_everything_was_tried() -> None:
    """No person paid twice, none forgotten, books equal to the fen, no rule broken: in every world."""
    total = Tally()
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for seed, wrong, tally in pool.map(play, range(RUNS), chunksize=4):
            assert not wrong, f"world {seed}: {wrong}\nplay it again: make simulate SEED={seed}"
            total.add(tally)
    hit = {name.removesuffix(" after effect") for name, count in total.faults.items() if count}
    assert set(KINDS) - hit == set()
    assert set(Point) - {point for point, count in total.points.items() if count} == set()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Plant) -> None:
    """The worlds would notice: each bug, planted by itself, makes one of them fail."""
    for seed in range(BITES_WITHIN):
        with plant():
            if play(seed)[1]:
                return
    pytest.fail(f"{plant.__name__} survived {BITES_WITHIN} worlds")
