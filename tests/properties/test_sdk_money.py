"""Fen and yuan text are two spellings of one number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import FEN

from hongbao.errors import BadInput
from hongbao.money import fen_from_yuan, yuan_text


@given(FEN)
def test_written_yuan_reads_back_as_the_same_fen(fen: int) -> None:
    assert fen_from_yuan(yuan_text(fen)) == fen


@given(st.text(alphabet="0123456789.-+ e,１", max_size=8))
def test_text_is_read_as_the_decimal_it_is_or_refused(text: str) -> None:
    """Digits, one point, at most two decimals and no needless nought in front: everything else is refused."""
    whole, point, decimals = text.partition(".")
    digits = set("0123456789")
    fits = (
        whole != ""
        and set(whole + decimals) <= digits
        and (whole == "0" or whole[0] != "0")
        and (len(decimals) in {1, 2} if point else True)
    )
    if fits:
        assert fen_from_yuan(text) == int(whole + decimals.ljust(2, "0"))
    else:
        with pytest.raises(BadInput):
            fen_from_yuan(text)
