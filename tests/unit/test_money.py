"""Fen is exact, and yuan text is read exactly or not at all."""

from typing import Any

import pytest

from hongbao.errors import BadInput
from hongbao.money import fen_from_yuan, yuan_text


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("0", 0),
        ("0.0", 0),
        ("0.01", 1),
        ("0.1", 10),
        ("1", 100),
        ("1.5", 150),
        ("1.05", 105),
        ("88.88", 8888),
        ("9999999999999.99", 999999999999999),
    ],
)
def test_yuan_text_is_read_exactly(text: str, fen: int) -> None:
    assert fen_from_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1 ",
        " 1",
        "1\n",
        "+1",
        "-1",
        "1,000",
        "1.",
        ".5",
        "1.005",
        "1.000",
        "1e2",
        "0x1",
        "01",
        "00",
        "1_0",
        "１",
        "一",
        "NaN",
        "inf",
        "¥1",
        "1元",
        "1.1.1",
        "10000000000000",
        "1٫5",
        "٣",
    ],
)
def test_anything_else_is_refused_not_rounded(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        fen_from_yuan(text)
    assert caught.value.field == "yuan"
    assert repr(text) in caught.value.fault


@pytest.mark.parametrize("amount", [1.5, 1, None, b"1"], ids=repr)
def test_an_amount_that_is_no_text_is_refused(amount: Any) -> None:
    with pytest.raises(BadInput) as caught:
        fen_from_yuan(amount)
    assert (caught.value.field, "not text" in caught.value.fault) == ("yuan", True)


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "0.00"), (1, "0.01"), (99, "0.99"), (100, "1.00"), (12345, "123.45"), (-1, "-0.01")]
)
def test_fen_is_written_with_two_decimals(fen: int, text: str) -> None:
    assert yuan_text(fen) == text


def test_a_negative_amount_keeps_its_fen() -> None:
    """Floor division of a negative number would write -0.50 as -1.50."""
    assert yuan_text(-150) == "-1.50"
