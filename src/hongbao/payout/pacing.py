"""When the next packet may go: the merchant's pace, the quiet hours, the days of the caps.

The pace is an even row of slots without bursts: then no window of any length holds more than its share. WeChat judges
arrivals, and a request travels a little longer or shorter than the one before, so the slots lie a little wider than
the limit. Limits and their evidence: docs/reference/limits.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hongbao.merchant import LimitSet

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BEIJING_OFFSET_MS = 8 * HOUR_MS
"""Beijing time is UTC+8 all year."""

QUIET_END_MS = 8 * HOUR_MS
"""The quiet hours are 00:00 to 08:00."""

GUARD_MS = 5_000
"""How long before and after the quiet hours nothing is sent: clocks differ, requests travel."""

_MINUTE_US = 60_000_000
_SECOND_US = 1_000_000
_MINUTE_SLACK_PER_MILLE = 5
"""300 ms of a minute: so much later or earlier than its slot may a request arrive."""
_SECOND_SLACK_PER_MILLE = 35
"""35 ms of a second. The price is 3.5 % of the speed, and it is paid only where the limit per second binds."""
_CATCHING_UP_SLACK_PER_MILLE = 15
"""15 ms of a second while a lane makes up for being late, which it seldom does."""


def interval_us(limits: LimitSet) -> int:
    """Return the time from one slot to the next, in microseconds."""
    minute = _spread(_MINUTE_US, limits.sends_minute_max.value, _MINUTE_SLACK_PER_MILLE)
    second = _spread(_SECOND_US, limits.sends_second_max.value, _SECOND_SLACK_PER_MILLE)
    return max(minute, second, 1)


def closest_ms(limits: LimitSet) -> int:
    """Return how close behind another a request may leave, in milliseconds, when it makes up for being late.

    A minute bears a late request, by its slack; a second bears little, and the requests' different ways need it.
    Limits so high that they lie beyond what a clock of milliseconds shows are not kept here: the slots see to them.
    """
    second_us = _spread(_SECOND_US, limits.sends_second_max.value, _CATCHING_UP_SLACK_PER_MILLE)
    return -(-second_us // 1000) if second_us >= 1000 else 0


def _spread(window_us: int, most: int, slack_per_mille: int) -> int:
    return -(-window_us * (1000 + slack_per_mille) // (max(most, 1) * 1000))


def beijing_day(time_ms: int) -> int:
    """Return the Beijing date of a time as a number that sorts and reads well: 20250101."""
    days = (time_ms + BEIJING_OFFSET_MS) // DAY_MS
    # Civil date from a day count, in whole numbers: a hundred thousand slots a second must not cost datetimes.
    shifted = days + 719_468
    era, day_of_era = divmod(shifted, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    year = year_of_era + 400 * era + (month <= 2)
    return year * 10_000 + month * 100 + day


def next_day_ms(time_ms: int) -> int:
    """Return when the next Beijing day begins."""
    return ((time_ms + BEIJING_OFFSET_MS) // DAY_MS + 1) * DAY_MS - BEIJING_OFFSET_MS


def open_from_ms(time_ms: int, *, quiet: bool) -> int:
    """Return the first moment from `time_ms` on in which a packet may be sent.

    Args:
        time_ms: milliseconds since the Unix epoch.
        quiet: whether the merchant keeps the quiet hours.
    """
    if not quiet:
        return time_ms
    of_day_ms = (time_ms + BEIJING_OFFSET_MS) % DAY_MS
    if of_day_ms < QUIET_END_MS + GUARD_MS:
        return time_ms - of_day_ms + QUIET_END_MS + GUARD_MS
    if of_day_ms >= DAY_MS - GUARD_MS:
        return time_ms - of_day_ms + DAY_MS + QUIET_END_MS + GUARD_MS
    return time_ms


@dataclass(frozen=True, slots=True)
class Slots:
    """Reserved moments.

    Attributes:
        times_ms: when to send, in order.
        next_us: where the next reservation begins, in microseconds since the Unix epoch.
    """

    times_ms: Sequence[int]
    next_us: int


def reserve(*, next_us: int, now_ms: int, until_ms: int, count: int, every_us: int, quiet: bool) -> Slots:
    """Take up to `count` slots that lie before `until_ms`.

    Slots that passed unused are gone: making up for them would be a burst.

    Args:
        next_us: where the merchant's last reservation ended, in microseconds since the Unix epoch.
        now_ms: the database's time.
        until_ms: slots from here on are left for later reservations.
        count: how many at most.
        every_us: the distance between slots, from `interval_us`.
        quiet: whether the merchant keeps the quiet hours.
    """
    at_us = max(next_us, now_ms * 1000)
    times: list[int] = []
    while len(times) < count:
        time_ms = -(-at_us // 1000)
        opens_ms = open_from_ms(time_ms, quiet=quiet)
        if opens_ms != time_ms:
            time_ms = opens_ms
            at_us = opens_ms * 1000
        if time_ms >= until_ms:
            break
        times.append(time_ms)
        at_us += every_us
    # What was not taken is not reserved: after a night without slots the row still begins where it ended.
    return Slots(times, at_us if times else next_us)
