"""The tables, stated once for SQLite and PostgreSQL.

Money is INTEGER fen, time is INTEGER milliseconds since the Unix epoch (UTC). A balance row cannot hold a broken
equation, a transfer can neither be changed nor deleted, and no once-key exists twice: whatever the code above believes.

Every index on `grants` but the once-key is partial: it holds what is still open, so that no query's cost grows with
what has ended. Rows that are only ever written together with their grant (orders, attempts, transfers, notices) have no
foreign key: a check for every row would cost more than the row, and the second hand finds an orphan.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from hongbao.engine.ports import SENDING_STATES, BatchState, BrakeState, CampaignState
from hongbao.ledger.grant import Money, State
from hongbao.ledger.transfer import Kind

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

WHOLE = BigInteger().with_variant(Integer(), "sqlite")
"""A whole number of 64 bits; in SQLite only INTEGER can be the row's own key."""


def _id() -> Column[Any]:
    return Column("id", WHOLE, Identity(), primary_key=True)


def _one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _balance() -> tuple[Any, ...]:
    parts = ("funded", "free", "reserved", "paid", "returned")
    return (
        *(Column(part, WHOLE, nullable=False, server_default="0") for part in parts),
        CheckConstraint("funded = free + reserved + paid", name="adds_up"),
        *(CheckConstraint(f"{part} >= 0", name=f"{part}_not_below_zero") for part in parts),
    )


merchants = Table(
    "merchants",
    metadata,
    Column("mch_id", Text, primary_key=True),
    *_balance(),
    Column("brake", Text, nullable=False),
    Column("brake_code", Text, nullable=False),
    Column("brake_text", Text, nullable=False),
    Column("brake_since_ms", WHOLE, nullable=False),
    Column("probe_ms", WHOLE),
    Column("quiet_hours", Integer, nullable=False),
    Column("limits", Text, nullable=False, comment="JSON: what differs from the defaults, with day and source"),
    Column("pace", Text, nullable=False, comment="JSON: read by payout.pacing alone"),
    Column("lease_round", WHOLE, nullable=False, server_default="0", comment="whose turn it is among the campaigns"),
    Column("lane_owner", Text),
    Column("lane_until_ms", WHOLE),
    _one_of("brake", BrakeState),
)

accounts = Table(
    "accounts",
    metadata,
    Column("appid", Text, primary_key=True),
    Column("mch_id", Text, ForeignKey("merchants.mch_id"), nullable=False, index=True),
)

persons = Table(
    "persons",
    metadata,
    _id(),
    Column("appid", Text, ForeignKey("accounts.appid"), nullable=False),
    Column("openid_hash", Text, nullable=False, comment="keyed: stays when the openid is erased"),
    Column("openid", Text),
    UniqueConstraint("appid", "openid_hash"),
)

_SENDING = ", ".join(f"'{state}'" for state in sorted(SENDING_STATES))

