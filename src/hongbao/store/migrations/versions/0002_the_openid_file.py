"""The openid file: batches and their rows."""

import sqlalchemy as sa
from alembic import op

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward; there is no way back: money has moved since."""
    op.create_table(
        "batch_rows",
        sa.Column("batch_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("openid", sa.Text(), nullable=True, comment="until the row is a grant; then the person has it"),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("fen", WHOLE, nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("own", sa.Text(), nullable=False, comment="JSON: cells of the columns that are not ours"),
        sa.PrimaryKeyConstraint("batch_id", "line", name=op.f("pk_batch_rows")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "batches",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="its campaign's; while staging a name of its own"),
        sa.Column("mch_id", sa.Text(), nullable=True),
        sa.Column("appid", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("template_hash", sa.Text(), nullable=True),
        sa.Column("template", sa.Text(), server_default="{}", nullable=False),
        sa.Column("file_name", sa.Text(), server_default="", nullable=False),
        sa.Column("columns", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "continues",
            sa.Text(),
            nullable=True,
            comment="two continuations of one batch would pay its failed rows twice",
        ),
        sa.Column("row_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fen", WHOLE, server_default="0", nullable=False),
        sa.Column("left_out", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fed_rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fed_fen", WHOLE, server_default="0", nullable=False),
        sa.Column("fed_line", sa.Integer(), server_default="0", nullable=False),
        sa.Column("begun_ms", WHOLE, nullable=False),
        sa.Column("submitted_ms", WHOLE, nullable=True),
        sa.CheckConstraint("state IN ('staging', 'ready', 'feeding', 'fed', 'settled')", name=op.f("ck_batches_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("continues", name=op.f("uq_batches_continues")),
        sa.UniqueConstraint("key", name=op.f("uq_batches_key")),
        sa.UniqueConstraint(
            "mch_id", "content_hash", "template_hash", name=op.f("uq_batches_mch_id_content_hash_template_hash")
        ),
    )
    op.create_index("ix_batches_merchant", "batches", ["mch_id", "id"], unique=False)
    op.create_index(
        "ix_batches_unsettled",
        "batches",
        ["state", "id"],
        unique=False,
        sqlite_where=sa.text("state <> 'settled'"),
        postgresql_where=sa.text("state <> 'settled'"),
    )
