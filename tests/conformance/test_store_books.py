"""Money in and out of merchants and campaigns, and the rules that the database itself keeps."""

import sqlite3
from dataclasses import replace
from datetime import date

import psycopg
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError
from tests.conformance.worlds import APPID, CAMPAIGN, MERCHANT, NOON_MS, World, openid

from hongbao.engine.ports import BookBroken, Brake, BrakeState, Campaign, Merchant, Pace
from hongbao.errors import BadInput
from hongbao.ids import AppId, CampaignId, MerchantId
from hongbao.ledger.account import Balance
from hongbao.ledger.grant import Event
from hongbao.ledger.transfer import Kind
from hongbao.merchant import Limit
from hongbao.money import Fen
from hongbao.store import schema

M, C = MerchantId(MERCHANT), CampaignId(CAMPAIGN)


def balances(world: World) -> tuple[Balance, Balance]:
    merchant, campaign = world.store.merchant(M), world.store.campaign(C)
    assert merchant is not None
    assert campaign is not None
    return merchant.balance, campaign.balance


def test_money_goes_in_over_and_back(world: World) -> None:
    """Fund, allot, allot back, take out: every part of both balances."""
    assert world.store.fund(M, Fen(5_000), "in")
    assert world.store.allot(C, Fen(2_000), "over")
    assert world.store.allot(C, Fen(-1_500), "back")
    assert world.store.fund(M, Fen(-4_500), "out")
    assert balances(world) == (
        Balance(funded=100_500, reserved=100_500),
        Balance(funded=100_500, free=100_500),
    )
    assert world.findings() == []


def test_the_same_key_moves_money_once(world: World) -> None:
    """A repeat says so; other content under the key is refused."""
    assert world.store.fund(M, Fen(5_000), "in")
    assert not world.store.fund(M, Fen(5_000), "in")
    with pytest.raises(BadInput, match="key"):
        world.store.fund(M, Fen(6_000), "in")
    with pytest.raises(BadInput, match="key"):
        world.store.allot(C, Fen(5_000), "in")
    assert balances(world)[0].funded == 105_000


@pytest.mark.parametrize("fen", [0, 1, -100_001])
def test_what_is_not_there_cannot_be_allotted(world: World, fen: int) -> None:
    """Neither from an empty merchant nor back from the campaign, nor nothing at all."""
    with pytest.raises(BadInput, match="fen"):
        world.store.allot(C, Fen(fen), "too much")
    assert world.findings() == []


def test_what_is_not_free_cannot_be_taken_out(world: World) -> None:
    """All of it is with the campaign."""
    with pytest.raises(BadInput, match="fen"):
        world.store.fund(M, Fen(-1), "out")


def test_money_needs_somebody_it_belongs_to(world: World) -> None:
    """Unknown merchants and campaigns are named."""
    with pytest.raises(BadInput, match="merchant"):
        world.store.fund(MerchantId("nobody"), Fen(1), "a")
    with pytest.raises(BadInput, match="campaign"):
        world.store.allot(CampaignId("none"), Fen(1), "b")


def test_merchants_accounts_and_campaigns_are_added_once(world: World) -> None:
    """The second time changes nothing, and an account stays with its merchant."""
    store = world.store
    assert not store.add_merchant(Merchant(merchant=M, quiet_hours=False))
    assert not store.add_account(M, AppId(APPID))
    assert not store.add_campaign(Campaign(campaign=C, merchant=M, appid=AppId(APPID), kind="other"))
    assert store.add_merchant(Merchant(merchant=MerchantId("1900000002")))
    with pytest.raises(BadInput, match="belongs to merchant"):
        store.add_account(MerchantId("1900000002"), AppId(APPID))
    with pytest.raises(BadInput, match="no account of"):
        store.add_campaign(
            Campaign(campaign=CampaignId("x"), merchant=MerchantId("1900000002"), appid=AppId(APPID), kind="k")
        )
    assert [merchant.merchant for merchant in store.merchants()] == [M, "1900000002"]
    assert [merchant.merchant for merchant in store.merchants(after=M)] == ["1900000002"]
    assert store.accounts(M) == [APPID]
    assert [campaign.kind for campaign in store.campaigns(M)] == ["batch"]
    assert store.campaigns(M, after=C) == []


