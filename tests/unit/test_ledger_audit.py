"""The second hand finds every single fault planted into clean books, and nothing in clean ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from hongbao.ids import CampaignId, GrantId, MerchantId
from hongbao.ledger.account import Balance
from hongbao.ledger.audit import AuditedGrant, audit
from hongbao.ledger.grant import State
from hongbao.ledger.transfer import Kind, Transfer
from hongbao.money import Fen

M, C = MerchantId("1900000001"), CampaignId("spring")


def transfer(kind: Kind, fen: int, grant: int | None = None) -> Transfer:
    campaign = None if kind is Kind.FUND else C
    return Transfer(
        key=f"{kind}:{grant}", kind=kind, fen=Fen(fen), merchant=M, campaign=campaign,
        grant=None if grant is None else GrantId(grant), at_ms=1,
    )  # fmt: skip


def granted(grant: int, state: State, fen: int = 100) -> AuditedGrant:
    return AuditedGrant(grant=GrantId(grant), merchant=M, campaign=C, fen=fen, state=state)


@dataclass
class Books:
    transfers: list[Transfer]
    merchant: Balance
    campaign: Balance
    grants: list[AuditedGrant]

    def findings(self) -> set[str]:
        return {each.check for each in audit(self.transfers, {M: self.merchant}, {C: self.campaign}, self.grants)}


def clean() -> Books:
    """One grant each: waiting, paid, returned, released."""
    moves = [transfer(Kind.FUND, 1_000), transfer(Kind.ALLOT, 600)]
    moves += [transfer(Kind.RESERVE, 100, grant) for grant in (1, 2, 3, 4)]
    moves += [transfer(Kind.SETTLE, 100, grant) for grant in (2, 3)]
    moves += [transfer(Kind.GIVE_BACK, 100, 3), transfer(Kind.RELEASE, 100, 4)]
    return Books(
        moves,
        Balance(funded=1_000, free=400, reserved=500, paid=100, returned=100),
        Balance(funded=600, free=400, reserved=100, paid=100, returned=100),
        [granted(1, State.UNSURE), granted(2, State.RECEIVED), granted(3, State.RETURNED), granted(4, State.FAILED)],
    )


def test_clean_books_have_no_finding() -> None:
    """Nothing is found where nothing is wrong."""
    assert clean().findings() == set()


def drop_transfer(books: Books) -> None:
    del books.transfers[-1]


def double_transfer(books: Books) -> None:
    books.transfers.append(replace(books.transfers[-1], key="again"))


def double_key(books: Books) -> None:
    books.transfers.append(books.transfers[0])


def wrong_amount(books: Books) -> None:
    books.transfers[2] = replace(books.transfers[2], fen=Fen(101))


def state_ahead(books: Books) -> None:
    books.grants[0] = granted(1, State.SENT)


def state_behind(books: Books) -> None:
    books.grants[1] = granted(2, State.DUE)


def forgotten_grant(books: Books) -> None:
    del books.grants[0]


def free_money(books: Books) -> None:
    books.merchant = replace(books.merchant, free=401)


def lost_money(books: Books) -> None:
    books.campaign = replace(books.campaign, reserved=99)


def unreported_return(books: Books) -> None:
    books.merchant = replace(books.merchant, returned=0)


def overdrawn(books: Books) -> None:
    books.transfers.append(transfer(Kind.ALLOT, 500, None))
    books.transfers[-1] = replace(books.transfers[-1], key="more")


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (drop_transfer, "grant"),
        (double_transfer, "once"),
        (double_key, "keys"),
        (wrong_amount, "amount"),
        (state_ahead, "grant"),
        (state_behind, "grant"),
        (forgotten_grant, "orphans"),
        (free_money, "balance"),
        (lost_money, "balance"),
        (unreported_return, "balance"),
        (overdrawn, "below zero"),
    ],
)
def test_each_planted_fault_is_found(plant: Callable[[Books], None], found: str) -> None:
    """One thing is changed, and the check that belongs to it speaks."""
    books = clean()
    plant(books)
    assert found in books.findings()
