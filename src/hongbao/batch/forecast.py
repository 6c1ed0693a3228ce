"""When a batch will be done, which limit decides that, and what it takes. Pure arithmetic over payout.pacing.

It reckons as the lanes do: an even row of slots, quiet hours with their guards, the caps of a Beijing day. Refusals and
other batches of the merchant are not foreseen.
"""

from dataclasses import dataclass
from enum import StrEnum

from hongbao.merchant import LimitSet
from hongbao.payout.pacing import BEIJING_OFFSET_MS, DAY_MS, GUARD_MS, interval_us, next_day_ms, open_from_ms

_DAYS_MAX = 3_660


class Binding(StrEnum):
    """The limit that decides when a batch is done."""

    MINUTE = "sends_minute_max"
    SECOND = "sends_second_max"
    MERCHANT_PACKETS = "merchant_packets_day_max"
    MERCHANT_FEN = "merchant_fen_day_max"
    PERSON_PACKETS = "person_packets_day_max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is to be sent.

    Attributes:
        rows, fen: how many packets, worth how much.
        person_rows_max: the most packets of one person.
        sent_rows, sent_fen: what the merchant has sent today.
        free_fen: what the merchant can still give out.
    """

    rows: int
    fen: int
    person_rows_max: int = 1
    sent_rows: int = 0
    sent_fen: int = 0
    free_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What will happen.

    Attributes:
        begins_ms, ends_ms: when the first and the last packet leave; `ends_ms` None: not within ten years.
        sends_minute: packets a minute while they go.
        binding: the limit that decides when it is done.
        days: on how many Beijing days packets leave.
        needed_fen: what the batch takes.
        short_fen: how much of it the merchant does not have.
    """

    begins_ms: int
    ends_ms: int | None
    sends_minute: int
    binding: Binding
    days: int
    needed_fen: int
    short_fen: int


def forecast(load: Load, limits: LimitSet, *, now_ms: int, quiet: bool) -> Forecast:
    """Say how sending will go if it starts at `now_ms`.

    Args:
        load: what is to be sent; at least one row.
        limits: in force for the merchant.
        now_ms: milliseconds since the Unix epoch.
        quiet: whether the merchant keeps the quiet hours.
    """
    every_us = interval_us(limits)
    average_fen = -(-load.fen // load.rows)
    begins_ms: int | None = None
    ends_ms: int | None = None
    left, at_ms, days = load.rows, now_ms, 0
    sent_rows, sent_fen = load.sent_rows, load.sent_fen
    capped: Binding | None = None
    for _ in range(_DAYS_MAX):
        at_ms = open_from_ms(at_ms, quiet=quiet)
        day_ends_ms = next_day_ms(at_ms)
        slots = (_last_ms(at_ms, quiet=quiet) - at_ms) * 1000 // every_us + 1
        packets = max(limits.merchant_packets_day_max.value - sent_rows, 0)
        by_money = max(limits.merchant_fen_day_max.value - sent_fen, 0) // average_fen
        sends = min(left, slots, packets, by_money)
        if sends:
            days += 1
            begins_ms = at_ms if begins_ms is None else begins_ms
            ends_ms = at_ms + (sends - 1) * every_us // 1000
            left -= sends
        if not left:
            break
        if sends == by_money < slots:
            capped = Binding.MERCHANT_FEN
        elif sends == packets < slots:
            capped = Binding.MERCHANT_PACKETS
        sent_rows = sent_fen = 0
        at_ms = day_ends_ms
    if left:
        ends_ms = None
    binding = capped or _pace(limits)
    # One person's packets are spread over as many days as their cap makes of them.
    person_days = -(-load.person_rows_max // max(limits.person_packets_day_max.value, 1))
    if ends_ms is not None and person_days > days:
        first_ms = now_ms if begins_ms is None else begins_ms
        day_ms = (first_ms + BEIJING_OFFSET_MS) // DAY_MS * DAY_MS - BEIJING_OFFSET_MS
        days, binding = person_days, Binding.PERSON_PACKETS
        ends_ms = open_from_ms(day_ms + (person_days - 1) * DAY_MS, quiet=quiet)
    return Forecast(
        begins_ms=now_ms if begins_ms is None else begins_ms,
        ends_ms=ends_ms,
        sends_minute=60_000_000 // every_us,
        binding=binding,
        days=days,
        needed_fen=load.fen,
        short_fen=max(load.fen - load.free_fen, 0),
    )


def _last_ms(time_ms: int, *, quiet: bool) -> int:
    """Return the last moment of a Beijing day in which a packet may leave."""
    return next_day_ms(time_ms) - 1 - (GUARD_MS if quiet else 0)


def _pace(limits: LimitSet) -> Binding:
    slowest = limits.observed(limits.sends_second_max.as_of, sends_second_max=10**9)
    return Binding.MINUTE if interval_us(slowest) == interval_us(limits) else Binding.SECOND
