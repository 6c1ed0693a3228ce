"""The only doors to time and chance. Whatever needs either is handed a Clock or Dice."""

import random
import secrets
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

BEIJING = timezone(timedelta(hours=8), "CST")
"""WeChat's days, quiet hours and timestamps are Beijing time.

UTC+8 all year: China has had no summer time since 1991. So no time zone database is needed, which slim containers and
Windows do not have.
"""

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> int:
        """Return the current time in milliseconds since the Unix epoch, UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Return the machine's time in milliseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1_000_000


class Dice(Protocol):
    """Gives chance: unguessable in production, repeatable from a seed in a rehearsal."""

    def token(self, length: int) -> str:
        """Return `length` random characters out of 0-9a-z or a part of them."""
        ...

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to `limit` - 1, each equally likely."""
        ...


class SystemDice:
    """Unguessable chance from the operating system."""

    def token(self, length: int) -> str:
        """Return `length` random characters out of 0-9a-f: four bits each."""
        return secrets.token_hex((length + 1) // 2)[:length]

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to `limit` - 1."""
        return secrets.randbelow(limit)


class SeededDice:
    """Chance that repeats: the same seed gives the same throws in the same order."""

    def __init__(self, seed: int) -> None:
        """Start the sequence that belongs to `seed`."""
        self._random = random.Random(seed)  # noqa: S311  repeatable on purpose; never guards anything

    def token(self, length: int) -> str:
        """Return `length` characters out of 0-9a-z."""
        return "".join(self._random.choices(_LETTERS, k=length))

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to `limit` - 1."""
        return self._random.randrange(limit)


def beijing_time(time_ms: int) -> datetime:
    """Return the aware Beijing time of `time_ms` (milliseconds since the Unix epoch), to the second."""
    return datetime.fromtimestamp(time_ms // 1000, tz=UTC).astimezone(BEIJING)
