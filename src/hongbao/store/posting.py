"""What a batch changes, added up: each balance, counter and day is written once, whatever the size of the batch."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from hongbao.ledger.account import Balance, campaign_change, merchant_change
from hongbao.ledger.transfer import Kind
from hongbao.store.session import Row, Session

_PARTS = ("funded", "free", "reserved", "paid", "returned")


def _sums() -> defaultdict[Any, int]:
    return defaultdict(int)


def _pairs() -> defaultdict[Any, list[int]]:
    return defaultdict(lambda: [0, 0])


@dataclass(slots=True)
class Posting:
    """Transfers, counters and places of one transaction."""

    transfers: list[Row] = field(default_factory=list[Row])
    moved: defaultdict[tuple[Kind, str, int | None], int] = field(default_factory=_sums)
    tallies: defaultdict[tuple[int, str], list[int]] = field(default_factory=_pairs)
    person_days: defaultdict[tuple[int, str, int], list[int]] = field(default_factory=_pairs)
    merchant_days: defaultdict[tuple[str, int], list[int]] = field(default_factory=_pairs)
    full: set[tuple[int, str, int]] = field(default_factory=set[tuple[int, str, int]])

    def move(
        self,
        kind: Kind,
        fen: int,
        at_ms: int,
        *,
        merchant: str,
        campaign: int | None = None,
        grant: int | None = None,
        key: str | None = None,
    ) -> None:
        """Move money."""
        self.transfers.append(
            {
                "key": key,
                "kind": kind.value,
                "fen": fen,
                "mch_id": merchant,
                "campaign_id": campaign,
                "grant_id": grant,
                "at_ms": at_ms,
            }
        )
        self.moved[kind, merchant, campaign] += fen

    def count(self, campaign: int, old: str | None, new: str, fen: int) -> None:
        """Count a grant where it stands now, and no longer where it stood."""
        if old == new:
            return
        if old is not None:
            left = self.tallies[campaign, old]
            left[0] -= 1
            left[1] -= fen
        came = self.tallies[campaign, new]
        came[0] += 1
        came[1] += fen

    def place(self, person: int, merchant: str, day: int, fen: int, by: int) -> None:
        """Take (`by` = 1) or free (-1) a place under the caps of a day."""
        for pair in (self.person_days[person, merchant, day], self.merchant_days[merchant, day]):
            pair[0] += by
            pair[1] += by * fen

    def write(self, session: Session) -> None:
        """Write it all: balances in the order in which they are held, then the rest."""
        merchants: dict[str, Balance] = {}
        campaigns: dict[int, Balance] = {}
        for (kind, merchant, campaign), fen in self.moved.items():
            merchants[merchant] = merchants.get(merchant, Balance()).plus(merchant_change(kind, fen))
            if campaign is not None:
                campaigns[campaign] = campaigns.get(campaign, Balance()).plus(campaign_change(kind, fen))
        session.each("move_merchants", _changed("mch_id", merchants))
        session.each("move_campaigns", _changed("id", campaigns))
        session.each(
            "move_tallies",
            [
                {"campaign_id": campaign, "state": state, "grants": grants, "fen": fen}
                for (campaign, state), (grants, fen) in sorted(self.tallies.items())
                if grants or fen
            ],
        )
        session.each("add_transfers", self.transfers)
        taken: list[Row] = []
        freed: list[Row] = []
        for person, merchant, day in sorted(self.person_days.keys() | self.full):
            packets, fen = self.person_days.get((person, merchant, day), (0, 0))
            full = (person, merchant, day) in self.full
            row = {"person_id": person, "mch_id": merchant, "day": day}
            if packets > 0 or fen > 0 or full:
                taken.append({**row, "packets": max(packets, 0), "fen": max(fen, 0), "is_full": int(full)})
            if packets < 0 or fen < 0:
                freed.append({**row, "packets": max(-packets, 0), "fen": max(-fen, 0)})
        session.each("take_places", taken)
        session.each("free_places", freed)
        days = sorted((merchant, day, *pair) for (merchant, day), pair in self.merchant_days.items())
        session.each("take_merchant_days", [_day(m, d, p, f) for m, d, p, f in days if p > 0 or f > 0])
        session.each("free_merchant_days", [_day(m, d, -p, -f) for m, d, p, f in days if p < 0 or f < 0])


def _changed(key: str, balances: dict[Any, Balance]) -> list[Row]:
    return [
        {key: owner, **{part: getattr(change, part) for part in _PARTS}}
        for owner, change in sorted(balances.items())
        if change != Balance()
    ]


def _day(merchant: str, day: int, packets: int, fen: int) -> Row:
    return {"mch_id": merchant, "day": day, "packets": max(packets, 0), "fen": max(fen, 0)}
