"""`hongbao demo`: every step, the books, and that it notices when something goes otherwise."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from hongbao.cli import demo
from hongbao.cli.main import main
from hongbao.simulator import ControlClient

PROGRAM = "import sys; from hongbao.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What one run of the demo says as JSON; as a program of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, "demo", "--json"], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    return json.loads(ran.stdout)


def test_each_packet_comes_to_its_end(told: dict[str, Any]) -> None:
    assert [(each["what"], each["amount_fen"], each["status"], each["fault"]) for each in told["packets"]] == [
        ("ordinary packet", 188, "RECEIVED", None),
        ("group packet", 900, "RECEIVED", None),
        ("mini-program packet", 520, "RECEIVED", None),
        ("enterprise packet", 1000, "RECEIVED", None),
        ("never opened", 666, "REFUND", None),
        ("no answer", 888, "RECEIVED", None),
        ("over a limit", 200, "RECEIVED", None),
    ]


def test_the_lost_answer_is_rescued_with_the_same_number(told: dict[str, Any]) -> None:
    unknown, same, opened = next(each["notes"] for each in told["packets"] if each["what"] == "no answer")
    assert (unknown, same.endswith("1 packet after 2 requests"), opened) == (
        "timed out: outcome unknown",
        True,
        "opened",
    )


def test_the_limit_is_explained(told: dict[str, Any]) -> None:
    notes = next(each["notes"] for each in told["packets"] if each["what"] == "over a limit")
    assert notes[0] == "SENDNUM_LIMIT: This person has had the day's number of packets from this merchant."


def test_the_books_close_to_the_fen(told: dict[str, Any]) -> None:
    paid = 188 + 900 + 520 + 1000 + 888 + 200
    assert told["books"] == {
        "funded_fen": 100_000_000,
        "free_fen": 100_000_000 - paid,
        "paid_fen": paid,
        "returned_fen": 666,
        "paid_fen_by_our_count": paid,
        "returned_fen_by_our_count": 666,
        "findings": [],
        "closed": True,
    }


@pytest.mark.parametrize(("lang", "says"), [("en", "✓ the books close to the fen"), ("zh", "✓ 账目一分不差")])
def test_it_speaks_to_people(capsys: pytest.CaptureFixture[str], lang: str, says: str) -> None:
    assert main(["demo", "--lang", lang]) == 0
    assert says in capsys.readouterr().out


def test_a_step_that_goes_otherwise_is_shown_and_fails_the_demo(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others go on, and the books still close: what was not sent is not paid."""

    def stay_unopened(_play: object, _act: object) -> None:
        return

    monkeypatch.setattr(demo.Play, "_open", stay_unopened)
    assert main(["demo", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    faults = {each["what"]: each["fault"] for each in told["packets"]}
    assert faults["ordinary packet"] == "REFUND, not RECEIVED: the status is wrong"
    assert faults["group packet"] is None


def test_books_that_do_not_close_fail_the_demo(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fen that our count has and the simulator's has not."""
    count = demo.Play.books

    def miscount(play: demo.Play, acts: list[demo.Act]) -> demo.Books:
        told = count(play, acts)
        return demo.Books(
            told.funded,
            told.free,
            told.paid,
            told.returned,
            told.paid_by_our_count + 1,
            told.returned_by_our_count,
            told.findings,
        )

    monkeypatch.setattr(demo.Play, "books", miscount)
    assert main(["demo", "--lang", "en"]) == 1
    assert "✗ the books do not close" in capsys.readouterr().out


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_keep_leaves_the_simulator_running(ending: signal.Signals) -> None:
    """Its doors answer until it is told to end, and it ends well."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "demo", "--keep", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        packets = ControlClient(told["addresses"]["control_url"]).packets()
        process.send_signal(ending)
        assert (len(packets), process.wait()) == (7, 0)
    finally:
        process.kill()
        process.communicate()
