"""What people and the other services look at. Nothing here changes anything, and no cost grows with what has ended."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, delete, select

from hongbao.engine.ports import BrakeState, Expired, Grant, Notice, Recent, Timeline, Work
from hongbao.ids import AppId, CampaignId, GrantId, MerchantId, OrderNumber
from hongbao.ledger.account import Balance
from hongbao.ledger.audit import AuditedGrant
from hongbao.ledger.grant import State
from hongbao.ledger.transfer import Transfer
from hongbao.money import Fen
from hongbao.store import schema
from hongbao.store.rows import attempt_of, balance_of, grant_of, notice_of, openid_hash, transfer_of
from hongbao.store.session import Row, Session

Query = Select[*tuple[Any, ...]]


def _grants() -> Query:
    return (
        select(
            schema.grants,
            schema.persons.c.openid,
            schema.persons.c.appid,
            schema.campaigns.c.key.label("campaign_key"),
            schema.orders.c.frozen,
        )
        .join(schema.persons, schema.persons.c.id == schema.grants.c.person_id)
        .join(schema.campaigns, schema.campaigns.c.id == schema.grants.c.campaign_id)
        .join(
            schema.orders,
            (schema.orders.c.mch_id == schema.grants.c.mch_id) & (schema.orders.c.number == schema.grants.c.number),
        )
    )


def grant(session: Session, number: GrantId) -> Grant | None:
    """Return a grant."""
    row = session.core.execute(_grants().where(schema.grants.c.id == number)).mappings().first()
    return None if row is None else grant_of(row)


def find(session: Session, mch_id: str, number: OrderNumber) -> GrantId | None:
    """Return whose number this is or was."""
    table = schema.orders
    query = select(table.c.grant_id).where(table.c.mch_id == mch_id, table.c.number == number)
    found = session.core.execute(query).scalar()
    return None if found is None else GrantId(found)


def timeline(session: Session, number: GrantId) -> Timeline | None:
    """Return a grant with all its attempts and transfers."""
    found = grant(session, number)
    if found is None:
        return None
    attempts = select(schema.attempts).where(schema.attempts.c.grant_id == number).order_by(schema.attempts.c.id)
    transfers = _transfers().where(schema.transfers.c.grant_id == number)
    return Timeline(
        grant=found,
        attempts=tuple(attempt_of(row) for row in session.core.execute(attempts).mappings()),
        transfers=tuple(transfer_of(row) for row in session.core.execute(transfers).mappings()),
    )


def grants(
    session: Session, campaign: CampaignId, state: State | None, after: GrantId | None, count: int
) -> list[Grant]:
    """Return a campaign's grants in the order they were made."""
    home = select(schema.campaigns.c.id).where(schema.campaigns.c.key == campaign).scalar_subquery()
    query = _grants().where(schema.grants.c.campaign_id == home).order_by(schema.grants.c.id).limit(count)
    if state is not None:
        query = query.where(schema.grants.c.state == state.value)
    if after is not None:
        query = query.where(schema.grants.c.id > after)
    return [grant_of(row) for row in session.core.execute(query).mappings()]


def person_grants(session: Session, key: bytes, appid: AppId, openid: str, count: int) -> list[Grant]:
    """Return the newest grants of one person."""
    who = openid_hash(key, appid, openid)
    query = (
        _grants()
        .where(schema.persons.c.appid == appid, schema.persons.c.openid_hash == who)
        .order_by(schema.grants.c.id.desc())
        .limit(count)
    )
    return [grant_of(row) for row in session.core.execute(query).mappings()]


def looks(session: Session, mch_id: str, *, count: int, again_ms: int) -> list[Grant]:
    """Take grants to query, those in doubt first, and make the next appointment for each."""
    now_ms = session.now_ms()
    rows = [dict(row) for row in session.rows("doubt", mch_id=mch_id, now_ms=now_ms, count=count)]
    if len(rows) < count:
        rows += [dict(row) for row in session.rows("follow", mch_id=mch_id, now_ms=now_ms, count=count - len(rows))]
    for row in rows:
        row["look_ms"] = now_ms + again_ms
    session.each("keep_looks", rows)
    return [grant_of(row) for row in rows]


def expired(session: Session, *, count: int) -> list[Expired]:
    """Return leases that ran out."""
    return [
        Expired(grant=grant_of(row), token=row["lease_token"], serial=row["attempts"], until_ms=row["lease_until_ms"])
        for row in session.rows("expired", now_ms=session.now_ms(), count=count)
    ]


