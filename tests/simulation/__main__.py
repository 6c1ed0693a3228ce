"""Play worlds: ``python -m tests.simulation --seed 7`` or ``--runs 500 [--from 0]``."""

import argparse
import sys
import traceback

from tests.simulation.worlds import SimulatedWorld, Tally


def main() -> int:
    parser = argparse.ArgumentParser(description="one seed, one world")
    parser.add_argument("--seed", type=int, help="play this one")
    parser.add_argument("--runs", type=int, default=100, help="play so many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.runs)
    tally, failed = Tally(), 0
    for seed in seeds:
        world = SimulatedWorld(seed)
        try:
            world.play()
        except BaseException:
            failed += 1
            print(f"world {seed} failed; play it again: make simulate SEED={seed}")
            traceback.print_exc()
            if failed >= 5:
                break
        tally.add(world.tally)
    for title, counts in (("faults", tally.faults), ("deaths at", tally.points), ("grants", tally.states)):
        print(title)
        for name, count in sorted(counts.items()):
            print(f"  {name:32} {count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
