"""Check an openid file row by row, without changing anything: what is wrong where, what is odd, what it comes to.

Two passes. The first reads the file, judges each row by itself and lays the good ones aside; the second judges what
only shows when all are known: who stands there twice. Memory holds a number for each row, never the rows.
"""

import json
import marshal
import re
import tempfile
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import IO, Self

from hongbao.batch.file import FEN, OPENID, REFERENCE, WORDING, OpenidFile, Row
from hongbao.batch.template import Fixed, Spread, Template, fen_range
from hongbao.engine.ports import BatchRow
from hongbao.errors import BadInput
from hongbao.ids import AppId, CampaignId, MerchantId, OpenId, masked
from hongbao.merchant import LimitSet
from hongbao.money import Fen, fen_from_yuan, yuan_text
from hongbao.wechat.fields import kinds_of
from hongbao.wechat.redpack import SendRedPack

ROWS_MAX = 1_000_000
_CHUNK = 5_000
_USUAL = re.compile(r"o[0-9A-Za-z_-]{27}", re.ASCII)
_SENDABLE = re.compile(r"[!-~]{1,31}", re.ASCII)
_REFERENCE_MAX = 64
_FEN = re.compile(r"[1-9][0-9]{0,12}", re.ASCII)
_ODD_KEPT = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one row.

    Attributes:
        line: of the file, from 1.
        column: its name as the file's header writes it, or ours.
    """

    line: int
    column: str
    fault: str
    remedy: str


OnFault = Callable[[Fault], None]

_Laid = tuple[int, str, int, str, str, str]
"""Line, openid, fen or 0, reference, wording, own cells as JSON."""


@dataclass(slots=True)
class Checked:
    """What a file came to. Close it: good rows are laid aside in a file without a name.

    Attributes:
        rows: how many rows there are, bad ones included.
        bad: how many faults were found; each was told when it was found.
        fen: the sum of all amounts; known only without faults.
        fen_max: the largest amount.
        odd: how many openids do not look like those of an official account; `odd_lines` has the first.
        person_rows_max: the most rows of one person.
        content: what tells these rows from others, whatever their order.
    """

    rows: int = 0
    bad: int = 0
    fen: int = 0
    fen_max: int = 0
    odd: int = 0
    odd_lines: list[int] = field(default_factory=list[int])
    person_rows_max: int = 0
    content: str = ""
    _template: Template | None = None
    _laid: IO[bytes] | None = None
    _sizes: list[int] = field(default_factory=list[int])
    _unamounted: int = 0
    _repeated: frozenset[int] = frozenset()

    def __enter__(self) -> Self:
        """Hand it over."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Let go of the rows."""
        self.close()

    def close(self) -> None:
        """Let go of the rows."""
        if self._laid is not None:
            self._laid.close()

    def batch_rows(self) -> Iterator[list[BatchRow]]:
        """Yield the rows of a file without faults, in chunks, with occasion and amount as they will be kept."""
        amount = None if self._template is None else self._template.amount
        shares = amount.amounts(self._unamounted, int(self.content, 16)) if isinstance(amount, Spread) else None
        fixed = amount.fen if isinstance(amount, Fixed) else 0
        seen: dict[str, int] = {}
        for chunk in self._chunks():
            rows: list[BatchRow] = []
            for line, openid, fen, reference, wording, own in chunk:
                if not fen:
                    fen = fixed if shares is None else next(shares)  # noqa: PLW2901  what the row did not say
                occasion = reference
                if not occasion:
                    occasion = "1"
                    if self._repeated and hash(openid) in self._repeated:
                        seen[openid] = seen.get(openid, 0) + 1
                        occasion = str(seen[openid])
                rows.append(BatchRow(line, OpenId(openid), occasion, Fen(fen), wording, own))
            yield rows

    def openids(self) -> Iterator[list[OpenId]]:
        """Yield everybody on the list, in chunks."""
        for chunk in self._chunks():
            yield [OpenId(row[1]) for row in chunk]

    def lay(self, chunk: list[_Laid]) -> None:
        """Lay good rows aside."""
        if self._laid is None:
            self._laid = tempfile.TemporaryFile(prefix="hongbao-")  # noqa: SIM115  closed with this object
        # Read back in one piece: marshal asks a file for every single object.
        self._sizes.append(self._laid.write(marshal.dumps(chunk)))

    def settle(self, template: Template, unamounted: int, repeated: frozenset[int]) -> None:
        """Keep what the amounts and occasions come from."""
        self._template, self._unamounted, self._repeated = template, unamounted, repeated

    def _chunks(self) -> Iterator[list[_Laid]]:
        if self._laid is None:
            return
        self._laid.seek(0)
        for size in self._sizes:
            yield marshal.loads(self._laid.read(size))  # noqa: S302  our own file, which has no name


