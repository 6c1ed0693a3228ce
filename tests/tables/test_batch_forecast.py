"""When a batch will be done, as a table that people can check with a calculator.

Beijing time. A pace of 60 a minute means a packet every 1.005 s; quiet hours are 00:00:00 to 08:00:05 and from
23:59:55 on.
"""

from datetime import datetime

import pytest

from hongbao.batch.forecast import Binding, Forecast, Load, forecast
from hongbao.clock import BEIJING, beijing_time
from hongbao.merchant import DEFAULTS_DATE, LimitSet

TABLE = """
| rows  | fen each | of one | limits         | quiet | start            | end              | days | by       |
| 1     | 100      | 1      |                | yes   | 2025-01-01 12:00 | 2025-01-01 12:00 | 1    | second   |
| 1800  | 100      | 1      |                | yes   | 2025-01-01 12:00 | 2025-01-01 12:01 | 1    | second   |
| 3601  | 100      | 1      | minute=60      | yes   | 2025-01-01 12:00 | 2025-01-01 13:00 | 1    | minute   |
| 10    | 100      | 1      | minute=60      | yes   | 2025-01-01 03:00 | 2025-01-01 08:00 | 1    | minute   |
| 10    | 100      | 1      | minute=60      | no    | 2025-01-01 03:00 | 2025-01-01 03:00 | 1    | minute   |
| 7200  | 100      | 1      | minute=60      | yes   | 2025-01-01 23:00 | 2025-01-02 09:00 | 2    | minute   |
| 7200  | 100      | 1      | minute=60      | no    | 2025-01-01 23:00 | 2025-01-02 01:00 | 2    | minute   |
| 300   | 10000    | 1      | money=1000000  | yes   | 2025-01-01 12:00 | 2025-01-03 08:00 | 3    | money    |
| 300   | 100      | 1      | packets=200    | yes   | 2025-01-01 12:00 | 2025-01-02 08:00 | 2    | packets  |
| 25    | 100      | 25     |                | yes   | 2025-01-01 12:00 | 2025-01-03 08:00 | 3    | person   |
"""
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.strip().splitlines()[1:]]


LIMITS = {
    "minute": Binding.MINUTE,
    "second": Binding.SECOND,
    "money": Binding.MERCHANT_FEN,
    "packets": Binding.MERCHANT_PACKETS,
    "person": Binding.PERSON_PACKETS,
}


def foresee(load: Load, limits: LimitSet, start: str, *, quiet: bool) -> Forecast:
    now = datetime.strptime(start, "%Y-%m-%d %H:%M").replace(tzinfo=BEIJING)
    return forecast(load, limits, now_ms=round(now.timestamp()) * 1000, quiet=quiet)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row[:4]))
def test_the_table(row: list[str]) -> None:
    rows, fen, of_one, entered, quiet, start, end, days, by = row
    limits = LimitSet().entered(
        DEFAULTS_DATE,
        **{LIMITS[name].value: int(value) for name, value in (each.split("=") for each in entered.split())},
    )
    load = Load(rows=int(rows), fen=int(rows) * int(fen), person_rows_max=int(of_one))
    seen = foresee(load, limits, start, quiet=quiet == "yes")
    assert seen.ends_ms is not None
    assert (f"{beijing_time(seen.ends_ms):%Y-%m-%d %H:%M}", seen.days, seen.binding) == (end, int(days), LIMITS[by])


def test_what_was_sent_today_counts() -> None:
    """199 of 200 are gone: one goes today, the other tomorrow."""
    limits = LimitSet().entered(DEFAULTS_DATE, merchant_packets_day_max=200)
    seen = foresee(Load(rows=2, fen=200, sent_rows=199), limits, "2025-01-01 12:00", quiet=True)
    assert (seen.days, seen.binding) == (2, Binding.MERCHANT_PACKETS)


def test_what_is_lacking_is_what_the_merchant_does_not_have() -> None:
    seen = foresee(Load(rows=2, fen=500, free_fen=120), LimitSet(), "2025-01-01 12:00", quiet=True)
    assert (seen.needed_fen, seen.short_fen) == (500, 380)


def test_a_batch_that_no_day_can_hold_has_no_end() -> None:
    limits = LimitSet().entered(DEFAULTS_DATE, merchant_fen_day_max=99)
    assert foresee(Load(rows=1, fen=100), limits, "2025-01-01 12:00", quiet=True).ends_ms is None