def test_a_merchant_is_amended_by_a_function_of_what_stands(world: World) -> None:
    """Brake, limits, quiet hours and pace are kept; the balance is not the function's to change."""
    brake = Brake(state=BrakeState.HELD, code="NOTENOUGH", text="top up", since_ms=5, probe_ms=9)
    limits = {"sends_minute_max": Limit(600, date(2025, 3, 1), "observed")}
    pace = Pace(second_us=1, minute_us=2, permille=800, eased_ms=3)

    def change(merchant: Merchant, now_ms: int) -> Merchant:
        assert now_ms == NOON_MS
        return replace(merchant, brake=brake, limits=limits, quiet_hours=False, pace=pace, balance=Balance())

    amended = world.store.amend_merchant(M, change)
    assert amended == world.store.merchant(M)
    assert (amended.brake, amended.limits, amended.quiet_hours, amended.pace) == (brake, limits, False, pace)
    assert amended.balance == Balance(funded=100_000, reserved=100_000)
    with pytest.raises(KeyError):
        world.store.amend_merchant(MerchantId("nobody"), change)


def raw(world: World, *statements: str) -> None:
    """Run SQL behind the store's back."""
    with world.store.database.transaction() as session:
        for statement in statements:
            session.core.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE campaigns SET free = free + 1",
        "UPDATE merchants SET paid = paid + 1",
        "UPDATE campaigns SET free = -1, funded = reserved + paid - 1",
        "UPDATE merchants SET free = free - 1, reserved = reserved + 1",
        "UPDATE campaigns SET returned = -1",
        "UPDATE tallies SET grants = -1",
        "UPDATE grants SET fen = 0",
        "UPDATE grants SET state = 'lost'",
        "UPDATE grants SET state = 'sending', due_ms = NULL",
        "UPDATE grants SET state = 'sent'",
        "INSERT INTO transfers (kind, fen, mch_id, at_ms) VALUES ('fund', 1, '1900000001', 0)",
        "INSERT INTO transfers (key, kind, fen, mch_id, at_ms) VALUES ('k', 'reserve', 1, '1900000001', 0)",
        "INSERT INTO transfers (kind, fen, mch_id, campaign_id, grant_id, at_ms) SELECT 'reserve', 1, '1', 1, 1, 0",
    ],
)
def test_the_database_refuses_broken_books(world: World, statement: str) -> None:
    """A balance that does not add up or is below zero, a state without its lease, a transfer without its owner."""
    world.grant()
    with pytest.raises((DBAPIError, sqlite3.Error, psycopg.Error), match=r"(?i)constraint|violates"):
        raw(world, statement)
    assert world.findings() == []


@pytest.mark.parametrize("statement", ["UPDATE transfers SET fen = fen + 1", "DELETE FROM transfers"])
def test_a_transfer_is_never_changed_nor_deleted(world: World, statement: str) -> None:
    """Whoever asks."""
    with pytest.raises((DBAPIError, sqlite3.Error, psycopg.Error), match="never"):
        raw(world, statement)
    assert world.findings() == []


def test_a_broken_book_stops_the_transaction_and_says_which_rule(world: World) -> None:
    """Here a campaign lost a fen of its reserved money by another hand."""
    grant = world.grant()
    (leased,) = world.leased()
    raw(world, "UPDATE campaigns SET reserved = 0, free = free + 100 WHERE key = 'spring'")
    with pytest.raises(BookBroken, match="campaigns"):
        world.answer(leased, Event.SAID_SENT)
    assert world.at(grant).state == "sending"
    assert [finding.subject for finding in world.findings()] == ["campaign spring", "campaign spring"]


def test_the_audit_sees_one_moment(world: World) -> None:
    """What is committed while it reads is not in it (in memory nobody can commit meanwhile)."""
    world.grant(1)
    with world.store.audit() as books:
        before = books.campaigns()
        if not world.in_memory:
            world.grant(2)
        assert [transfer.kind for transfer in books.transfers()] == [Kind.FUND, Kind.ALLOT, Kind.RESERVE]
        assert len(list(books.grants())) == 1
        assert books.campaigns() == before


def test_an_openid_can_be_erased_and_the_person_stays(world: World) -> None:
    """Without the openid the once-key still holds and the books still close."""
    grant = world.grant(1)
    with world.store.database.transaction() as session:
        session.core.execute(update(schema.persons).values(openid=None))
    assert world.at(grant).openid is None
    assert world.store.person_grants(AppId(APPID), openid(1), count=5)[0].grant == grant
    assert world.findings() == []
