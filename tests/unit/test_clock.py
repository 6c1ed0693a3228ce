"""Time: Beijing is eight hours ahead of UTC, on every machine."""

import datetime as dt
import subprocess
import sys

from hongbao.clock import BEIJING, beijing_time


def test_beijing_is_eight_hours_ahead_in_winter_and_in_summer() -> None:
    assert beijing_time(1_735_704_000_999) == dt.datetime(2025, 1, 1, 12, 0, 0, tzinfo=BEIJING)
    assert beijing_time(1_751_342_400_000).isoformat() == "2025-07-01T12:00:00+08:00"


def test_beijing_time_needs_no_time_zone_database() -> None:
    """Slim containers and Windows have none, and the bare install brings none."""
    program = (
        "import sys, zoneinfo; zoneinfo.reset_tzpath(to=()); sys.modules['tzdata'] = None; "
        "from hongbao.clock import beijing_time; print(beijing_time(0))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("1970-01-01 08:00:00+08:00\n", "")
