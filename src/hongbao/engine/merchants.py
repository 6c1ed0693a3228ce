"""What an answer changes for its merchant: brake, pace, quiet hours. Pure; the store runs these on the row itself.

A merchant that a person stopped stays as it is. One that is held goes on when a probe was paid. The runbook for each
reason: docs/howto/brakes.md.
"""

from collections.abc import Mapping
from dataclasses import replace

from hongbao.clock import beijing_time
from hongbao.engine.ports import Brake, BrakeState, Caps, Merchant, Pace
from hongbao.merchant import UNLIMITED, Limit, LimitSet
from hongbao.payout.brakes import PROBE_MS
from hongbao.payout.outcome import About
from hongbao.payout.pacing import (
    BEIJING_OFFSET_MS,
    DAY_MS,
    GUARD_MS,
    QUIET_END_MS,
    interval_us,
    next_day_ms,
    open_from_ms,
    reserve,
)

FULL_PERMILLE = 1_000
SLOWEST_PERMILLE = 10
SLOWER_PERMILLE = 800
"""To what part of its pace a merchant falls when WeChat says "too fast"."""
EASE_MS = 10_000
"""How long without such an answer until the pace grows again by a hundredth, and for how long nothing is sent."""


def limits_of(merchant: Merchant) -> LimitSet:
    """Return the limits in force: the defaults, what was entered or observed, and the pace that WeChat bears now."""
    limits = replace(LimitSet(), **_plain(merchant.limits))
    permille = merchant.pace.permille
    if permille >= FULL_PERMILLE:
        return limits
    day = beijing_time(merchant.pace.eased_ms).date()
    return limits.observed(
        day,
        sends_minute_max=max(1, limits.sends_minute_max.value * permille // FULL_PERMILLE),
        sends_second_max=max(1, limits.sends_second_max.value * permille // FULL_PERMILLE),
    )


def _plain(limits: Mapping[str, Limit]) -> dict[str, Limit]:
    return dict(limits)


class LanePacing:
    """What a lease may give: the next slots within the horizon, and the caps of a day."""

    def __init__(self, horizon_ms: int = 1_000, second_max: int = UNLIMITED) -> None:
        """Plan so many milliseconds ahead: a stopped merchant's slots beyond it are never reserved.

        Args:
            horizon_ms: how far.
            second_max: slots a second at most, whatever the merchant's limits allow.
        """
        self._horizon_ms = horizon_ms
        self._second_max = second_max

    def within(self, second_max: int) -> "LanePacing":
        """Return the same with so many slots a second at most."""
        return LanePacing(self._horizon_ms, second_max)

    def slots(self, merchant: Merchant, now_ms: int, count: int) -> tuple[int, ...]:
        """Return when the next sends may go."""
        eased = _eased(merchant, now_ms)
        return tuple(self._reserved(eased, now_ms, count)[0])

    def after(self, merchant: Merchant, now_ms: int, count: int) -> Pace:
        """Return the pace once the first `count` slots are taken."""
        eased = _eased(merchant, now_ms)
        next_us = self._reserved(eased, now_ms, count)[1]
        return replace(eased.pace, second_us=next_us, minute_us=next_us)

    def caps(self, merchant: Merchant) -> Caps:
        """Return the caps of a day."""
        limits = limits_of(merchant)
        return Caps(
            person_packets=limits.person_packets_day_max.value,
            person_fen=limits.person_fen_day_max.value,
            merchant_fen=limits.merchant_fen_day_max.value,
            reentry_ms=limits.reentry_days_max.value * DAY_MS,
        )

    def next_probe_ms(self, merchant: Merchant, now_ms: int) -> int:
        """Return when the probe after the one that goes now may go."""
        del merchant
        return now_ms + PROBE_MS

    def _reserved(self, merchant: Merchant, now_ms: int, count: int) -> tuple[tuple[int, ...], int]:
        slots = reserve(
            next_us=max(merchant.pace.second_us, merchant.pace.minute_us),
            now_ms=now_ms,
            until_ms=now_ms + self._horizon_ms,
            count=count,
            every_us=max(interval_us(limits_of(merchant)), 1_000_000 // self._second_max),
            quiet=merchant.quiet_hours,
        )
        return tuple(slots.times_ms), slots.next_us


def _eased(merchant: Merchant, now_ms: int) -> Merchant:
    """Let the pace grow for every whole `EASE_MS` without a complaint: a hundredth, and half a hundredth of full."""
    pace = merchant.pace
    steps = (now_ms - pace.eased_ms) // EASE_MS
    if pace.permille >= FULL_PERMILLE or steps < 1:
        return merchant
    permille = pace.permille
    # Beyond so many steps even the slowest pace is whole again.
    for _ in range(min(steps, FULL_PERMILLE)):
        permille += permille // 100 + 1
        if permille >= FULL_PERMILLE:
            break
    eased = replace(pace, permille=min(permille, FULL_PERMILLE), eased_ms=pace.eased_ms + steps * EASE_MS)
    return replace(merchant, pace=eased)


def told(merchant: Merchant, now_ms: int, about: About, code: str, text: str) -> Merchant:
    """Return the merchant after an answer that is about it."""
    match about:
        case About.PACE:
            return _slower(merchant, now_ms)
        case About.QUIET:
            # Outside the hours the answer is an echo of the edge: the guard and a wait do.
            of_day_ms = (now_ms + BEIJING_OFFSET_MS) % DAY_MS
            quiet = of_day_ms < QUIET_END_MS + GUARD_MS or of_day_ms >= DAY_MS - GUARD_MS
            return replace(merchant, quiet_hours=merchant.quiet_hours or quiet)
        case About.MERCHANT_DAY:
            return held(merchant, now_ms, code, text, probe_ms=next_day_ms(now_ms) + 60_000)
        case _:
            return held(merchant, now_ms, code, text, probe_ms=now_ms + PROBE_MS)


def held(merchant: Merchant, now_ms: int, code: str, text: str, *, probe_ms: int) -> Merchant:
    """Return the merchant held until a probe is paid. What holds or stops it already stays."""
    if merchant.brake.state is not BrakeState.GO:
        return merchant
    probe_ms = open_from_ms(probe_ms, quiet=merchant.quiet_hours)
    brake = Brake(state=BrakeState.HELD, code=code, text=text, since_ms=now_ms, probe_ms=probe_ms)
    return replace(merchant, brake=brake)


def probed(merchant: Merchant, now_ms: int, since_ms: int) -> Merchant:
    """Return the merchant after a probe was paid that went out under the hold of `since_ms`."""
    if merchant.brake.state is not BrakeState.HELD or merchant.brake.since_ms != since_ms:
        return merchant
    return replace(merchant, brake=Brake(since_ms=now_ms))


def stopped(merchant: Merchant, now_ms: int, text: str) -> Merchant:
    """Return the merchant stopped by a person."""
    return replace(merchant, brake=Brake(state=BrakeState.STOPPED, text=text, since_ms=now_ms))


def let_go(merchant: Merchant, now_ms: int) -> Merchant:
    """Return the merchant after a person said "go": what was held is probed now, what was stopped goes."""
    if merchant.brake.state is BrakeState.HELD:
        return replace(merchant, brake=replace(merchant.brake, probe_ms=now_ms))
    return replace(merchant, brake=Brake(since_ms=now_ms))


def _slower(merchant: Merchant, now_ms: int) -> Merchant:
    pace = _eased(merchant, now_ms).pace
    # The requests that were on their way together are told together: once is enough.
    if pace.permille < FULL_PERMILLE and now_ms - pace.eased_ms < EASE_MS // 2:
        return merchant
    pause_us = (now_ms + EASE_MS // 2) * 1000
    return replace(
        merchant,
        pace=Pace(
            second_us=max(pace.second_us, pause_us),
            minute_us=max(pace.minute_us, pause_us),
            permille=max(SLOWEST_PERMILLE, pace.permille * SLOWER_PERMILLE // FULL_PERMILLE),
            eased_ms=now_ms,
        ),
    )
