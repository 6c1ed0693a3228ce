"""The first schema: merchants, campaigns, persons, grants, attempts, transfers, days, notices."""

import sqlalchemy as sa
from alembic import op

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


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

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward; there is no way back: money has moved since."""
    op.create_table(
        "attempts",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("grant_id", WHOLE, nullable=False),
        sa.Column("mch_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", WHOLE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("lease_until_ms", WHOLE, nullable=True),
        sa.Column("opened_ms", WHOLE, nullable=False),
        sa.Column("slot_ms", WHOLE, nullable=True),
        sa.Column("started_ms", WHOLE, nullable=True),
        sa.Column("ended_ms", WHOLE, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("raw", sa.Text(), server_default="", nullable=False),
        sa.Column("list_id", sa.Text(), nullable=True),
        sa.Column("lost", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("kind IN ('send', 'query')", name=op.f("ck_attempts_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("grant_id", "kind", "serial", name=op.f("uq_attempts_grant_id_kind_serial")),
    )
    op.create_index(
        "ix_attempts_campaign",
        "attempts",
        ["campaign_id", "id"],
        unique=False,
        sqlite_where=sa.text("kind = 'send'"),
        postgresql_where=sa.text("kind = 'send'"),
    )
    op.create_index(
        "ix_attempts_merchant",
        "attempts",
        ["mch_id", "id"],
        unique=False,
        sqlite_where=sa.text("kind = 'send'"),
        postgresql_where=sa.text("kind = 'send'"),
    )

    op.create_table(
        "merchant_days",
        sa.Column("mch_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, comment="Beijing date, yyyymmdd"),
        sa.Column("packets", sa.Integer(), nullable=False),
        sa.Column("fen", WHOLE, nullable=False),
        sa.CheckConstraint("packets >= 0 AND fen >= 0", name=op.f("ck_merchant_days_not_below_zero")),
        sa.PrimaryKeyConstraint("mch_id", "day", name=op.f("pk_merchant_days")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "merchants",
        sa.Column("mch_id", sa.Text(), nullable=False),
        sa.Column("funded", WHOLE, server_default="0", nullable=False),
        sa.Column("free", WHOLE, server_default="0", nullable=False),
        sa.Column("reserved", WHOLE, server_default="0", nullable=False),
        sa.Column("paid", WHOLE, server_default="0", nullable=False),
        sa.Column("returned", WHOLE, server_default="0", nullable=False),
        sa.Column("brake", sa.Text(), nullable=False),
        sa.Column("brake_code", sa.Text(), nullable=False),
        sa.Column("brake_text", sa.Text(), nullable=False),
        sa.Column("brake_since_ms", WHOLE, nullable=False),
        sa.Column("probe_ms", WHOLE, nullable=True),
        sa.Column("quiet_hours", sa.Integer(), nullable=False),
        sa.Column(
            "limits", sa.Text(), nullable=False, comment="JSON: what differs from the defaults, with day and source"
        ),
        sa.Column("pace", sa.Text(), nullable=False, comment="JSON: read by payout.pacing alone"),
        sa.Column(
            "lease_round", WHOLE, server_default="0", nullable=False, comment="whose turn it is among the campaigns"
        ),
        sa.Column("lane_owner", sa.Text(), nullable=True),
        sa.Column("lane_until_ms", WHOLE, nullable=True),
        sa.CheckConstraint("brake IN ('go', 'stopped', 'held')", name=op.f("ck_merchants_brake")),
        sa.CheckConstraint("free >= 0", name=op.f("ck_merchants_free_not_below_zero")),
        sa.CheckConstraint("funded = free + reserved + paid", name=op.f("ck_merchants_adds_up")),
        sa.CheckConstraint("funded >= 0", name=op.f("ck_merchants_funded_not_below_zero")),
        sa.CheckConstraint("paid >= 0", name=op.f("ck_merchants_paid_not_below_zero")),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_merchants_reserved_not_below_zero")),
        sa.CheckConstraint("returned >= 0", name=op.f("ck_merchants_returned_not_below_zero")),
        sa.PrimaryKeyConstraint("mch_id", name=op.f("pk_merchants")),
    )
    op.create_table(
        "notices",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("grant_id", WHOLE, nullable=False),
        sa.Column("mch_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", WHOLE, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("fen", WHOLE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "orders",
        sa.Column("mch_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False, comment="unique for ever, dead ones included"),
        sa.Column("grant_id", WHOLE, nullable=False),
        sa.Column("renewal", sa.Integer(), nullable=False),
        sa.Column(
            "frozen", sa.LargeBinary(), nullable=False, comment="the request but nonce_str and sign; never rewritten"
        ),
        sa.PrimaryKeyConstraint("mch_id", "number", name=op.f("pk_orders")),
    )
    op.create_table(
        "person_days",
        sa.Column("person_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("mch_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, comment="Beijing date, yyyymmdd"),
        sa.Column("packets", sa.Integer(), nullable=False),
        sa.Column("fen", WHOLE, nullable=False),
        sa.Column("is_full", sa.Integer(), nullable=False),
        sa.CheckConstraint("packets >= 0 AND fen >= 0", name=op.f("ck_person_days_not_below_zero")),
        sa.PrimaryKeyConstraint("person_id", "mch_id", "day", name=op.f("pk_person_days")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tallies",
        sa.Column("campaign_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("grants", WHOLE, nullable=False),
        sa.Column("fen", WHOLE, nullable=False),
        sa.CheckConstraint("grants >= 0 AND fen >= 0", name=op.f("ck_tallies_not_below_zero")),
        sa.PrimaryKeyConstraint("campaign_id", "state", name=op.f("pk_tallies")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "transfers",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column(
            "key", sa.Text(), nullable=True, comment="of fund and allot; a grant's transfers have (grant_id, kind)"
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fen", WHOLE, nullable=False),
        sa.Column("mch_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", WHOLE, nullable=True),
        sa.Column("grant_id", WHOLE, nullable=True),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.CheckConstraint(
            "(campaign_id IS NULL) = (kind = 'fund')", name=op.f("ck_transfers_campaign_where_it_belongs")
        ),
        sa.CheckConstraint(
            "(grant_id IS NULL) = (kind IN ('fund', 'allot'))", name=op.f("ck_transfers_grant_where_it_belongs")
        ),
        sa.CheckConstraint(
            "fen <> 0 AND (fen > 0 OR kind IN ('fund', 'allot'))", name=op.f("ck_transfers_fen_above_zero")
        ),
        sa.CheckConstraint(
            "kind IN ('fund', 'allot', 'reserve', 'settle', 'release', 'give_back')", name=op.f("ck_transfers_kind")
        ),
        sa.CheckConstraint("(key IS NULL) = (grant_id IS NOT NULL)", name=op.f("ck_transfers_key_where_it_belongs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index(
        "ix_transfers_key",
        "transfers",
        ["key"],
        unique=True,
        sqlite_where=sa.text("key IS NOT NULL"),
        postgresql_where=sa.text("key IS NOT NULL"),
    )
    op.create_index(
        "ix_transfers_once",
        "transfers",
        ["grant_id", "kind"],
        unique=True,
        sqlite_where=sa.text("grant_id IS NOT NULL"),
        postgresql_where=sa.text("grant_id IS NOT NULL"),
    )

    op.create_table(
        "accounts",
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("mch_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["mch_id"], ["merchants.mch_id"], name=op.f("fk_accounts_mch_id")),
        sa.PrimaryKeyConstraint("appid", name=op.f("pk_accounts")),
    )
    op.create_index(op.f("ix_accounts_mch_id"), "accounts", ["mch_id"], unique=False)

    op.create_table(
        "campaigns",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("mch_id", sa.Text(), nullable=False),
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("funded", WHOLE, server_default="0", nullable=False),
        sa.Column("free", WHOLE, server_default="0", nullable=False),
        sa.Column("reserved", WHOLE, server_default="0", nullable=False),
        sa.Column("paid", WHOLE, server_default="0", nullable=False),
        sa.Column("returned", WHOLE, server_default="0", nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("begins_ms", WHOLE, nullable=True),
        sa.Column("ends_ms", WHOLE, nullable=True),
        sa.Column("created_ms", WHOLE, nullable=False),
        sa.CheckConstraint("state IN ('draft', 'live', 'paused', 'ended', 'settled')", name=op.f("ck_campaigns_state")),
        sa.CheckConstraint("free >= 0", name=op.f("ck_campaigns_free_not_below_zero")),
        sa.CheckConstraint("funded = free + reserved + paid", name=op.f("ck_campaigns_adds_up")),
        sa.CheckConstraint("funded >= 0", name=op.f("ck_campaigns_funded_not_below_zero")),
        sa.CheckConstraint("paid >= 0", name=op.f("ck_campaigns_paid_not_below_zero")),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_campaigns_reserved_not_below_zero")),
        sa.CheckConstraint("returned >= 0", name=op.f("ck_campaigns_returned_not_below_zero")),
        sa.ForeignKeyConstraint(["appid"], ["accounts.appid"], name=op.f("fk_campaigns_appid")),
        sa.ForeignKeyConstraint(["mch_id"], ["merchants.mch_id"], name=op.f("fk_campaigns_mch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("key", name=op.f("uq_campaigns_key")),
    )
    op.create_index("ix_campaigns_merchant", "campaigns", ["mch_id", "id"], unique=False)
    op.create_index(
        "ix_campaigns_sending",
        "campaigns",
        ["mch_id", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('ended', 'live')"),
        postgresql_where=sa.text("state IN ('ended', 'live')"),
    )

    op.create_table(
        "persons",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("openid_hash", sa.Text(), nullable=False, comment="keyed: stays when the openid is erased"),
        sa.Column("openid", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["appid"], ["accounts.appid"], name=op.f("fk_persons_appid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persons")),
        sa.UniqueConstraint("appid", "openid_hash", name=op.f("uq_persons_appid_openid_hash")),
    )
    op.create_table(
        "grants",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", WHOLE, nullable=False),
        sa.Column("person_id", WHOLE, nullable=False),
        sa.Column("mch_id", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column(
            "content",
            sa.Text(),
            nullable=False,
            comment="what was asked for; another content under the once-key is refused",
        ),
        sa.Column("fen", WHOLE, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("renewal", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("money", sa.Text(), nullable=False),
        sa.Column("due_ms", WHOLE, nullable=True),
        sa.Column("look_ms", WHOLE, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queries", sa.Integer(), nullable=False),
        sa.Column("first_try_ms", WHOLE, nullable=True),
        sa.Column("last_try_ms", WHOLE, nullable=True),
        sa.Column("place", sa.Integer(), nullable=True, comment="Beijing date (yyyymmdd) of the place under the caps"),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("lease_until_ms", WHOLE, nullable=True),
        sa.Column("seen_success", sa.Integer(), nullable=False),
        sa.Column("last_code", sa.Text(), nullable=False),
        sa.Column("last_text", sa.Text(), nullable=False),
        sa.Column("hold_reason", sa.Text(), nullable=False),
        sa.Column("list_id", sa.Text(), nullable=True),
        sa.Column("file_row", sa.Integer(), nullable=True),
        sa.Column("created_ms", WHOLE, nullable=False),
        sa.Column("ended_ms", WHOLE, nullable=True),
        sa.CheckConstraint(
            "(state IN ('sending', 'resending')) = (lease_token IS NOT NULL)",
            name=op.f("ck_grants_lease_only_while_sending"),
        ),
        sa.CheckConstraint(
            "due_ms IS NULL OR state IN ('due', 'unsure')", name=op.f("ck_grants_due_only_where_it_may_be_sent")
        ),
        sa.CheckConstraint("money IN ('reserved', 'settled', 'released', 'given_back')", name=op.f("ck_grants_money")),
        sa.CheckConstraint(
            "state IN ('due', 'sending', 'unsure', 'resending', 'doomed', 'dead', 'sent', 'received', 'returning', 'returned', 'failed', 'cancelled', 'needs_person')",
            name=op.f("ck_grants_state"),
        ),
        sa.CheckConstraint("(lease_token IS NULL) = (lease_until_ms IS NULL)", name=op.f("ck_grants_lease_whole")),
        sa.CheckConstraint("fen > 0", name=op.f("ck_grants_fen_above_zero")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_grants_campaign_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_grants_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sa.UniqueConstraint(
            "person_id", "campaign_id", "occasion", name=op.f("uq_grants_person_id_campaign_id_occasion")
        ),
    )
    op.create_index("ix_grants_campaign", "grants", ["campaign_id", "id"], unique=False)
    op.create_index(
        "ix_grants_doubt",
        "grants",
        ["mch_id", "look_ms", "id"],
        unique=False,
        sqlite_where=sa.text("look_ms IS NOT NULL AND state IN ('unsure', 'doomed')"),
        postgresql_where=sa.text("look_ms IS NOT NULL AND state IN ('unsure', 'doomed')"),
    )
    op.create_index(
        "ix_grants_due",
        "grants",
        ["campaign_id", "due_ms", "id"],
        unique=False,
        sqlite_where=sa.text("due_ms IS NOT NULL"),
        postgresql_where=sa.text("due_ms IS NOT NULL"),
    )
    op.create_index(
        "ix_grants_expiry",
        "grants",
        ["lease_until_ms", "id"],
        unique=False,
        sqlite_where=sa.text("lease_token IS NOT NULL"),
        postgresql_where=sa.text("lease_token IS NOT NULL"),
    )
    op.create_index(
        "ix_grants_follow",
        "grants",
        ["mch_id", "look_ms", "id"],
        unique=False,
        sqlite_where=sa.text("look_ms IS NOT NULL AND state NOT IN ('unsure', 'doomed')"),
        postgresql_where=sa.text("look_ms IS NOT NULL AND state NOT IN ('unsure', 'doomed')"),
    )
    op.create_index(
        "ix_grants_lease",
        "grants",
        ["mch_id", "lease_token"],
        unique=False,
        sqlite_where=sa.text("lease_token IS NOT NULL"),
        postgresql_where=sa.text("lease_token IS NOT NULL"),
    )
    for statement in TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)
