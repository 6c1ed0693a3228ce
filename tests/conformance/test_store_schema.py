"""A database that went through every migration is the same as one made today."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text
from tests.conformance.worlds import PERSON_KEY

from hongbao.clock import SystemClock
from hongbao.engine.ports import Merchant
from hongbao.ids import MerchantId
from hongbao.store.opening import open_sqlite
from hongbao.store.schema import metadata
from hongbao.store.upgrade import prepare, upgrade_from_nothing


def sqlite_schema(engine: Engine) -> dict[str, list[str]]:
    """Return what SQLite itself says of each table, index and trigger: the columns in order, then the constraints."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        schema: dict[str, list[str]] = {}
        for row in rows:
            columns, *constraints = " ".join(row.sql.split()).removesuffix(" )").split(", CONSTRAINT ")
            schema[f"{row.type} {row.name}"] = [columns, *sorted(constraints)]
        return schema


def test_fresh_equals_upgraded_on_sqlite() -> None:
    """Clause by clause, as SQLite keeps it."""
    fresh, upgraded = create_engine("sqlite://"), create_engine("sqlite://")
    prepare(fresh)
    upgrade_from_nothing(upgraded)
    assert sqlite_schema(upgraded) == sqlite_schema(fresh)


def postgres_schema(engine: Engine) -> dict[str, object]:
    """Return what PostgreSQL itself says of each column, constraint, index and trigger."""
    questions = {
        "columns": "SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity"
        " FROM information_schema.columns WHERE table_schema = 'public'",
        "constraints": "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
        "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        "comments": "SELECT objoid::regclass::text, objsubid, description FROM pg_description"
        " WHERE classoid = 'pg_class'::regclass AND objoid > 16384",
    }
    with engine.connect() as connection:
        return {
            name: sorted(tuple(map(str, row)) for row in connection.execute(text(question)))
            for name, question in questions.items()
        }


def test_fresh_equals_upgraded_on_postgres(postgres_server: str, empty_postgres_url: str, postgres_url: str) -> None:
    """By PostgreSQL's own catalogue, and by Alembic's comparison with the tables in the code."""
    upgraded = create_engine(empty_postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    fresh = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        upgrade_from_nothing(upgraded)
        assert postgres_schema(upgraded) == postgres_schema(fresh)
        with upgraded.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    finally:
        upgraded.dispose()
        fresh.dispose()


def test_opening_again_keeps_everything(tmp_path: Path) -> None:
    """The second time nothing is made and nothing is lost."""
    path = str(tmp_path / "hongbao.db")
    store = open_sqlite(path, clock=SystemClock(), person_key=PERSON_KEY)
    store.add_merchant(Merchant(merchant=MerchantId("1900000001")))
    store.close()
    store = open_sqlite(path, clock=SystemClock(), person_key=PERSON_KEY)
    assert [merchant.merchant for merchant in store.merchants()] == ["1900000001"]
    store.close()


@pytest.mark.parametrize("pragma", [("journal_mode", "wal"), ("synchronous", 2)])
def test_a_sqlite_file_is_durable_at_every_commit(tmp_path: Path, pragma: tuple[str, object]) -> None:
    """WAL, and the disk is waited for."""
    store = open_sqlite(str(tmp_path / "hongbao.db"), clock=SystemClock(), person_key=PERSON_KEY)
    with store.database.transaction() as session:
        assert session.core.execute(text(f"PRAGMA {pragma[0]}")).scalar() == pragma[1]
    store.close()


def test_every_table_has_what_the_story_calls_it() -> None:
    """The tables of a fresh database, no more and no fewer."""
    engine = create_engine("sqlite://")
    prepare(engine)
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}