class _Judge:
    """Judges rows by themselves."""

    def __init__(self, file: OpenidFile, template: Template, limits: LimitSet, tell: OnFault) -> None:
        self._file = file
        self._limits = limits
        self._low, self._high = fen_range(template.scene, limits)
        self._rule = template.amount
        self._tell = tell
        self._wishing = kinds_of(SendRedPack)["wishing"]
        self._good_wordings: set[str] = set()
        self._amounts: dict[str, int] = {"": 0}
        self.columns: Mapping[str, str] = {
            name: file.columns[place] if file.columns else name for name, place in file.places.items()
        }
        self.faults = 0

    def fault(self, line: int, column: str, fault: str, remedy: str) -> None:
        self.faults += 1
        self._tell(Fault(line, self.columns.get(column, column), fault, remedy))

    def amount(self, row: Row) -> int:
        """Return a row's own amount in fen, 0 for none; a bad one is told."""
        fen = self._amounts.get(row.amount)
        if fen is None:
            fen = self._read_amount(row)
            # Most files have few different amounts; a file with a million of them must not fill the memory.
            if fen and len(self._amounts) < _CHUNK:
                self._amounts[row.amount] = fen
        elif not fen and self._rule is None:
            self.fault(
                row.line,
                self._file.unit or "amount",
                "is missing, and the template has no amount",
                "give an amount in the row, or [amount] in the template",
            )
        return fen

    def _read_amount(self, row: Row) -> int:
        if self._file.unit == FEN:
            if not _FEN.fullmatch(row.amount):
                self.fault(row.line, FEN, f"{row.amount[:20]!r} is not a whole number of fen", "write it like 188")
                return 0
            fen = int(row.amount)
        else:
            try:
                fen = fen_from_yuan(row.amount)
            except BadInput as error:
                self.fault(row.line, self._file.unit, error.fault[:80], error.remedy)
                return 0
        if not self._low <= fen <= self._high:
            self.fault(
                row.line,
                self._file.unit,
                f"{yuan_text(fen)} yuan is outside {yuan_text(self._low)} to {yuan_text(self._high)}",
                "change it, or give the scene that your portal has opened for it",
            )
            return 0
        return fen

    def texts(self, row: Row) -> None:
        """Look at reference and wording."""
        if len(row.reference) > _REFERENCE_MAX or not row.reference.isprintable():
            self.fault(
                row.line, REFERENCE, f"is longer than {_REFERENCE_MAX} characters, or not printable", "shorten it"
            )
        elif row.reference.isdecimal() and len(row.reference) < 6:
            # Rows without a reference count 1, 2, 3: a reference that looks like it could meet one.
            self.fault(row.line, REFERENCE, f"{row.reference} is a bare small number", "write it like order-17")
        if row.wording and row.wording not in self._good_wordings:
            try:
                self._wishing.check(SendRedPack.endpoint, "wishing", row.wording, self._limits)
            except BadInput as error:
                self.fault(row.line, WORDING, error.fault, error.remedy)
            else:
                if len(self._good_wordings) < _CHUNK:
                    self._good_wordings.add(row.wording)

    def openid(self, row: Row) -> None:
        """Say what is wrong with an openid that cannot be sent."""
        if not row.openid:
            self.fault(row.line, OPENID, "is missing", "give it, or delete the row")
        elif len(row.openid) > 31:
            self.fault(row.line, OPENID, f"has {len(row.openid)} characters", "an openid has 28")
        else:
            strange = next(char for char in row.openid if not "!" <= char <= "~")
            self.fault(row.line, OPENID, f"holds the character U+{ord(strange):04X}", "copy the openid once more")


def check(
    file: OpenidFile,
    template: Template,
    *,
    merchant: MerchantId,
    appid: AppId,
    limits: LimitSet,
    on_fault: OnFault,
    allow_repeat: bool = False,
    continues: CampaignId | None = None,
) -> Checked:
    """Check all rows; faults are told as they are found, those of one pass in the order of the file.

    Raises:
        BadInput: the template cannot be used, the file cannot be read, has no row, or more than ROWS_MAX.
    """
    template.check(appid, limits)
    checked = Checked()
    try:
        judge = _Judge(file, template, limits, on_fault)
        _read(checked, file, template, judge, (merchant, appid, continues or ""), allow_repeat=allow_repeat)
    except BaseException:
        checked.close()
        raise
    return checked


