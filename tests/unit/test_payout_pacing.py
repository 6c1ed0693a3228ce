"""Slots are even, keep the quiet hours, and never make up for lost time."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongbao.clock import BEIJING
from hongbao.merchant import UNLIMITED, LimitSet
from hongbao.payout.pacing import beijing_day, interval_us, next_day_ms, open_from_ms, reserve

NOON = datetime(2025, 1, 1, 12, tzinfo=BEIJING)


def ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def limits(**values: int) -> LimitSet:
    return LimitSet().entered(date(2025, 1, 1), **values)


@pytest.mark.parametrize(
    ("minute", "second", "most_per_minute"),
    [(1800, UNLIMITED, 1792), (1800, 30, 1740), (120, 30, 120), (1, 30, 1), (60_000, UNLIMITED, 59_702)],
)
def test_a_minute_of_slots_stays_below_the_limit(minute: int, second: int, most_per_minute: int) -> None:
    """So many slots lie in the fullest minute; the rest is what requests may be early or late."""
    every_us = interval_us(limits(sends_minute_max=minute, sends_second_max=second))
    assert -(-60_000_000 // every_us) == most_per_minute


def test_slots_lie_evenly_and_go_on_where_the_last_reservation_ended() -> None:
    """Two reservations make the same row as one."""
    start = ms(NOON)
    given = {"now_ms": start, "until_ms": start + 10_000, "every_us": 33_500, "quiet": True}
    whole = reserve(next_us=0, count=20, **given)
    first = reserve(next_us=0, count=8, **given)
    second = reserve(next_us=first.next_us, count=12, **given)
    assert [*first.times_ms, *second.times_ms] == list(whole.times_ms)
    assert second.next_us == whole.next_us


def test_lost_slots_are_not_made_up_for() -> None:
    """After a pause the row begins now, at its own distance."""
    start = ms(NOON)
    slots = reserve(
        next_us=(start - 60_000) * 1000, now_ms=start, until_ms=start + 1_000, count=99, every_us=250_000, quiet=True
    )
    assert list(slots.times_ms) == [start, start + 250, start + 500, start + 750]


def test_no_slot_lies_in_the_quiet_hours() -> None:
    """The row breaks off five seconds before midnight; beyond the horizon nothing is taken."""
    before = ms(NOON.replace(hour=23, minute=59, second=54))
    slots = reserve(next_us=0, now_ms=before, until_ms=before + 60_000, count=9, every_us=500_000, quiet=True)
    assert list(slots.times_ms) == [before, before + 500]
    assert slots.next_us == ms(NOON.replace(day=2, hour=8, minute=0, second=5)) * 1000


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("12:00:00", "12:00:00"),
        ("23:59:54", "23:59:54"),
        ("23:59:55", "+08:00:05"),
        ("00:00:00", "08:00:05"),
        ("07:59:59", "08:00:05"),
        ("08:00:04", "08:00:05"),
        ("08:00:05", "08:00:05"),
    ],
)
def test_the_quiet_hours_have_guards(at: str, opens: str) -> None:
    """Nothing goes from five seconds before midnight to five seconds after eight; "+" is the next day."""
    when = datetime.combine(NOON.date(), time.fromisoformat(at), BEIJING)
    then_day = NOON.date() + timedelta(days=opens.startswith("+"))
    then = datetime.combine(then_day, time.fromisoformat(opens.lstrip("+")), BEIJING)
    assert open_from_ms(ms(when), quiet=True) == ms(then)
    assert open_from_ms(ms(when), quiet=False) == ms(when)


@given(st.integers(min_value=0, max_value=7_258_118_400_000))
def test_the_day_is_the_calendars(time_ms: int) -> None:
    """The whole-number date agrees with the calendar, and the next day begins one day later at midnight."""
    moment = datetime.fromtimestamp(time_ms // 1000, BEIJING)
    assert beijing_day(time_ms) == int(f"{moment:%Y%m%d}")
    following = datetime.fromtimestamp(next_day_ms(time_ms) // 1000, BEIJING)
    assert (following.hour, following.minute, following.second) == (0, 0, 0)
    assert following.date() - moment.date() == timedelta(days=1)
