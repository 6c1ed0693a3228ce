"""Merchants, accounts, campaigns and their money: the cold verbs, as Core expressions."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import insert, select, update

from hongbao.engine.ports import BrakeState, Campaign, Count, Merchant
from hongbao.errors import BadInput
from hongbao.ids import AppId, CampaignId, MerchantId
from hongbao.ledger.account import campaign_change, merchant_change
from hongbao.ledger.grant import State
from hongbao.ledger.transfer import Kind
from hongbao.money import yuan_text
from hongbao.store import schema
from hongbao.store.posting import Posting
from hongbao.store.rows import balance_of, campaign_of, merchant_columns, merchant_of
from hongbao.store.session import Session


def add_merchant(session: Session, merchant: Merchant) -> bool:
    """Add a merchant with empty books."""
    if session.rows("merchant", mch_id=merchant.merchant):
        return False
    session.core.execute(insert(schema.merchants).values(mch_id=merchant.merchant, **merchant_columns(merchant)))
    return True


def merchant(session: Session, mch_id: str) -> Merchant | None:
    """Return a merchant."""
    rows = session.rows("merchant", mch_id=mch_id)
    return merchant_of(rows[0]) if rows else None


def brakes(session: Session, mch_ids: Sequence[MerchantId]) -> Mapping[MerchantId, BrakeState]:
    """Return the brakes of merchants."""
    table = schema.merchants
    query = select(table.c.mch_id, table.c.brake).where(table.c.mch_id.in_(mch_ids))
    return {MerchantId(row.mch_id): BrakeState(row.brake) for row in session.core.execute(query)}


def merchants(session: Session, after: MerchantId | None, count: int) -> list[Merchant]:
    """Return merchants in the order of their ids."""
    query = select(schema.merchants).order_by(schema.merchants.c.mch_id).limit(count)
    if after is not None:
        query = query.where(schema.merchants.c.mch_id > after)
    return [merchant_of(row) for row in session.core.execute(query).mappings()]


def amend_merchant(session: Session, mch_id: str, change: Callable[[Merchant, int], Merchant]) -> Merchant:
    """Let a pure function judge the row as it stands."""
    session.hold([mch_id], ())
    merchant = _merchant(session, mch_id)
    amended = change(merchant, session.now_ms())
    if amended != merchant:
        session.core.execute(
            update(schema.merchants).where(schema.merchants.c.mch_id == mch_id).values(**merchant_columns(amended))
        )
    return _merchant(session, mch_id)


def _merchant(session: Session, mch_id: str) -> Merchant:
    found = merchant(session, mch_id)
    if found is None:
        raise KeyError(mch_id)
    return found


def add_account(session: Session, mch_id: str, appid: str) -> bool:
    """Say that an account belongs to a merchant."""
    owner = session.core.execute(select(schema.accounts.c.mch_id).where(schema.accounts.c.appid == appid)).scalar()
    if owner is None:
        if not session.rows("merchant", mch_id=mch_id):
            raise BadInput(field="merchant", fault=f"{mch_id} is not there", remedy="add the merchant first")
        session.core.execute(insert(schema.accounts).values(appid=appid, mch_id=mch_id))
    elif owner != mch_id:
        raise BadInput(field="appid", fault=f"{appid} belongs to merchant {owner}", remedy="use that merchant")
    return owner is None


def accounts(session: Session, mch_id: str) -> list[AppId]:
    """Return a merchant's accounts."""
    query = select(schema.accounts.c.appid).where(schema.accounts.c.mch_id == mch_id).order_by(schema.accounts.c.appid)
    return [AppId(appid) for appid in session.core.execute(query).scalars()]


def add_campaign(session: Session, campaign: Campaign) -> bool:
    """Add a campaign with an empty budget and its counters."""
    table = schema.campaigns
    if session.core.execute(select(table.c.id).where(table.c.key == campaign.campaign)).first():
        return False
    if campaign.appid not in accounts(session, campaign.merchant):
        raise BadInput(
            field="appid",
            fault=f"{campaign.appid} is no account of merchant {campaign.merchant}",
            remedy="add merchant and account first",
        )
    (number,) = session.ids("campaigns", 1)
    session.core.execute(
        insert(table).values(
            id=number,
            key=campaign.campaign,
            mch_id=campaign.merchant,
            appid=campaign.appid,
            kind=campaign.kind,
            created_ms=session.now_ms(),
            **_campaign_columns(campaign),
        )
    )
    session.core.execute(
        insert(schema.tallies),
        [{"campaign_id": number, "state": state.value, "grants": 0, "fen": 0} for state in State],
    )
    return True


