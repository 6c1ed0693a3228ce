"""The schema's way from nothing, or from an older release, to today's.

A new database gets today's schema in one go and is marked as up to date; an older one is migrated step by step. Both
ends are the same, which tests/conformance checks.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from hongbao.store.schema import metadata

_UPGRADE_LOCK = 0x686F6E67
"""PostgreSQL: two processes that start at the same moment must not both make the tables."""


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def prepare(engine: Engine) -> None:
    """Make the schema, or bring it up to date."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        if not inspect(connection).has_table("merchants"):
            metadata.create_all(connection)
            context = MigrationContext.configure(connection)
            context.stamp(ScriptDirectory.from_config(_config(connection)), "head")
        elif MigrationContext.configure(connection).get_current_heads() != tuple(_heads(connection)):
            command.upgrade(_config(connection), "head")


def upgrade_from_nothing(engine: Engine) -> None:
    """Make the schema by migrations alone: what an old database went through."""
    with engine.begin() as connection:
        command.upgrade(_config(connection), "head")


def _heads(connection: Connection) -> list[str]:
    return ScriptDirectory.from_config(_config(connection)).get_heads()
