"""Play worlds: ``python -m tests.simulation --seed 7`` or ``--runs 500 [--first 0]``."""

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.worlds import SimulatedWorld, Tally, play

FAILED_MAX = 5


def main() -> int:
    """Play, print what really happened, and the command that plays a failed world again."""
    parser = argparse.ArgumentParser(prog="make simulate", description="one seed, one world")
    parser.add_argument("--seed", type=int, help="play this one, and show where it fails")
    parser.add_argument("--runs", type=int, default=100, help="play so many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    total, failed = Tally(), 0
    if given.seed is not None:
        world = SimulatedWorld(given.seed)
        world.play()
        total = world.tally
    else:
        for seed, wrong, tally in played(given.first, given.runs):
            total.add(tally)
            if wrong:
                failed += 1
                print(f"world {seed}: {wrong}\nplay it again: make simulate SEED={seed}")
            if failed >= FAILED_MAX:
                break
    for title, counts in (("faults", total.faults), ("deaths", total.points), ("grants", total.states)):
        print(title)
        for name, count in sorted(counts.items()):
            print(f"  {name:32} {count}")
    return 1 if failed else 0


def played(first: int, runs: int) -> Iterator[tuple[int, str, Tally]]:
    """Play many worlds on all cores."""
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(play, range(first, first + runs), chunksize=4)


if __name__ == "__main__":
    sys.exit(main())
