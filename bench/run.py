"""All benchmarks in a row: their tables on the screen, their figures in one file.

    python bench/run.py [codec] [calls] [simulator_rate] [http_libraries] [import_rows]

Names restrict the run; all of them take about five minutes. The file is bench/results/<time, UTC>.json: when, on what,
and by benchmark what its last line said. Nothing passes or fails, and only rows of one run should be compared.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHES = {
    "codec": ["codec.py"],
    "calls": ["calls.py"],
    "simulator_rate": ["simulator_rate.py"],
    "http_libraries": ["http_libraries.py", "cost"],
    "import_rows": ["import_rows.py"],
}


def run(command: list[str]) -> object:
    """Run one script and pass on what it prints, but for its last line, the figures: return those."""
    last = ""
    with subprocess.Popen(
        [sys.executable, "-u", str(HERE / command[0]), *command[1:]], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(last, end="", flush=True)
            last = line
    if process.returncode:
        raise SystemExit(f"{last}{' '.join(command)} ended with {process.returncode}")
    return json.loads(last)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("only", nargs="*", choices=[[], *BENCHES], metavar="NAME", help=", ".join(BENCHES))
    only: list[str] = parser.parse_args().only or [*BENCHES]
    started = dt.datetime.now(dt.UTC)
    figures: dict[str, object] = {}
    for name in only:
        print(f"\n== {name}", flush=True)
        figures[name] = run(BENCHES[name])
    machine = {"cores": os.cpu_count(), "system": platform.system(), "machine": platform.machine()}
    file = HERE / "results" / f"{started:%Y%m%dT%H%M%SZ}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        json.dumps({"started": started.isoformat(timespec="seconds"), **machine, "figures": figures}) + "\n"
    )
    print(f"\nwritten to {file.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