def _read(
    checked: Checked,
    file: OpenidFile,
    template: Template,
    judge: _Judge,
    owner: tuple[str, str, str],
    *,
    allow_repeat: bool,
) -> None:
    people = array("q")
    total = fen_max = unamounted = 0
    digest_sum = 0
    usual, sendable = _USUAL.fullmatch, _SENDABLE.fullmatch
    chunk: list[_Laid] = []
    plain = not file.unit and template.amount is not None
    for row in file.rows():
        line, openid, _, reference, wording, own, wrong = row
        checked.rows += 1
        if checked.rows > ROWS_MAX:
            raise BadInput(field="file", fault=f"has more than {ROWS_MAX} rows", remedy="divide it")
        if wrong:
            judge.fault(line, "", wrong, "mend the row")
            continue
        if not usual(openid):
            if not sendable(openid):
                judge.openid(row)
                continue
            checked.odd += 1
            if len(checked.odd_lines) < _ODD_KEPT:
                checked.odd_lines.append(line)
        fen = 0 if plain else judge.amount(row)
        if reference or wording:
            judge.texts(row)
        if fen:
            total += fen
            fen_max = max(fen_max, fen)
        else:
            unamounted += 1
        people.append(hash(openid))
        text = f"{openid}\0{fen or ''}\0{reference}\0{wording}"
        # A sum does not care for the order: a list that was sorted anew is the same list.
        digest_sum += int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")
        chunk.append((line, openid, fen, reference, wording, json.dumps(own, ensure_ascii=False) if own else ""))
        if len(chunk) == _CHUNK:
            checked.lay(chunk)
            chunk = []
    if chunk:
        checked.lay(chunk)
    if not checked.rows:
        raise BadInput(field="file", fault="has no rows", remedy="give one openid a line")
    checked.content = _content((*owner, str(len(people)), f"{digest_sum % (1 << 128):032x}"))
    repeated, checked.person_rows_max = _repeats(people)
    del people
    if repeated:
        _judge_repeats(checked, repeated, judge, allow_repeat=allow_repeat)
    checked.bad = judge.faults
    checked.settle(template, unamounted, repeated)
    if not checked.bad:
        checked.fen, checked.fen_max = _totals(template, total, fen_max, unamounted)


def _totals(template: Template, total: int, fen_max: int, unamounted: int) -> tuple[int, int]:
    rule = template.amount
    if not unamounted or rule is None:
        return total, fen_max
    if isinstance(rule, Fixed):
        return total + rule.fen * unamounted, max(fen_max, rule.fen)
    # Says at once whether the budget can be shared at all.
    next(rule.amounts(unamounted, 0))
    return total + rule.fen_budget, max(fen_max, rule.fen_max)


def _content(parts: tuple[str, ...]) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _repeats(people: "array[int]") -> tuple[frozenset[int], int]:
    """Return the hashes that stand there more than once, and how often the commonest does."""
    repeated: set[int] = set()
    run = most = 1
    before: int | None = None
    for person in sorted(people):
        if person == before:
            repeated.add(person)
            run += 1
            most = max(most, run)
        else:
            run = 1
            before = person
    return frozenset(repeated), most


def _judge_repeats(checked: Checked, repeated: frozenset[int], judge: _Judge, *, allow_repeat: bool) -> None:
    """Look at the people who stand there twice. Two people may share a hash; what is told is compared in full."""
    firsts: dict[tuple[str, str], int] = {}
    people: dict[str, int] = {}
    for chunk in checked._chunks():  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        for line, openid, _, reference, _, _ in chunk:
            if hash(openid) not in repeated:
                continue
            who = masked(openid)
            if reference:
                first = firsts.setdefault((openid, reference), line)
                if first != line:
                    judge.fault(
                        line, REFERENCE, f"{who} has this reference in line {first} already", "delete one of the two"
                    )
            first = people.setdefault(openid, line)
            if not reference and first != line and not allow_repeat:
                judge.fault(
                    line,
                    OPENID,
                    f"{who} stands in line {first} already",
                    "delete one, give each row its own reference, or allow it with --allow-repeat",
                )
