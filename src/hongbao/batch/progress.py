"""How far a batch is, and what became of its rows: for a bar on a screen, and as the merchant's own table."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hongbao.batch.file import FEN, NAMES, OPENID, YUAN
from hongbao.engine.ports import Batch, BatchRow, BatchState, Grant, Store
from hongbao.ids import CampaignId
from hongbao.ledger.grant import State
from hongbao.money import yuan_text

_PAGE = 500
ADDED = ("line", "order_number", "state", "code", "reason", "remedy")
"""The columns that are added to the merchant's own."""
TROUBLED = (State.FAILED, State.CANCELLED, State.NEEDS_PERSON)
"""States that `errors` is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A batch in numbers of packets.

    Attributes:
        sent: created by WeChat and not opened yet.
        refunded: not opened: back, or on the way back.
        unsure: may have been sent; followed until it is known.
        cancelled: taken back before they were sent.
        left: not sent yet.
        paid_fen: with WeChat or received.
    """

    total: int
    sent: int
    received: int
    refunded: int
    failed: int
    cancelled: int
    unsure: int
    needs_person: int
    left: int
    total_fen: int
    paid_fen: int

    @property
    def through(self) -> int:
        """How many have left this house, or never will."""
        return self.total - self.left - self.unsure


def progress(store: Store, batch: Batch) -> Progress:
    """Count a batch. The cost does not grow with it."""
    tally = store.tally(batch.campaign)

    def grants(*states: State) -> int:
        return sum(tally[state].grants for state in states if state in tally)

    def fen(*states: State) -> int:
        return sum(tally[state].fen for state in states if state in tally)

    fed = sum(count.grants for count in tally.values())
    never = batch.rows - fed
    waiting = batch.state in {BatchState.READY, BatchState.FEEDING}
    return Progress(
        total=batch.rows,
        sent=grants(State.SENT),
        received=grants(State.RECEIVED),
        refunded=grants(State.RETURNING, State.RETURNED),
        failed=grants(State.FAILED),
        cancelled=grants(State.CANCELLED) + (0 if waiting else never),
        unsure=grants(State.UNSURE, State.RESENDING, State.DOOMED, State.DEAD),
        needs_person=grants(State.NEEDS_PERSON),
        left=grants(State.DUE, State.SENDING) + (never if waiting else 0),
        total_fen=batch.fen,
        paid_fen=fen(State.SENT, State.RECEIVED, State.RETURNING),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row; without a grant it was never sent."""

    row: BatchRow
    grant: Grant | None

    @property
    def state(self) -> State | None:
        """Where its grant stands."""
        return None if self.grant is None else self.grant.state


def outcomes(store: Store, batch: Batch, states: Sequence[State] | None = None) -> Iterator[Outcome]:
    """Yield what became of the rows, in the order of the file; of all rows, or of those in some states."""
    if states is None:
        yield from _all(store, batch)
        return
    found: list[Grant] = []
    for state in states:
        found += _grants(store, batch.campaign, state)
    found.sort(key=lambda grant: grant.row or 0)
    for start in range(0, len(found), _PAGE):
        page = found[start : start + _PAGE]
        rows = {row.line: row for row in store.batch_lines(batch.campaign, [grant.row or 0 for grant in page])}
        yield from (Outcome(rows[grant.row], grant) for grant in page if grant.row in rows)
    if State.CANCELLED in states and batch.state not in {BatchState.READY, BatchState.FEEDING}:
        for row in _rows(store, batch.campaign, batch.fed_line):
            yield Outcome(row, None)


def _all(store: Store, batch: Batch) -> Iterator[Outcome]:
    # Rows become grants in their order, so both come in the same one.
    grants = _grants(store, batch.campaign, None)
    grant = next(grants, None)
    for row in _rows(store, batch.campaign, 0):
        if grant is not None and grant.row == row.line:
            yield Outcome(row, grant)
            grant = next(grants, None)
        else:
            yield Outcome(row, None)


def _grants(store: Store, campaign: CampaignId, state: State | None) -> Iterator[Grant]:
    after = None
    while page := store.grants(campaign, state=state, after=after, count=_PAGE):
        yield from page
        after = page[-1].grant


def _rows(store: Store, campaign: CampaignId, after: int) -> Iterator[BatchRow]:
    while page := store.batch_rows(campaign, after=after, count=_PAGE):
        yield from page
        after = page[-1].line


class OwnTable:
    """Gives rows back in the merchant's own columns, amounts included, so that they can be mended and submitted."""

    def __init__(self, batch: Batch) -> None:
        """Take the header that the file had; a list of openids has none."""
        written: list[str] = json.loads(batch.columns) if batch.columns else [OPENID]
        # A table that was given back once brings the added columns with it: they are said anew.
        self._meanings = ["added" if name in ADDED else NAMES.get(name.lower()) for name in written]
        written = [name for name in written if name not in ADDED]
        # Chance gave the amounts, or the template: as they stand here they are the same the next time.
        self._adds_amount = not {YUAN, FEN} & set(self._meanings)
        self.header = [*written, YUAN] if self._adds_amount else written

    def cells(self, outcome: Outcome) -> list[str]:
        """Return a row's own cells."""
        row, grant = outcome.row, outcome.grant
        openid = row.openid or (grant.openid if grant is not None else None) or ""
        own: list[str] = json.loads(row.own) if row.own else []
        others = iter(own)
        cells: list[str] = []
        for meaning in self._meanings:
            match meaning:
                case "openid":
                    cells.append(openid)
                case "amount_yuan":
                    cells.append(yuan_text(row.fen))
                case "amount_fen":
                    cells.append(str(row.fen))
                case "reference":
                    # An occasion that was counted, for want of a reference, is nobody's reference.
                    cells.append("" if _counted(row.occasion) else row.occasion)
                case "wording":
                    cells.append(row.wording)
                case "added":
                    next(others, "")
                case _:
                    cells.append(next(others, ""))
        return [*cells, yuan_text(row.fen)] if self._adds_amount else cells


def _counted(occasion: str) -> bool:
    return occasion.isdecimal() and len(occasion) < 6
