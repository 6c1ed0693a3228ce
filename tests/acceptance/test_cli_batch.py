"""`hongbao batch` on SQLite against the simulator, with a worker in a process of its own."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.conftest import CommandLine

pytestmark = pytest.mark.timeout(60)
PROGRAM = "import sys; from hongbao.cli.main import main; sys.exit(main())"
PEOPLE = [f"o{number:027d}" for number in range(100, 112)]


@contextmanager
def worker(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A worker that runs until the end of the block, and then stops in good order."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "worker", "--json"],
        cwd=folder,
        env={**os.environ, "HONGBAO_LANG": "en"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        print(err, file=sys.stderr)  # shown when the test fails
        assert process.returncode == 0, err
        for person in PEOPLE:
            assert person not in out + err


@pytest.fixture
def desk(command_line: CommandLine) -> CommandLine:
    """A merchant with 100 yuan and a list of twelve people."""
    (command_line.folder / "list.txt").write_text("\r\n".join(PEOPLE), encoding="utf-8")
    (command_line.folder / "t.toml").write_text('[amount]\nfixed_yuan = "1.88"\n', encoding="utf-8")
    assert command_line("merchant", "add", "--no-quiet-hours", "--json").code == 0
    assert command_line("merchant", "fund", "--yuan", "100", "--key", "first", "--json").code == 0
    return command_line


def submitted(desk: CommandLine, file: str = "list.txt", *options: str) -> str:
    ran = desk("batch", "submit", file, "--template", "t.toml", "--account", "shop", "--json", *options)
    assert ran.code == 0, ran.out
    return ran.json["batch"]["batch"]


def paid(desk: CommandLine) -> Counter[tuple[str, int]]:
    """What WeChat has, by person and amount."""
    packets = desk.control.packets(mch_id=desk.merchant.mch_id)
    return Counter((packet.openid, packet.fen) for packet in packets if packet.status == "SENT")


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_everybody_on_the_list_gets_one_packet_and_the_books_close(desk: CommandLine) -> None:
    checked = desk("batch", "check", "list.txt", "--template", "t.toml", "--account", "shop", "--json").json["checked"]
    assert (checked["rows"], checked["amount_fen"], checked["forecast"]["short_fen"]) == (12, 2256, 0)
    key = submitted(desk)
    assert paid(desk) == Counter()
    assert desk("batch", "start", key, "--json").json["batch"]["left"] == 12
    with worker(desk.folder):
        lines = desk("batch", "watch", key, "--json").out.splitlines()
    assert json.loads(lines[-1])["progress"]["sent"] == 12
    assert paid(desk) == Counter({(person, 188): 1 for person in PEOPLE})
    assert desk("ledger", "verify", "--json").json["books"] == {
        "closed": True,
        "merchants": 1,
        "campaigns": 1,
        "findings": [],
    }
    assert desk("merchant", "show", "--json").json["merchant"]["paid_fen"] == 2256
    desk("batch", "export", key, "--out", "all.csv")
    rows = table(desk.folder, "all.csv")
    assert [(row["openid"], row["amount_yuan"], row["line"]) for row in rows] == [
        (person, "1.88", str(line)) for line, person in enumerate(PEOPLE, start=1)
    ]
    shown = desk("packet", "show", rows[0]["order_number"], "--json").json["packet"]
    assert [step["what"] for step in shown["steps"]] == ["reserve", "send", "settle"]
    assert (shown["state"], shown["campaign"], shown["line"]) == ("sent", key, 1)


def test_the_same_rows_are_the_same_batch_whatever_the_file_is_called(desk: CommandLine) -> None:
    key = submitted(desk)
    (desk.folder / "copy.csv").write_text("name,openid\n" + "".join(f"x,{person}\n" for person in PEOPLE[::-1]))
    assert submitted(desk, "copy.csv") == key
    assert len(desk("batch", "list", "--json").json["batches"]) == 1


def test_the_same_rows_under_another_template_need_to_be_meant(desk: CommandLine) -> None:
    key = submitted(desk)
    (desk.folder / "t.toml").write_text('name = "next month"\n[amount]\nfixed_yuan = "1.88"\n')
    refused = desk("batch", "submit", "list.txt", "--template", "t.toml", "--account", "shop", "--json")
    assert (refused.code, refused.json["error"]["field"]) == (2, "file")
    assert submitted(desk, "list.txt", "--again") != key


def test_a_file_with_a_fault_is_not_submitted_at_all(desk: CommandLine) -> None:
    (desk.folder / "list.txt").write_text(f"{PEOPLE[0]}\n{PEOPLE[1]}\n{PEOPLE[0]}\n")
    ran = desk("batch", "submit", "list.txt", "--template", "t.toml", "--account", "shop", "--json")
    assert (ran.code, [fault["line"] for fault in ran.json["error"]["faults"]]) == (2, [3])
    assert desk("batch", "list", "--json").json["batches"] == []


def test_a_batch_that_the_merchant_cannot_pay_does_not_start(desk: CommandLine) -> None:
    desk("merchant", "fund", "--yuan", "90", "--key", "second", "--take", "--json")
    key = submitted(desk)
    assert desk("batch", "start", key, "--json").json["error"]["field"] == "fen"
    assert desk("merchant", "show", "--json").json["merchant"]["free_fen"] == 1000


def test_what_failed_is_given_back_mended_and_continued(desk: CommandLine) -> None:
    """The person whose openid belonged to another account is paid under the right one; nobody else is paid again."""
    wrong, right = PEOPLE[3], "o" + "9" * 27
    desk.control.add_person(wrong, appid=desk.merchant.mini_appid)
    lines = ["name,openid,note", *(f"N{number},{person},keep" for number, person in enumerate(PEOPLE))]
    (desk.folder / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    key = submitted(desk, "list.csv")
    desk("batch", "start", key, "--json")
    with worker(desk.folder):
        desk("batch", "watch", key, "--json")
        desk("batch", "errors", key, "--out", "errors.csv")
        (failed,) = table(desk.folder, "errors.csv")
        assert (failed["name"], failed["openid"], failed["note"], failed["code"]) == (
            "N3", wrong, "keep", "OPENID_ERROR",
        )  # fmt: skip
        assert failed["remedy"]
        text = (desk.folder / "errors.csv").read_text(encoding="utf-8-sig").replace(wrong, right)
        (desk.folder / "errors.csv").write_text(text + f"N0,{PEOPLE[0]},keep,1.88,,,,,,\n", encoding="utf-8")
        more = submitted(desk, "errors.csv", "--continues", key)
        desk("batch", "start", more, "--json")
        last = json.loads(desk("batch", "watch", more, "--json").out.splitlines()[-1])
    assert last["progress"]["sent"] == 1
    everybody = {person for person in PEOPLE if person != wrong} | {right}
    assert paid(desk) == Counter({(person, 188): 1 for person in everybody})


def test_a_cancelled_rest_gives_its_money_back(desk: CommandLine) -> None:
    key = submitted(desk)
    desk("batch", "start", key, "--json")
    assert desk("merchant", "show", "--json").json["merchant"]["free_fen"] == 10_000 - 2256
    told = desk("batch", "cancel-rest", key, "--json").json["batch"]
    assert (told["state"], told["cancelled"], told["left"]) == ("ended", 12, 0)
    assert desk("merchant", "show", "--json").json["merchant"]["free_fen"] == 10_000
    assert desk("batch", "start", key, "--json").json["batch"]["state"] == "ended"
    assert desk("ledger", "verify", "--json").code == 0


def test_nothing_of_a_paused_batch_goes_out_until_it_is_resumed(desk: CommandLine) -> None:
    key = submitted(desk)
    desk("batch", "start", key, "--json")
    assert desk("batch", "pause", key, "--json").json["batch"]["state"] == "paused"
    (desk.folder / "second.txt").write_text("o" + "8" * 27)
    second = submitted(desk, "second.txt")
    desk("batch", "start", second, "--json")
    with worker(desk.folder):
        # The second batch shows that the worker was there; it had as much time for the first.
        desk("batch", "watch", second, "--json")
        assert paid(desk) == Counter({("o" + "8" * 27, 188): 1})
        desk("batch", "resume", key, "--json")
        desk("batch", "watch", key, "--json")
    assert sum(paid(desk).values()) == 13


def test_a_top_up_that_is_entered_twice_counts_once(desk: CommandLine) -> None:
    assert desk("merchant", "fund", "--yuan", "100", "--key", "first", "--json").json["merchant"]["free_fen"] == 10_000


def test_a_merchant_is_stopped_and_let_go(desk: CommandLine) -> None:
    stopped = desk("merchant", "stop", "--reason", "audit", "--json").json["merchant"]
    assert (stopped["brake"], stopped["reason"]) == ("stopped", "audit")
    assert desk("merchant", "go", "--json").json["merchant"]["brake"] == "go"


def test_entered_limits_are_in_force_with_their_day(desk: CommandLine) -> None:
    told = desk("merchant", "limits", "sends_minute_max=600", "--as-of", "2025-03-01", "--json").json["merchant"]
    assert told["limits"]["sends_minute_max"] == {"value": 600, "as_of": "2025-03-01", "source": "entered"}
    checked = desk("batch", "check", "list.txt", "--template", "t.toml", "--account", "shop", "--json").json["checked"]
    assert (checked["forecast"]["binding"], checked["forecast"]["sends_minute"]) == ("sends_minute_max", 597)


def test_a_database_without_its_key_is_not_opened(desk: CommandLine) -> None:
    """With a new key everybody would be somebody new."""
    (desk.folder / "hongbao.db.key").unlink()
    ran = desk("merchant", "show", "--json")
    assert (ran.code, ran.json["error"]["field"]) == (2, "database.person_key_file")


def test_a_list_that_was_paid_lately_is_a_warning(desk: CommandLine) -> None:
    key = submitted(desk)
    desk("batch", "start", key, "--json")
    with worker(desk.folder):
        desk("batch", "watch", key, "--json")
    checked = desk("batch", "check", "list.txt", "--template", "t.toml", "--account", "shop", "--json").json["checked"]
    assert checked["paid_in_30_days"] == 12


def test_a_fleet_needs_postgresql(desk: CommandLine) -> None:
    ran = desk("worker", "--fleet", "--json")
    assert (ran.code, ran.json["error"]["field"]) == (2, "database.url")
