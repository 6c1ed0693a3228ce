"""No query's cost grows with what has ended or with what waits: every hot statement is a walk along an index."""

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text
from tests.conformance.worlds import PERSON_KEY

from hongbao.clock import SystemClock
from hongbao.store.opening import open_sqlite
from hongbao.store.postgres import PostgresDatabase
from hongbao.store.statements import hot
from hongbao.store.upgrade import prepare

GIVEN: dict[str, Any] = {
    "merchants": ["m"],
    "keys": ["c"],
    "ids": [1],
    "persons": [1],
    "mch_id": "m",
    "campaign_id": 1,
    "key": "c",
    "token": "t",
    "day": 20250101,
    "now_ms": 10**13,
    "count": 30,
    "pace": "{}",
    "probe_ms": None,
}
"""Values for statements that take single ones; lists for those that take many."""

SORTS_ITS_BATCH = {"leased_grants", "covered", "paid_since"}
"""Statements that sort what they return: as much as one call asked for."""


def names(database: str) -> list[str]:
    return sorted(hot(database))


@pytest.fixture(scope="module")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scale") / "hongbao.db"
    open_sqlite(str(path), clock=SystemClock(), person_key=PERSON_KEY).close()
    return path


@pytest.mark.parametrize("name", names("sqlite"))
def test_a_hot_statement_of_sqlite_only_searches(sqlite_file: Path, name: str) -> None:
    """Without a single row and without statistics: no scan of a table, no sort of more than the answer."""
    statement = hot("sqlite")[name]
    wanted = set(re.findall(r":([a-z_]+)", statement))
    given = {key: json.dumps(value) if isinstance(value, list) else value for key, value in GIVEN.items()}
    with sqlite3.connect(sqlite_file) as connection:
        parameters = {key: given.get(key, 1) for key in wanted}
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    connection.close()
    scans = [
        line for line in plan if line.startswith("SCAN") and not re.search(r"SCAN (j|m|json_each)\b|CONSTANT", line)
    ]
    assert scans == [], plan
    sorts = [line for line in plan if "TEMP B-TREE" in line]
    assert sorts == [] or name in SORTS_ITS_BATCH, plan


FILL = (
    (
        "INSERT INTO merchants (mch_id, brake, brake_code, brake_text, brake_since_ms, quiet_hours, limits, pace)"
        " SELECT 'm' || i, 'go', '', '', 0, 0, '{}', '{}' FROM generate_series(1, 20) AS i"
    ),
    "INSERT INTO accounts SELECT 'a' || i, 'm' || i FROM generate_series(1, 20) AS i",
    (
        "INSERT INTO campaigns (key, mch_id, appid, kind, state, reason, template, created_ms)"
        " SELECT 'c' || i, 'm' || i % 20 + 1, 'a' || i % 20 + 1, '', 'live', '', '', 0"
        " FROM generate_series(1, 2000) AS i"
    ),
    "INSERT INTO persons (appid, openid_hash) SELECT 'a1', 'h' || i FROM generate_series(1, 20000) AS i",
    (
        "INSERT INTO grants (campaign_id, person_id, mch_id, occasion, content, fen, number, renewal, state, money,"
        " due_ms, attempts, queries, seen_success, last_code, last_text, hold_reason, created_ms)"
        " SELECT 1, i, 'm1', '', '', 1, 'n' || i, 0, 'due', 'reserved', i, 0, 0, 0, '', '', '', 0"
        " FROM generate_series(1, 20000) AS i"
    ),
    "INSERT INTO orders SELECT 'm1', 'n' || i, i, 0, 'x' FROM generate_series(1, 20000) AS i",
    (
        "INSERT INTO attempts (grant_id, mch_id, campaign_id, kind, serial, number, opened_ms)"
        " SELECT i, 'm1', 1, 'send', 1, '', 0 FROM generate_series(1, 20000) AS i"
    ),
    "INSERT INTO person_days SELECT i, 'm1', 20250101, 1, 1, 0 FROM generate_series(1, 20000) AS i",
    "INSERT INTO tallies SELECT i, 'due', 1, 1 FROM generate_series(1, 2000) AS i",
)


@pytest.fixture(scope="module")
def filled(postgres_server: str) -> Iterator[PostgresDatabase]:
    """Twenty thousand due grants of which PostgreSQL has no statistics: the hour after an import."""
    name = f"hongbao_scale_{time.monotonic_ns()}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    database = PostgresDatabase(url)
    prepare(database.engine)
    with database.transaction() as session:
        for statement in FILL:
            session.core.execute(text(statement))
    yield database
    database.close()
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


WALKS = {"work": "Index Scan using pk_merchants on merchants m"}
"""What may be walked through from end to end: the merchants."""


@pytest.mark.parametrize("name", names("postgres"))
def test_a_hot_statement_of_postgres_only_searches(filled: PostgresDatabase, name: str) -> None:
    """On the connections that write: every index is entered with a key, and no rows are thrown away by a join."""
    statement = hot("postgres")[name]
    kinds = dict(re.findall(r"%\(([a-z_]+)\)s::(\w+)\[\]", statement))
    one = {"text": "x", "bytea": b"x"}
    given = {
        key: [one.get(kinds[key], 1)] * 30 if key in kinds else GIVEN.get(key, 1)
        for key in re.findall(r"%\(([a-z_]+)\)s", statement)
    }
    with filled.transaction() as session:
        driver: Any = session.core.connection.driver_connection
        plan = [row[0].strip() for row in driver.execute(f"EXPLAIN (COSTS off) {statement}".encode(), given)]
    faults = [line for line in plan if re.search(r"Seq Scan|Hash Join|Merge Join|Join Filter", line)]
    for line, below in zip(plan, [*plan[1:], ""], strict=True):
        walks = re.search(r"Index (Only )?Scan", line) and "Index Cond" not in below
        if walks and WALKS.get(name, "-") not in line:
            faults.append(line)
    assert faults == [], "\n".join(plan)