def _campaign_columns(campaign: Campaign) -> dict[str, object]:
    return {
        "state": campaign.state.value,
        "reason": campaign.reason,
        "template": campaign.template,
        "begins_ms": campaign.begins_ms,
        "ends_ms": campaign.ends_ms,
    }


def campaign(session: Session, key: CampaignId) -> Campaign | None:
    """Return a campaign."""
    query = select(schema.campaigns).where(schema.campaigns.c.key == key)
    row = session.core.execute(query).mappings().first()
    return None if row is None else campaign_of(row)


def _campaign(session: Session, key: CampaignId) -> Campaign:
    found = campaign(session, key)
    if found is None:
        raise KeyError(key)
    return found


def campaigns(session: Session, mch_id: str, after: CampaignId | None, count: int) -> list[Campaign]:
    """Return a merchant's campaigns in the order they were made."""
    table = schema.campaigns
    query = select(table).where(table.c.mch_id == mch_id).order_by(table.c.id).limit(count)
    if after is not None:
        query = query.where(table.c.id > select(table.c.id).where(table.c.key == after).scalar_subquery())
    return [campaign_of(row) for row in session.core.execute(query).mappings()]


def amend_campaign(session: Session, key: CampaignId, change: Callable[[Campaign, int], Campaign]) -> Campaign:
    """Let a pure function judge the row as it stands."""
    session.hold((), [key])
    amended = change(_campaign(session, key), session.now_ms())
    session.core.execute(
        update(schema.campaigns).where(schema.campaigns.c.key == key).values(**_campaign_columns(amended))
    )
    return _campaign(session, key)


def tally(session: Session, key: CampaignId) -> Mapping[State, Count]:
    """Return the counters of a campaign."""
    table = schema.tallies
    query = (
        select(table.c.state, table.c.grants, table.c.fen)
        .join(schema.campaigns, schema.campaigns.c.id == table.c.campaign_id)
        .where(schema.campaigns.c.key == key)
    )
    return {State(state): Count(grants, fen) for state, grants, fen in session.core.execute(query)}


def fund(session: Session, mch_id: str, fen: int, key: str) -> bool:
    """Add money to a merchant, or take it."""
    session.hold([mch_id], ())
    if _posted(session, key, Kind.FUND, fen, mch_id, None):
        return False
    rows = session.rows("merchant", mch_id=mch_id)
    if not rows:
        raise BadInput(field="merchant", fault=f"{mch_id} is not there", remedy="add the merchant first")
    balance = balance_of(rows[0])
    _enough(balance.plus(merchant_change(Kind.FUND, fen)).whole, balance.free, fen)
    posting = Posting()
    posting.move(Kind.FUND, fen, session.now_ms(), merchant=mch_id, key=key)
    posting.write(session)
    return True


def allot(session: Session, campaign_key: CampaignId, fen: int, key: str) -> bool:
    """Move a merchant's free money into a campaign's budget, or back."""
    home = session.rows("campaign_home", key=campaign_key)
    if not home:
        raise BadInput(field="campaign", fault=f"{campaign_key} is not there", remedy="add the campaign first")
    mch_id, number = home[0]["mch_id"], home[0]["id"]
    session.hold([mch_id], [campaign_key])
    if _posted(session, key, Kind.ALLOT, fen, mch_id, number):
        return False
    merchant = _merchant(session, mch_id).balance
    balance = _campaign(session, campaign_key).balance
    whole = (
        merchant.plus(merchant_change(Kind.ALLOT, fen)).whole and balance.plus(campaign_change(Kind.ALLOT, fen)).whole
    )
    _enough(whole, merchant.free if fen > 0 else balance.free, fen)
    posting = Posting()
    posting.move(Kind.ALLOT, fen, session.now_ms(), merchant=mch_id, campaign=number, key=key)
    posting.write(session)
    return True


def _posted(session: Session, key: str, kind: Kind, fen: int, mch_id: str, campaign_id: int | None) -> bool:
    """Return whether this very transfer is there; refuse another one under its key."""
    table = schema.transfers
    row = session.core.execute(select(table).where(table.c.key == key)).mappings().first()
    if row is None:
        return False
    if (row["kind"], row["fen"], row["mch_id"], row["campaign_id"]) != (kind.value, fen, mch_id, campaign_id):
        raise BadInput(
            field="key",
            fault=f"{key!r} was used for {row['kind']} of {yuan_text(row['fen'])} yuan",
            remedy="give each movement of money a key of its own",
        )
    return True


def _enough(whole: bool, free: int, fen: int) -> None:
    if fen == 0:
        raise BadInput(field="fen", fault="is nothing", remedy="give an amount")
    if not whole:
        raise BadInput(
            field="fen",
            fault=f"{yuan_text(abs(fen))} yuan are asked for and {yuan_text(free)} are free",
            remedy="ask for less, or bring more in first",
        )
