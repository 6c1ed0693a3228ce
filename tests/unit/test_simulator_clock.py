"""The simulator's clock: runs, hurries, stands, jumps, never goes back."""

import pytest

from hongbao.errors import BadInput
from hongbao.simulator.clock import SPEED_MAX, TIME_MS_MAX, SimulatorClock


class Hand:
    """A source whose time the test sets."""

    def __init__(self) -> None:
        self.time_ms = 1_000_000

    def now_ms(self) -> int:
        return self.time_ms


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_it_follows_its_source(hand: Hand) -> None:
    clock = SimulatorClock(hand)
    hand.time_ms += 5
    assert clock.now_ms() == 1_000_005


def test_it_starts_where_it_is_told(hand: Hand) -> None:
    clock = SimulatorClock(hand, start_ms=50)
    hand.time_ms += 5
    assert clock.now_ms() == 55


def test_stopped_it_stands_and_goes_on_from_there(hand: Hand) -> None:
    clock = SimulatorClock(hand)
    clock.stop()
    hand.time_ms += 5
    assert (clock.now_ms(), clock.speed) == (1_000_000, 0)
    clock.run()
    hand.time_ms += 7
    assert (clock.now_ms(), clock.speed) == (1_000_007, 1)


def test_it_can_hurry(hand: Hand) -> None:
    clock = SimulatorClock(hand)
    clock.run(60)
    hand.time_ms += 10
    assert clock.now_ms() == 1_000_600
    clock.run(1)
    hand.time_ms += 10
    assert clock.now_ms() == 1_000_610


@pytest.mark.parametrize("running", [False, True])
def test_a_jump_keeps_it_running_or_stopped(hand: Hand, running: bool) -> None:
    clock = SimulatorClock(hand, running=running)
    clock.jump_by(100)
    hand.time_ms += 1
    assert clock.now_ms() == 1_000_100 + running
    clock.jump_to(2_000_000)
    assert clock.now_ms() == 2_000_000


def test_it_never_goes_back(hand: Hand) -> None:
    clock = SimulatorClock(hand)
    with pytest.raises(BadInput, match="lies 1 ms back"):
        clock.jump_to(999_999)
    with pytest.raises(BadInput, match="goes back"):
        clock.jump_by(-1)
    assert clock.now_ms() == 1_000_000


def test_it_waits_when_its_source_steps_back(hand: Hand) -> None:
    clock = SimulatorClock(hand)
    hand.time_ms += 10
    clock.now_ms()
    hand.time_ms -= 8
    assert clock.now_ms() == 1_000_010
    hand.time_ms += 9
    assert clock.now_ms() == 1_000_011


@pytest.mark.parametrize("speed", [0, -1, SPEED_MAX + 1])
def test_a_speed_out_of_range_is_refused(hand: Hand, speed: int) -> None:
    with pytest.raises(BadInput, match="speed"):
        SimulatorClock(hand).run(speed)


def test_seconds_taken_for_milliseconds_are_noticed(hand: Hand) -> None:
    with pytest.raises(BadInput, match="beyond the year 2200"):
        SimulatorClock(hand).jump_to(TIME_MS_MAX + 1)


def test_a_restored_clock_goes_on_and_has_not_lost_the_time_between(hand: Hand) -> None:
    clock = SimulatorClock(hand)
    clock.jump_by(1000)
    state = clock.state
    hand.time_ms += 30
    later = SimulatorClock(hand)
    later.restore(state)
    assert later.now_ms() == 1_001_030
