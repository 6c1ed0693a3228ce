"""Read an openid file as merchants have it: one openid a line, or a table as CSV, however their tool saved it.

UTF-8 with or without a mark at its start, or GBK, which Excel writes in China; lines ended by CRLF, LF or CR; commas,
semicolons or tabs. A million lines are read one after another and never held.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from hongbao.errors import BadInput

_BLOCK_BYTES = 1 << 20
_CELL_MAX = 4_096
"""The longest cell, in characters: an unclosed quotation mark must not swallow the file."""
_DELIMITERS = ",;\t"
_OPENID_LIKE = re.compile(r"[0-9A-Za-z_-]{20,}", re.ASCII)

OPENID, YUAN, FEN, REFERENCE, WORDING = "openid", "amount_yuan", "amount_fen", "reference", "wording"
"""The columns that mean something."""

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "openid": OPENID,
        "open_id": OPENID,
        "用户openid": OPENID,
        "amount_yuan": YUAN,
        "yuan": YUAN,
        "元": YUAN,
        "金额(元)": YUAN,
        "金额（元）": YUAN,
        "amount_fen": FEN,
        "fen": FEN,
        "分": FEN,
        "金额(分)": FEN,
        "金额（分）": FEN,
        "reference": REFERENCE,
        "业务单号": REFERENCE,
        "编号": REFERENCE,
        "wording": WORDING,
        "wishing": WORDING,
        "祝福语": WORDING,
    }
)
"""By what a header may say: which column it is."""

_AMBIGUOUS = frozenset({"amount", "金额", "total_amount", "money"})


class Row(NamedTuple):
    """One row as it was written, blanks around cells taken off.

    Attributes:
        line: of the file, from 1; of a row over several lines the first.
        amount: "" without one; its unit is `OpenidFile.unit`.
        own: the cells of all other columns.
        fault: what is wrong with its form; "" if nothing is.
    """

    line: int
    openid: str
    amount: str = ""
    reference: str = ""
    wording: str = ""
    own: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class OpenidFile:
    """A file whose form is known.

    Attributes:
        encoding: Python's name for it.
        columns: the header as it was written; empty for a list of openids.
        delimiter: between cells; "" for a list of openids.
        places: where each column of ours stands, from 0.
        header: whether the first line is one.
    """

    path: Path
    encoding: str
    columns: tuple[str, ...]
    delimiter: str
    places: Mapping[str, int]
    header: bool

    @property
    def unit(self) -> str:
        """`YUAN`, `FEN`, or "" for a file without amounts."""
        return YUAN if YUAN in self.places else FEN if FEN in self.places else ""

    def rows(self) -> Iterator[Row]:
        """Read the rows; empty lines are passed over.

        Raises:
            BadInput: the file cannot be read.
        """
        try:
            with self.path.open(encoding=self.encoding, newline="" if self.delimiter else None) as lines:
                yield from self._table(lines) if self.delimiter else self._list(lines)
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def _list(self, lines: Iterable[str]) -> Iterator[Row]:
        for number, line in enumerate(lines, start=1):
            openid = line.strip()
            if openid and not (self.header and number == 1):
                yield Row(number, openid)

    def _table(self, lines: Iterable[str]) -> Iterator[Row]:
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        csv.field_size_limit(_CELL_MAX)
        count = len(self.columns)
        openid_at, reference_at, wording_at = (self.places.get(name) for name in (OPENID, REFERENCE, WORDING))
        amount_at = self.places.get(self.unit)
        ours = frozenset(self.places.values())
        own_at = [place for place in range(count) if place not in ours]
        line = 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                # Where the next row begins cannot be known any more.
                yield Row(line, "", fault=f"is no row of a CSV file: {error}")
                return
            if cells is None:
                return
            at, line = line, reader.line_num + 1
            if at == 1 or not any(cells):
                continue
            if len(cells) != count:
                if len(cells) > count and not any(cell.strip() for cell in cells[count:]):
                    cells = cells[:count]
                elif len(cells) < count:
                    # Tools leave out empty cells at the end of a row.
                    cells += [""] * (count - len(cells))
                else:
                    yield Row(at, "", fault=f"has {len(cells)} cells, and the header names {count}")
                    continue
            yield Row(
                at,
                cells[openid_at or 0].strip(),
                "" if amount_at is None else cells[amount_at].strip(),
                "" if reference_at is None else cells[reference_at].strip(),
                "" if wording_at is None else cells[wording_at].strip(),
                tuple([cells[place] for place in own_at]) if own_at else (),
            )


def recognise(path: Path) -> OpenidFile:
    """Find out how a file is written, without reading its rows.

    Raises:
        BadInput: it cannot be read, is neither UTF-8 nor GBK, or its header does not say what stands where.
    """
    encoding = _encoding(path)
    try:
        with path.open(encoding=encoding, newline=None) as lines:
            first = lines.readline(_CELL_MAX * 4).strip("\n\t ")
    except OSError as error:
        raise _unreadable(path, error) from None
    if not first.strip() and path.stat().st_size < 3:
        raise BadInput(field="file", fault="is empty", remedy="give one openid a line")
    delimiter = max(_DELIMITERS, key=first.count)
    if delimiter not in first:
        header = NAMES.get(first.strip().lower()) == OPENID
        return OpenidFile(path, encoding, (), "", MappingProxyType({OPENID: 0}), header)
    columns = tuple(cell.strip() for cell in next(csv.reader([first], delimiter=delimiter)))
    return OpenidFile(path, encoding, columns, delimiter, MappingProxyType(_places(columns)), header=True)


def _places(columns: tuple[str, ...]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, written in enumerate(columns):
        name = NAMES.get(written.lower())
        if name is None and written.lower() in _AMBIGUOUS:
            raise BadInput(
                field=f"line 1, column {written}",
                fault="does not say whether it is yuan or fen",
                remedy=f"call it {YUAN} or {FEN}",
            )
        if name is None:
            continue
        if name in places:
            raise BadInput(
                field=f"line 1, column {written}", fault=f"is a second column {name}", remedy="keep one of them"
            )
        places[name] = place
    if YUAN in places and FEN in places:
        raise BadInput(field="line 1", fault="has amounts in yuan and in fen", remedy="keep one of them")
    if OPENID not in places:
        data = any(_OPENID_LIKE.fullmatch(cell) for cell in columns)
        raise BadInput(
            field="line 1",
            fault="looks like data, and a file with several columns needs a header" if data else "has no column openid",
            remedy=f"name the columns: {OPENID}, and if you like {YUAN} or {FEN}, {REFERENCE}, {WORDING}",
        )
    return places


def _encoding(path: Path) -> str:
    """Return utf-8-sig or gb18030, which holds GBK; the whole file is looked at, since Chinese may come late."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise BadInput(field="file", fault="is UTF-16", remedy="save it as CSV UTF-8")
        if start.startswith(b"PK\x03\x04"):
            raise BadInput(field="file", fault="is a workbook or an archive", remedy="save the sheet as CSV UTF-8")
        # Text in GBK is nearly never valid UTF-8 by chance; the other way round it often is.
        for encoding in ("utf-8-sig", "gb18030"):
            if _decodes(path, encoding):
                return encoding
    except OSError as error:
        raise _unreadable(path, error) from None
    raise BadInput(field="file", fault="is neither UTF-8 nor GBK", remedy="save it as CSV UTF-8")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while block := file.read(_BLOCK_BYTES):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _unreadable(path: Path, error: OSError) -> BadInput:
    return BadInput(field="file", fault=f"{path} cannot be read: {error.strerror}", remedy="check the path")