def work(session: Session, *, within_ms: int) -> list[Work]:
    """Return merchants with something to do soon."""
    now_ms = session.now_ms()
    until_ms = now_ms + within_ms
    found: list[Work] = []
    for row in session.rows("work"):
        due_ms = row["due_ms"]
        if due_ms is not None and row["brake"] == BrakeState.HELD:
            due_ms = None if row["probe_ms"] is None else max(due_ms, row["probe_ms"])
        elif row["brake"] == BrakeState.STOPPED:
            due_ms = None
        looks_ms = [look for look in (row["doubt_ms"], row["follow_ms"]) if look is not None]
        due_ms = due_ms if due_ms is not None and due_ms <= until_ms else None
        look_ms = min((look for look in looks_ms if look <= until_ms), default=None)
        if due_ms is not None or look_ms is not None:
            held = row["lane_until_ms"] is not None and row["lane_until_ms"] >= now_ms
            found.append(Work(MerchantId(row["mch_id"]), due_ms, look_ms, held))
    return found


def recent(session: Session, mch_id: str, campaign: CampaignId | None, count: int) -> list[Recent]:
    """Return the newest answered sends, newest first."""
    if campaign is None:
        rows = session.rows("recent_of_merchant", mch_id=mch_id, count=count)
    else:
        home = session.rows("campaign_home", key=campaign)
        rows = session.rows("recent_of_campaign", campaign_id=home[0]["id"], count=count) if home else []
    return [
        Recent(
            grant=GrantId(row["grant_id"]),
            campaign=CampaignId(row["campaign_key"]),
            outcome=row["outcome"],
            code=row["code"],
            text=row["text"],
            ended_ms=row["ended_ms"],
        )
        for row in rows
    ]


def notices(session: Session, count: int) -> list[Notice]:
    """Return the oldest notices that are not acknowledged."""
    table = schema.notices
    query = (
        select(table, schema.campaigns.c.key.label("campaign_key"))
        .join(schema.campaigns, schema.campaigns.c.id == table.c.campaign_id)
        .order_by(table.c.id)
        .limit(count)
    )
    return [notice_of(row) for row in session.core.execute(query).mappings()]


def acknowledge(session: Session, numbers: Sequence[int]) -> None:
    """Forget notices."""
    session.core.execute(delete(schema.notices).where(schema.notices.c.id.in_(numbers)))


def _transfers() -> Query:
    return (
        select(schema.transfers, schema.campaigns.c.key.label("campaign_key"))
        .outerjoin(schema.campaigns, schema.campaigns.c.id == schema.transfers.c.campaign_id)
        .order_by(schema.transfers.c.id)
    )


class Books:
    """All books of one moment, read through one transaction that sees nothing later."""

    def __init__(self, session: Session) -> None:
        """Read through this transaction."""
        self._core = session.core

    def _stream(self, query: Query) -> Iterator[Row]:
        with self._core.execution_options(yield_per=5_000).execute(query) as result:
            yield from result.mappings()

    def transfers(self) -> Iterator[Transfer]:
        """Yield all transfers in their order."""
        for row in self._stream(_transfers()):
            yield transfer_of(row)

    def merchants(self) -> Mapping[MerchantId, Balance]:
        """Return the balances of merchants."""
        return {MerchantId(row["mch_id"]): balance_of(row) for row in self._stream(select(schema.merchants))}

    def campaigns(self) -> Mapping[CampaignId, Balance]:
        """Return the balances of campaigns."""
        return {CampaignId(row["key"]): balance_of(row) for row in self._stream(select(schema.campaigns))}

    def grants(self) -> Iterator[AuditedGrant]:
        """Yield what the store says of each grant."""
        table = schema.grants
        query = (
            select(table.c.id, table.c.mch_id, schema.campaigns.c.key, table.c.fen, table.c.state)
            .join(schema.campaigns, schema.campaigns.c.id == table.c.campaign_id)
            .order_by(table.c.id)
        )
        for row in self._stream(query):
            yield AuditedGrant(
                grant=GrantId(row["id"]),
                merchant=MerchantId(row["mch_id"]),
                campaign=CampaignId(row["key"]),
                fen=Fen(row["fen"]),
                state=State(row["state"]),
            )
