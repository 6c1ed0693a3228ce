"""SQLite: one file, one writer at a time, durable at every commit.

WAL lets readers go on while somebody writes. `synchronous=FULL` waits for the disk at each commit: what was answered
survives a power cut. `BEGIN IMMEDIATE` takes the write lock at the start, so that nothing read in a transaction is
stale when it writes; a second process waits for it, up to `BUSY_MS`. In memory one connection serves all.
"""

import json
import re
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from hongbao.clock import Clock
from hongbao.store.database import CommitUnknown, Database, undone
from hongbao.store.session import Row, Session
from hongbao.store.statements import hot

BUSY_MS = 10_000
"""How long to wait for another process's write."""

_RULE = re.compile(r"(?:CHECK|UNIQUE|NOT NULL|FOREIGN KEY) constraint failed(?:: (?P<rule>[\w., ]+))?")
_BUSY = ("database is locked", "database table is locked", "database schema is locked")


def _driver(core: Connection) -> sqlite3.Connection:
    driver = core.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(f"{type(driver)} is no SQLite connection")
    return driver


class _Session:
    """A transaction on SQLite. It excludes all others, so there is nothing to hold."""

    def __init__(self, core: Connection, clock: Clock) -> None:
        self.core = core
        self._clock = clock
        self._driver = _driver(core)
        self._hot = hot("sqlite")

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def rows(self, name: str, **given: Any) -> list[Row]:  # noqa: ANN401  what the driver takes
        cursor = self._driver.cursor()
        cursor.row_factory = sqlite3.Row
        plain = {key: json.dumps(value) if isinstance(value, list) else value for key, value in given.items()}
        return cursor.execute(self._hot[name], plain).fetchall()

    def each(self, name: str, rows: Sequence[Row]) -> None:
        if rows:
            self._driver.executemany(self._hot[name], rows)

    def load(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        places = ", ".join("?" * len(columns))
        self._driver.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)  # noqa: S608  our names

    def matching(self, name: str, columns: Sequence[str], rows: Sequence[Row], **given: Any) -> list[Row]:  # noqa: ANN401
        if ":keys" in self._hot[name]:
            return self.rows(name, keys=[[row[column] for column in columns] for row in rows], **given)
        # Some cannot be said for many keys at once. Nothing travels here, so each by itself costs no more.
        return [
            found for row in rows for found in self.rows(name, **{column: row[column] for column in columns}, **given)
        ]

    def hold(self, merchants: Iterable[str], campaigns: Iterable[str]) -> None:
        pass

    def ids(self, table: str, count: int) -> list[int]:
        # Rows of these tables are never deleted, so the highest id is the newest.
        (highest,) = self._driver.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()  # noqa: S608  our name
        return list(range(highest + 1, highest + count + 1))


def _engine(path: str, *, begin: str, readers: bool) -> Engine:
    memory = path == ":memory:"
    engine = create_engine(
        "sqlite://" if memory else f"sqlite:///{Path(path).resolve()}",
        poolclass=StaticPool if memory else QueuePool,
        connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000, "isolation_level": None},
    )

    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "temp_store = MEMORY",
            "cache_size = -65536",
            *(("query_only = ON",) if readers else ()),
        ):
            connection.execute(f"PRAGMA {pragma}")

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", start)
    return engine


class SqliteDatabase(Database):
    """One SQLite file, or one in memory."""

    driver_errors = (sqlite3.Error, DBAPIError)

    def __init__(self, path: str, clock: Clock) -> None:
        """Open the file, which need not be there; `:memory:` lives as long as this object."""
        self._clock = clock
        self._lock = threading.RLock()
        self.engine = _engine(path, begin="BEGIN IMMEDIATE", readers=False)
        self._readers = None if path == ":memory:" else _engine(path, begin="BEGIN", readers=True)
        self._writer: Connection | None = None

    @property
    def in_memory(self) -> bool:
        """Whether it ends with this object."""
        return self._readers is None

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """Open a transaction that writes; the process's other writers wait in line, not in SQLite's busy loop."""
        with self._lock:
            if self._writer is None:
                self._writer = self.engine.connect()
            core = self._writer
            transaction = core.begin()
            with undone(transaction.rollback, self.driver_errors):
                yield _Session(core, self._clock)
            try:
                self.commit(transaction.commit)
            except self.driver_errors as error:
                if _driver(core).in_transaction:
                    # A busy or full disk leaves the transaction open: it is surely not committed.
                    transaction.rollback()
                    raise
                self._forget()
                raise CommitUnknown(str(error)) from error

    def commit(self, commit: Callable[[], None]) -> None:
        """Commit. By itself, so that tests can let it fail on either side."""
        commit()

    def _forget(self) -> None:
        """Begin anew with another connection. One in memory has only this one: it is kept."""
        if self._writer is not None and self._readers is not None:
            self._writer.invalidate()
            self._writer.close()
            self._writer = None

    @contextmanager
    def reading(self) -> Generator[Session]:
        """Open a transaction that only reads."""
        if self._readers is None:
            with self._lock:
                if self._writer is None:
                    self._writer = self.engine.connect()
                transaction = self._writer.begin()
                try:
                    yield _Session(self._writer, self._clock)
                finally:
                    transaction.rollback()
            return
        with self._readers.connect() as core, core.begin():
            yield _Session(core, self._clock)

    def broken_rule(self, error: Exception) -> str | None:
        """Return the constraint that SQLite names."""
        if not isinstance(error, sqlite3.IntegrityError):
            return None
        found = _RULE.search(str(error))
        return (found and found["rule"]) or "a rule of the schema"

    def passes(self, error: Exception) -> bool:
        """Another process held the file."""
        return any(text in str(error) for text in _BUSY)

    def down(self, error: Exception) -> bool:
        """Return whether the disk is full or broken, or another process holds the file."""
        original = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(original, sqlite3.OperationalError)

    def now_ms(self) -> int:
        """Return the process's clock: a file has none of its own."""
        return self._clock.now_ms()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
            self.engine.dispose()
            if self._readers is not None:
                self._readers.dispose()
