"""An openid file is read however the merchant's tool saved it, and refused with a remedy where it cannot be."""

from pathlib import Path

import pytest

from hongbao.batch.file import FEN, YUAN, Row, recognise
from hongbao.errors import BadInput

A, B = "o" + "a" * 27, "o" + "b" * 27


def read(folder: Path, content: bytes) -> list[Row]:
    path = folder / "list.csv"
    path.write_bytes(content)
    return list(recognise(path).rows())


@pytest.mark.parametrize(
    "content",
    [
        f"{A}\n{B}\n".encode(),
        f"{A}\r\n{B}".encode(),
        f"{A}\r{B}\r".encode(),
        f"\ufeff{A}\r\n{B}\r\n".encode(),
        f"  {A}\t\n{B} \n".encode(),
    ],
    ids=["LF", "CRLF", "CR", "BOM", "blanks"],
)
def test_a_list_is_one_openid_a_line(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path, content) == [Row(1, A), Row(2, B)]


def test_empty_lines_and_a_header_are_no_rows_but_count_as_lines(tmp_path: Path) -> None:
    assert read(tmp_path, f"openid\n\n{A}\n\n{B}\n".encode()) == [Row(3, A), Row(5, B)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_says_by_its_header_what_stands_where(tmp_path: Path, delimiter: str) -> None:
    lines = ["name,amount_yuan,openid,wording,reference", f"Li,1.88,{A},good luck,order-1", f"Wang,2,{B}"]
    content = "\r\n".join(lines).replace(",", delimiter).encode()
    assert read(tmp_path, content) == [
        Row(2, A, "1.88", "order-1", "good luck", ("Li",)),
        Row(3, B, "2", "", "", ("Wang",)),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_chinese_is_read_as_utf_8_or_as_gbk(tmp_path: Path, encoding: str) -> None:
    """Excel in China saves GBK, and its headers are Chinese."""
    rows = read(tmp_path, f"用户openid,金额（元）,祝福语\n{A},1.5,恭喜发财\n".encode(encoding))
    assert rows == [Row(2, A, "1.5", "", "恭喜发财")]


def test_a_cell_over_two_lines_keeps_the_numbers_of_the_lines_after_it(tmp_path: Path) -> None:
    assert [row.line for row in read(tmp_path, f'openid,note\n{A},"one\ntwo"\n{B},x\n'.encode())] == [2, 4]


def test_the_unit_of_amounts_comes_from_the_header(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    units: list[str] = []
    for column in ("amount_yuan", "金额(分)", "note"):
        path.write_text(f"openid,{column}\n")
        units.append(recognise(path).unit)
    assert units == [YUAN, FEN, ""]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"openid,amount\n", "does not say whether it is yuan or fen"),
        (b"name,note\n", "has no column openid"),
        (f"{A},1.88\n".encode(), "needs a header"),
        (b"openid,yuan,fen\n", "in yuan and in fen"),
        (b"openid,openid\n", "second column"),
        (b"", "is empty"),
        (b"PK\x03\x04rest", "workbook"),
        ("openid".encode("utf-16"), "UTF-16"),
        (b"openid,note\n\xff\xff\xff\n", "neither UTF-8 nor GBK"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_with_a_remedy(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read(tmp_path, content)


def test_a_row_with_too_many_cells_and_one_that_never_ends_are_faults(tmp_path: Path) -> None:
    rows = read(tmp_path, f'openid,note\n{A},x,y\n{B},"never ends\n'.encode())
    assert [(row.line, bool(row.fault)) for row in rows] == [(2, True), (3, True)]
