"""Every bad row is found, with line, column and remedy; what is good comes out as it will be kept."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hongbao.batch.check import Checked, Fault, check
from hongbao.batch.file import recognise
from hongbao.batch.template import Fixed, Spread, Template
from hongbao.engine.ports import BatchRow
from hongbao.errors import BadInput
from hongbao.ids import AppId, MerchantId
from hongbao.merchant import LimitSet

WORDS = {"send_name": "示例商户", "wishing": "恭喜发财", "act_name": "活动", "remark": "备注"}
A, B, C = "o" + "a" * 27, "o" + "b" * 27, "o" + "c" * 27


def template(**changes: Any) -> Template:
    return Template(**{"name": "spring", "words": WORDS, "client_ip": "192.0.2.1", "amount": Fixed(188), **changes})


class Reader:
    """Checks texts as files, and lets go of all of them in the end."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._path = folder / "list.csv"
        self._stack = stack

    def __call__(self, text: str, told: Template | None = None, **given: Any) -> tuple[Checked, list[Fault]]:
        self._path.write_text(text, encoding="utf-8")
        faults: list[Fault] = []
        result = check(
            recognise(self._path),
            told or template(),
            merchant=given.pop("merchant", MerchantId("1900000001")),
            appid=given.pop("appid", AppId("wx0000000000000001")),
            limits=LimitSet(),
            on_fault=faults.append,
            **given,
        )
        return self._stack.enter_context(result), faults


@pytest.fixture
def checked(tmp_path: Path) -> Iterator[Reader]:
    with ExitStack() as stack:
        yield Reader(tmp_path, stack)


def places(faults: list[Fault]) -> list[tuple[int, str]]:
    return [(fault.line, fault.column) for fault in faults]


def kept(result: Checked) -> list[BatchRow]:
    return [row for chunk in result.batch_rows() for row in chunk]


def test_a_good_file_comes_out_as_it_will_be_kept(checked: Reader) -> None:
    result, _ = checked(f"name,openid,yuan,reference,wording\nLi,{A},2.5,order-9,新年好\nWu,{B},,,\n")
    assert (result.bad, result.rows, result.fen, result.fen_max) == (0, 2, 438, 250)
    assert [tuple(row) for row in kept(result)] == [
        (2, A, "order-9", 250, "新年好", '["Li"]'),
        (3, B, "1", 188, "", '["Wu"]'),
    ]


def test_every_bad_row_is_named_by_line_and_column_as_the_file_writes_it(checked: Reader) -> None:
    text = "\n".join(
        [
            "openid,元,编号,祝福语",
            f"{A},1.888,,",
            f"{B},300,,",
            f",{'1'},,",
            f"{'o' * 40},1,,",
            "o中,1,,",
            f"{C},1,,{'福' * 50}",
            f"{C[:-1]}d,1,17,",
        ]
    )
    _, faults = checked(text)
    assert places(faults) == [
        (2, "元"), (3, "元"), (4, "openid"), (5, "openid"), (6, "openid"), (7, "祝福语"), (8, "编号"),
    ]  # fmt: skip
    assert all(fault.fault and fault.remedy for fault in faults)


def test_no_fault_shows_a_whole_openid(checked: Reader) -> None:
    _, faults = checked(f"{A}\n{A}\n")
    assert A not in repr(faults)


def test_an_amount_must_come_from_somewhere(checked: Reader) -> None:
    _, faults = checked(f"openid,fen\n{A},100\n{B},\n", template(amount=None))
    assert places(faults) == [(3, "fen")]


def test_the_same_person_twice_is_a_fault(checked: Reader) -> None:
    """The second row is named, and says where the first stands."""
    _, faults = checked(f"{A}\n{B}\n{A}\n")
    assert places(faults) == [(3, "openid")]
    assert "line 1" in faults[0].fault


def test_rows_with_references_of_their_own_are_different_promises(checked: Reader) -> None:
    result, faults = checked(f"openid,reference\n{A},one\n{A},two\n")
    assert faults == []
    assert ([row.occasion for row in kept(result)], result.person_rows_max) == (["one", "two"], 2)


def test_the_same_reference_twice_is_a_fault_even_where_repeats_are_allowed(checked: Reader) -> None:
    _, faults = checked(f"openid,reference\n{A},one\n{A},one\n{A},\n{A},\n", allow_repeat=True)
    assert places(faults) == [(3, "reference")]


def test_allowed_repeats_are_counted(checked: Reader) -> None:
    result, _ = checked(f"{A}\n{B}\n{A}\n{A}\n", allow_repeat=True)
    assert [row.occasion for row in kept(result)] == ["1", "1", "2", "3"]
    assert result.person_rows_max == 3


def test_openids_of_another_shape_are_counted_and_not_refused(checked: Reader) -> None:
    result, _ = checked(f"{A}\n13800000000\n")
    assert (result.bad, result.odd, result.odd_lines) == (0, 1, [2])


def test_the_same_rows_have_the_same_content_in_any_order_and_form(checked: Reader) -> None:
    contents = {
        checked(text)[0].content for text in (f"{A}\n{B}\n", f"{B}\r\n\r\n{A}\r\n", f"name,openid\nLi,{A}\nWu,{B}\n")
    }
    assert len(contents) == 1


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (f"{A}\n{C}\n", {}),
        (f"{A}\n{B}\n", {"merchant": MerchantId("1900000002")}),
        (f"{A}\n{B}\n", {"appid": AppId("wx0000000000000002")}),
        (f"{A}\n{B}\n", {"continues": "before"}),
        (f"openid,fen\n{A},100\n{B},\n", {}),
        (f"openid,reference\n{A},one\n{B},\n", {}),
    ],
    ids=["person", "merchant", "account", "continuation", "amount", "reference"],
)
def test_other_rows_have_another_content(checked: Reader, text: str, given: dict[str, Any]) -> None:
    assert checked(text, **given)[0].content != checked(f"{A}\n{B}\n")[0].content


def test_shares_by_chance_sum_to_the_budget_and_come_out_the_same_again(checked: Reader) -> None:
    text = "".join(f"o{number:027d}\n" for number in range(300))
    told = template(amount=Spread(100, 500, 60_000))
    amounts = [[row.fen for row in kept(checked(text, told)[0])] for _ in range(2)]
    assert amounts[0] == amounts[1]
    assert sum(amounts[0]) == 60_000
    assert 100 <= min(amounts[0]) < 150 < 400 < max(amounts[0]) <= 500


def test_a_budget_that_cannot_be_shared_is_refused(checked: Reader) -> None:
    with pytest.raises(BadInput, match="cannot be shared"):
        checked(f"{A}\n{B}\n", template(amount=Spread(100, 200, 401)))


def test_a_template_whose_words_are_too_long_is_refused_before_any_row(checked: Reader) -> None:
    with pytest.raises(BadInput, match="wishing"):
        checked(f"{A}\n", template(words={**WORDS, "wishing": "福" * 50}))


def test_a_file_without_rows_is_refused(checked: Reader) -> None:
    with pytest.raises(BadInput, match="no rows"):
        checked("openid,fen\n")