campaigns = Table(
    "campaigns",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),
    Column("mch_id", Text, ForeignKey("merchants.mch_id"), nullable=False),
    Column("appid", Text, ForeignKey("accounts.appid"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    *_balance(),
    Column("template", Text, nullable=False),
    Column("begins_ms", WHOLE),
    Column("ends_ms", WHOLE),
    Column("created_ms", WHOLE, nullable=False),
    _one_of("state", CampaignState),
    Index("ix_campaigns_merchant", "mch_id", "id"),
)
Index(
    "ix_campaigns_sending",
    campaigns.c.mch_id,
    campaigns.c.id,
    sqlite_where=text(f"state IN ({_SENDING})"),
    postgresql_where=text(f"state IN ({_SENDING})"),
)

tallies = Table(
    "tallies",
    metadata,
    Column("campaign_id", WHOLE, primary_key=True, autoincrement=False),
    Column("state", Text, primary_key=True),
    Column("grants", WHOLE, nullable=False),
    Column("fen", WHOLE, nullable=False),
    CheckConstraint("grants >= 0 AND fen >= 0", name="not_below_zero"),
    sqlite_with_rowid=False,
)

grants = Table(
    "grants",
    metadata,
    _id(),
    Column("campaign_id", WHOLE, ForeignKey("campaigns.id"), nullable=False),
    Column("person_id", WHOLE, ForeignKey("persons.id"), nullable=False),
    Column("mch_id", Text, nullable=False),
    Column("occasion", Text, nullable=False),
    Column(
        "content", Text, nullable=False, comment="what was asked for; another content under the once-key is refused"
    ),
    Column("fen", WHOLE, nullable=False),
    Column("number", Text, nullable=False),
    Column("renewal", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("money", Text, nullable=False),
    Column("due_ms", WHOLE),
    Column("look_ms", WHOLE),
    Column("attempts", Integer, nullable=False),
    Column("queries", Integer, nullable=False),
    Column("first_try_ms", WHOLE),
    Column("last_try_ms", WHOLE),
    Column("place", Integer, comment="Beijing date (yyyymmdd) of the place under the caps"),
    Column("lease_token", Text),
    Column("lease_until_ms", WHOLE),
    Column("seen_success", Integer, nullable=False),
    Column("last_code", Text, nullable=False),
    Column("last_text", Text, nullable=False),
    Column("hold_reason", Text, nullable=False),
    Column("list_id", Text),
    Column("file_row", Integer),
    Column("created_ms", WHOLE, nullable=False),
    Column("ended_ms", WHOLE),
    # The person first: the key of the promise is also the way to all packets of one person.
    UniqueConstraint("person_id", "campaign_id", "occasion"),
    CheckConstraint("fen > 0", name="fen_above_zero"),
    CheckConstraint("due_ms IS NULL OR state IN ('due', 'unsure')", name="due_only_where_it_may_be_sent"),
    CheckConstraint("(lease_token IS NULL) = (lease_until_ms IS NULL)", name="lease_whole"),
    CheckConstraint("(state IN ('sending', 'resending')) = (lease_token IS NOT NULL)", name="lease_only_while_sending"),
    _one_of("state", State),
    _one_of("money", Money),
)


def _open(name: str, where: str, *columns: str) -> None:
    Index(name, *(grants.c[column] for column in columns), sqlite_where=text(where), postgresql_where=text(where))


_open("ix_grants_due", "due_ms IS NOT NULL", "campaign_id", "due_ms", "id")
_open("ix_grants_doubt", "look_ms IS NOT NULL AND state IN ('unsure', 'doomed')", "mch_id", "look_ms", "id")
_open("ix_grants_follow", "look_ms IS NOT NULL AND state NOT IN ('unsure', 'doomed')", "mch_id", "look_ms", "id")
_open("ix_grants_lease", "lease_token IS NOT NULL", "mch_id", "lease_token")
_open("ix_grants_expiry", "lease_token IS NOT NULL", "lease_until_ms", "id")
Index("ix_grants_campaign", grants.c.campaign_id, grants.c.id)

orders = Table(
    "orders",
    metadata,
    Column("mch_id", Text, primary_key=True),
    Column("number", Text, primary_key=True, comment="unique for ever, dead ones included"),
    Column("grant_id", WHOLE, nullable=False),
    Column("renewal", Integer, nullable=False),
    Column("frozen", LargeBinary, nullable=False, comment="the request but nonce_str and sign; never rewritten"),
)

attempts = Table(
    "attempts",
    metadata,
    _id(),
    Column("grant_id", WHOLE, nullable=False),
    Column("mch_id", Text, nullable=False),
    Column("campaign_id", WHOLE, nullable=False),
    Column("kind", Text, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("number", Text, nullable=False),
    Column("lease_token", Text),
    Column("lease_until_ms", WHOLE),
    Column("opened_ms", WHOLE, nullable=False),
    Column("slot_ms", WHOLE),
    Column("started_ms", WHOLE),
    Column("ended_ms", WHOLE),
    Column("outcome", Text),
    Column("code", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    Column("raw", Text, nullable=False, server_default=""),
    Column("list_id", Text),
    Column("lost", Integer, nullable=False, server_default="0"),
    UniqueConstraint("grant_id", "kind", "serial"),
    _one_of("kind", ("send", "query")),
)


def _answered(name: str, column: str) -> None:
    # By the order in which they were leased: the order of their answers differs by seconds.
    where = "kind = 'send'"
    Index(name, attempts.c[column], attempts.c.id, sqlite_where=text(where), postgresql_where=text(where))


_answered("ix_attempts_merchant", "mch_id")
_answered("ix_attempts_campaign", "campaign_id")

transfers = Table(
    "transfers",
    metadata,
    _id(),
    Column("key", Text, comment="of fund and allot; a grant's transfers have (grant_id, kind)"),
    Column("kind", Text, nullable=False),
    Column("fen", WHOLE, nullable=False),
    Column("mch_id", Text, nullable=False),
    Column("campaign_id", WHOLE),
    Column("grant_id", WHOLE),
    Column("at_ms", WHOLE, nullable=False),
    _one_of("kind", Kind),
    CheckConstraint("(grant_id IS NULL) = (kind IN ('fund', 'allot'))", name="grant_where_it_belongs"),
    CheckConstraint("(campaign_id IS NULL) = (kind = 'fund')", name="campaign_where_it_belongs"),
    CheckConstraint("(key IS NULL) = (grant_id IS NOT NULL)", name="key_where_it_belongs"),
    CheckConstraint("fen <> 0 AND (fen > 0 OR kind IN ('fund', 'allot'))", name="fen_above_zero"),
)
_OF_MERCHANT, _OF_GRANT = text("key IS NOT NULL"), text("grant_id IS NOT NULL")
Index("ix_transfers_key", transfers.c.key, unique=True, sqlite_where=_OF_MERCHANT, postgresql_where=_OF_MERCHANT)
Index(
    "ix_transfers_once",
    transfers.c.grant_id,
    transfers.c.kind,
    unique=True,
    sqlite_where=_OF_GRANT,
    postgresql_where=_OF_GRANT,
)

person_days = Table(
    "person_days",
    metadata,
    Column("person_id", WHOLE, primary_key=True, autoincrement=False),
    Column("mch_id", Text, primary_key=True),
    Column("day", Integer, primary_key=True, comment="Beijing date, yyyymmdd"),
    Column("packets", Integer, nullable=False),
    Column("fen", WHOLE, nullable=False),
    Column("is_full", Integer, nullable=False),
    CheckConstraint("packets >= 0 AND fen >= 0", name="not_below_zero"),
    sqlite_with_rowid=False,
)

merchant_days = Table(
    "merchant_days",
    metadata,
    Column("mch_id", Text, primary_key=True),
    Column("day", Integer, primary_key=True, comment="Beijing date, yyyymmdd"),
    Column("packets", Integer, nullable=False),
    Column("fen", WHOLE, nullable=False),
    CheckConstraint("packets >= 0 AND fen >= 0", name="not_below_zero"),
    sqlite_with_rowid=False,
)

notices = Table(
    "notices",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("grant_id", WHOLE, nullable=False),
    Column("mch_id", Text, nullable=False),
    Column("campaign_id", WHOLE, nullable=False),
    Column("number", Text, nullable=False),
    Column("fen", WHOLE, nullable=False),
    Column("state", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    # Acknowledged notices are deleted; their numbers must not come back.
    sqlite_autoincrement=True,
)

batches = Table(
    "batches",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True, comment="its campaign's; while staging a name of its own"),
    Column("mch_id", Text),
    Column("appid", Text),
    Column("state", Text, nullable=False),
    Column("content_hash", Text),
    Column("template_hash", Text),
    Column("template", Text, nullable=False, server_default="{}"),
    Column("file_name", Text, nullable=False, server_default=""),
    Column("columns", Text, nullable=False, server_default=""),
    Column("continues", Text, unique=True, comment="two continuations of one batch would pay its failed rows twice"),
    Column("row_count", Integer, nullable=False, server_default="0"),
    Column("fen", WHOLE, nullable=False, server_default="0"),
    Column("left_out", Integer, nullable=False, server_default="0"),
    Column("fed_rows", Integer, nullable=False, server_default="0"),
    Column("fed_fen", WHOLE, nullable=False, server_default="0"),
    Column("fed_line", Integer, nullable=False, server_default="0"),
    Column("begun_ms", WHOLE, nullable=False),
    Column("submitted_ms", WHOLE),
    UniqueConstraint("mch_id", "content_hash", "template_hash"),
    _one_of("state", BatchState),
)
Index("ix_batches_merchant", batches.c.mch_id, batches.c.id)
_UNSETTLED = text(f"state <> '{BatchState.SETTLED}'")
Index("ix_batches_unsettled", batches.c.state, batches.c.id, sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED)

batch_rows = Table(
    "batch_rows",
    metadata,
    Column("batch_id", WHOLE, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True),
    Column("openid", Text, comment="until the row is a grant; then the person has it"),
    Column("occasion", Text, nullable=False),
    Column("fen", WHOLE, nullable=False),
    Column("wording", Text, nullable=False),
    Column("own", Text, nullable=False, comment="JSON: cells of the columns that are not ours"),
    sqlite_with_rowid=False,
)

TRIGGERS = {
    "sqlite": (
        """CREATE TRIGGER transfers_keep_update BEFORE UPDATE ON transfers
BEGIN SELECT RAISE(ABORT, 'a transfer is never changed'); END""",
        """CREATE TRIGGER transfers_keep_delete BEFORE DELETE ON transfers
BEGIN SELECT RAISE(ABORT, 'a transfer is never deleted'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION transfers_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a transfer is never changed or deleted' USING ERRCODE = 'restrict_violation'; END $$""",
        """CREATE TRIGGER transfers_keep_rows BEFORE UPDATE OR DELETE ON transfers
FOR EACH ROW EXECUTE FUNCTION transfers_keep()""",
        """CREATE TRIGGER transfers_keep_table BEFORE TRUNCATE ON transfers
FOR EACH STATEMENT EXECUTE FUNCTION transfers_keep()""",
    ),
}
"""What makes transfers immutable, for each database."""

for _dialect, _statements in TRIGGERS.items():
    for _statement in _statements:
        event.listen(transfers, "after_create", DDL(_statement.replace("%", "%%")).execute_if(dialect=_dialect))
