"""Chance that depends on the seed and on what it is for, not on what was thrown before.

So the same seed splits the same order the same way whatever else happens, before and after a restart.
"""

import hashlib

from hongbao.clock import Dice, SeededDice


def dice_for(seed: int, *purpose: str | int) -> Dice:
    """Return the dice that belong to one purpose."""
    return SeededDice(_number(seed, purpose))


def chance(seed: int, share: float, *purpose: str | int) -> bool:
    """Say yes for `share` (0 to 1) of all purposes."""
    return _number(seed, purpose) < share * 2**64


def split(fen: int, people: int, dice: Dice) -> list[int]:
    """Split `fen` among `people` by chance: at least 1 fen each, exactly `fen` together.

    Each share is drawn up to twice the mean of what is left, so that early and late takers fare alike on average.
    """
    shares: list[int] = []
    for left in range(people, 1, -1):
        most = min(2 * fen // left - 1, fen - (left - 1))
        share = 1 + dice.below(max(most, 1))
        shares.append(share)
        fen -= share
    return [*shares, fen]


def _number(seed: int, purpose: tuple[str | int, ...]) -> int:
    text = "\n".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
