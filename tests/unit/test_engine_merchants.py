"""What answers change for a merchant: brake, pace, quiet hours."""

from dataclasses import replace
from datetime import date

import pytest

from hongbao.engine.merchants import LanePacing, held, let_go, limits_of, probed, stopped, told
from hongbao.engine.ports import Brake, BrakeState, Caps, Merchant
from hongbao.ids import MerchantId
from hongbao.merchant import Limit
from hongbao.payout.outcome import About

NOON_MS = 1_735_704_000_000  # 2025-01-01 12:00 Beijing time
MINUTE_MS = 60_000
PLAIN = Merchant(merchant=MerchantId("1900000001"))
HELD = held(PLAIN, NOON_MS, "NOTENOUGH", "余额不足", probe_ms=NOON_MS + 600_000)


def test_an_empty_balance_holds_the_merchant_and_is_probed_after_ten_minutes() -> None:
    """Reason and time are kept for people; the next probe has its time."""
    after = told(PLAIN, NOON_MS, About.BALANCE, "NOTENOUGH", "余额不足")
    assert after.brake == Brake(
        state=BrakeState.HELD, code="NOTENOUGH", text="余额不足", since_ms=NOON_MS, probe_ms=NOON_MS + 600_000
    )


def test_a_second_answer_does_not_begin_the_hold_anew() -> None:
    """What was under way when the first no came brings the same no."""
    assert told(HELD, NOON_MS + 1, About.BALANCE, "NOTENOUGH", "余额不足") == HELD


def test_an_answer_does_not_let_go_what_a_person_stopped() -> None:
    """A stop by hand is neither replaced by a hold nor lifted by a probe."""
    by_hand = stopped(PLAIN, NOON_MS, "审核中")
    assert told(by_hand, NOON_MS + 1, About.BALANCE, "NOTENOUGH", "") == by_hand
    assert probed(by_hand, NOON_MS + 1, 0) == by_hand


def test_a_full_day_is_probed_on_the_next_one_after_the_quiet_hours() -> None:
    """Nothing more today; tomorrow at 08:00:05."""
    after = told(PLAIN, NOON_MS, About.MERCHANT_DAY, "SENDAMOUNT_LIMIT", "")
    assert after.brake.probe_ms == NOON_MS + 20 * 3_600_000 + 5_000


def test_a_probe_that_was_paid_lets_go_only_its_own_hold() -> None:
    """A probe of an earlier hold says nothing about this one."""
    assert probed(HELD, NOON_MS + 9, HELD.brake.since_ms).brake == Brake(since_ms=NOON_MS + 9)
    assert probed(HELD, NOON_MS + 9, HELD.brake.since_ms - 1) == HELD


def test_go_probes_what_was_held_and_frees_what_was_stopped() -> None:
    """A held merchant is not simply let loose: the cause may still be there."""
    assert let_go(HELD, NOON_MS + 5).brake == replace(HELD.brake, probe_ms=NOON_MS + 5)
    assert let_go(stopped(PLAIN, NOON_MS, ""), NOON_MS + 5).brake == Brake(since_ms=NOON_MS + 5)


def test_too_fast_lowers_the_pace_once_and_says_so() -> None:
    """Twenty answers of the same second are one complaint; the lower limit is dated and marked as observed."""
    after = PLAIN
    for later_ms in range(20):
        after = told(after, NOON_MS + later_ms, About.PACE, "FREQ_LIMIT", "")
    assert limits_of(after).sends_minute_max == Limit(1_440, date(2025, 1, 1), "observed")
    assert LanePacing().slots(after, NOON_MS + 4_000, 9) == ()


def test_the_pace_comes_back_by_itself() -> None:
    """Without further complaints the full pace is used again within half an hour."""
    slow = told(PLAIN, NOON_MS, About.PACE, "FREQ_LIMIT", "")
    pace = LanePacing().after(slow, NOON_MS + 30 * MINUTE_MS, 1)
    assert pace.permille == 1_000


@pytest.mark.parametrize(("hour", "learned"), [(2, True), (12, False)])
def test_quiet_hours_are_learned_from_an_answer_at_night(hour: int, learned: bool) -> None:
    """TIME_LIMITED at night means that WeChat keeps the hours, whatever was entered."""
    now_ms = NOON_MS + (hour - 12) * 3_600_000
    after = told(replace(PLAIN, quiet_hours=False), now_ms, About.QUIET, "TIME_LIMITED", "")
    assert after.quiet_hours is learned


def test_asking_for_fewer_slots_gives_a_prefix_and_leaves_the_rest() -> None:
    """What a lease does not use goes to the next one."""
    pacing = LanePacing()
    slots = pacing.slots(PLAIN, NOON_MS, 20)
    assert pacing.slots(PLAIN, NOON_MS, 5) == slots[:5]
    used = replace(PLAIN, pace=pacing.after(PLAIN, NOON_MS, 5))
    assert pacing.slots(used, NOON_MS, 15) == slots[5:]


def test_the_caps_are_the_merchants_own() -> None:
    """Entered limits replace the defaults, the others stay."""
    entered = replace(PLAIN, limits={"person_packets_day_max": Limit(3, date(2025, 1, 1), "entered")})
    assert LanePacing().caps(entered) == Caps(
        person_packets=3, person_fen=100_000, merchant_fen=100_000_000, reentry_ms=3 * 86_400_000
    )
