"""Money is a whole number of fen (分). Yuan exists only as text at the edges."""

import re
from typing import NewType

from hongbao.errors import BadInput

Fen = NewType("Fen", int)
"""An exact amount in fen; 100 fen are 1 yuan."""

_YUAN = re.compile(r"(?P<yuan>0|[1-9][0-9]{0,12})(?:\.(?P<fen>[0-9]{1,2}))?", re.ASCII)


def fen_from_yuan(text: str) -> Fen:
    """Read yuan text such as ``"1"``, ``"1.5"`` or ``"88.88"`` exactly.

    Signs, blanks, thousands separators, exponents and a third decimal are refused, never rounded.

    Raises:
        BadInput: it is no text, or not an amount of yuan with at most two decimals.
    """
    # A float is what this refuses above all: 1.1 yuan is not 110 fen in it.
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadInput(field="yuan", fault=f"is a {type(text).__name__}, not text", remedy='give a str, such as "1.50"')
    match = _YUAN.fullmatch(text)
    if match is None:
        raise BadInput(
            field="yuan",
            fault=f"{text!r} is not an amount of yuan with at most two decimals",
            remedy="write it like 1, 1.5 or 88.88: digits and one point only",
        )
    return Fen(int(match["yuan"]) * 100 + int((match["fen"] or "").ljust(2, "0")))


def yuan_text(fen: int) -> str:
    """Write fen as yuan with two decimals: ``12345`` is ``"123.45"``."""
    sign = "-" if fen < 0 else ""
    whole, rest = divmod(abs(fen), 100)
    return f"{sign}{whole}.{rest:02d}"
