"""`hongbao explain`, and what the command line says without its extra."""

import json
import sys

import pytest

from hongbao.cli import voice
from hongbao.cli.main import main
from hongbao.wechat import CODES, Order, SameNumber, Status, Turn
from hongbao.wechat.endpoints import ENDPOINTS


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONGBAO_LANG", "en")


@pytest.mark.parametrize("code", sorted({row.code for row in CODES}))
def test_every_documented_code_is_explained(capsys: pytest.CaptureFixture[str], code: str) -> None:
    """With all that the table knows of it."""
    assert main(["explain", code, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "code": code,
        "known": True,
        "rows": [
            {
                "endpoints": list(row.endpoints),
                "texts": list(row.texts),
                "meaning": row.meaning,
                "cause": row.cause,
                "remedy": row.remedy,
                "remedy_zh": row.remedy_zh,
                "class": row.turn.value,
                "exit_code": int(voice.EXIT_OF[row.turn]),
                "same_number": row.same_number.value,
                "order_left": row.order.value,
            }
            for row in CODES
            if row.code == code
        ],
    }


def test_case_does_not_matter(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "notenough", "--endpoint", "sendredpack"]) == 0
    assert capsys.readouterr().out.startswith("NOTENOUGH\n")


def test_an_endpoint_chooses_the_row(capsys: pytest.CaptureFixture[str]) -> None:
    """SYSTEMERROR of a query says nothing of the packet; of a send it does."""
    main(["explain", "SYSTEMERROR", "--endpoint", "gethbinfo", "--json"])
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["meaning"] == "The query failed; it says nothing of the packet."


def test_people_read_it_in_english(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "SEND_FAILED"])
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:])
    assert lines["class"] == "the number is dead"
    assert lines["texts"] == "红包发放失败,请更换单号再重试"


def test_people_read_it_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "SEND_FAILED", "--lang", "zh"])
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:])
    assert lines["类别"] == "原单号已失效"
    assert lines["处理"] == "先查询原单号；确认为 FAILED 后，更换新单号重发。"


def test_an_unknown_code_is_an_unknown_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "BRAND_NEW"]) == 14
    assert "Never take a new number" in capsys.readouterr().out


def test_a_code_of_another_endpoint_is_unknown_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "NOT_FOUND", "--endpoint", "sendredpack", "--json"]) == 14
    told = json.loads(capsys.readouterr().out)
    assert (told["known"], told["documented_for"]) == (False, ["gethbinfo", "queryworkwxredpack"])


def test_an_unknown_endpoint_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "NOTENOUGH", "--endpoint", "nowhere"]) == 2
    assert ", ".join(ENDPOINTS) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "members"),
    [
        (voice.TURNS, Turn),
        (voice.REMEDIES, Turn),
        (voice.EXIT_OF, Turn),
        (voice.SAME_NUMBERS, SameNumber),
        (voice.ORDERS, Order),
        (voice.STATUSES, Status),
        (voice.EXITS, voice.Exit),
    ],
)
def test_there_are_words_for_every_member(words: dict[object, object], members: type) -> None:
    assert set(words) == set(members)


def test_each_class_has_an_exit_code_of_its_own() -> None:
    assert len(set(voice.EXIT_OF.values())) == len(Turn)


@pytest.mark.parametrize("missing", ["typer", "rich", "pydantic_settings"])
def test_without_the_extra_it_says_which_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["explain", "NOTENOUGH"]) == 1
    assert "pip install 'hongbao[cli]'" in capsys.readouterr().err


def test_the_demo_without_the_simulator_says_which_extra_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hongbao.simulator.simulator", None)
    assert main(["demo"]) == 1
    assert "pip install 'hongbao[simulator,cli]'" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "packet" in capsys.readouterr().out


def test_an_unknown_command_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packets"]) == 2
    assert "No such command 'packets'" in capsys.readouterr().err
