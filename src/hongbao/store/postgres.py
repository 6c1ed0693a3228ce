"""PostgreSQL: any number of processes, rows held one by one, durable at every commit.

The connections that write plan without sequential scans, hash and merge joins, and never keep a plan: a fresh table has
no statistics, and a batch must be index look-ups from its first row to its millionth (docs/decisions/0004). Statements
that look up many keys say `LATERAL (... OFFSET 0)`: the planner then has no other way than one look-up a key.
"""

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError

from hongbao.clock import Clock
from hongbao.store.database import CommitUnknown, Database, undone
from hongbao.store.session import Row, Session
from hongbao.store.statements import hot

_PLANS = (
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c enable_bitmapscan=off"
    " -c plan_cache_mode=force_custom_plan -c jit=off"
)
_FENCED = "-c idle_in_transaction_session_timeout=4s"
"""A host that stands still in the middle of a transaction must not hold its rows against all others: it loses both."""
_FENCED_STATE = "25P03"
_DURABLE = "-c synchronous_commit=on -c timezone=UTC -c lock_timeout=30s"
_PARAMETER = re.compile(r"%\((?P<name>[a-z_]+)\)s")


class _Session:
    """A transaction on PostgreSQL."""

    def __init__(self, core: Connection, clock: Clock | None) -> None:
        self.core = core
        self._clock = clock
        driver = core.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            raise TypeError(f"{type(driver)} is no connection of psycopg")
        self._cursor = driver.cursor(row_factory=dict_row)
        self._hot = hot("postgres")

    def now_ms(self) -> int:
        return self.rows("now")[0]["now_ms"] if self._clock is None else self._clock.now_ms()

    def rows(self, name: str, **given: Any) -> list[Row]:  # noqa: ANN401  what the driver takes
        cursor = self._cursor.execute(self._hot[name].encode(), given)
        return [] if cursor.description is None else list(cursor.fetchall())

    def each(self, name: str, rows: Sequence[Row]) -> None:
        if rows:
            text = self._hot[name]
            columns = {found["name"] for found in _PARAMETER.finditer(text)}
            self._cursor.execute(text.encode(), {column: [row[column] for row in rows] for column in columns})

    def load(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        with self._cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def matching(self, name: str, columns: Sequence[str], rows: Sequence[Row], **given: Any) -> list[Row]:  # noqa: ANN401
        return self.rows(name, **{column: [row[column] for row in rows] for column in columns}, **given)

    def hold(self, merchants: Iterable[str], campaigns: Iterable[str]) -> None:
        merchants, campaigns = sorted(merchants), sorted(campaigns)
        if merchants:
            self.rows("lock_merchants", merchants=merchants)
        if campaigns:
            self.rows("lock_campaigns", keys=campaigns)

    def ids(self, table: str, count: int) -> list[int]:
        # Gaps are welcome: a number that a failed transaction took is not given again.
        rows = self._cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%(table)s, 'id')) AS id FROM generate_series(1, %(count)s)",
            {"table": table, "count": count},
        ).fetchall()
        return sorted(row["id"] for row in rows)


class PostgresDatabase(Database):
    """One PostgreSQL database."""

    driver_errors = (psycopg.Error, DBAPIError)

    def __init__(self, url: str, clock: Clock | None = None, *, connections_max: int = 10) -> None:
        """Use the database behind a URL (`postgresql://…`).

        Args:
            url: libpq's URL.
            clock: for rehearsals; otherwise the server's own clock is the store's.
            connections_max: how many connections write, and how many read, at the same time.
        """
        self._clock = clock
        self.engine = _engine(url, f"{_DURABLE} {_FENCED} {_PLANS}", connections_max)
        one_moment = "-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read"
        self._readers = _engine(url, f"{_DURABLE} {one_moment}", connections_max)

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """Open a transaction that writes."""
        with self.engine.connect() as core:
            transaction = core.begin()
            with undone(transaction.rollback, self.driver_errors):
                yield _Session(core, self._clock)
            try:
                self.commit(transaction.commit)
            except self.driver_errors as error:
                driver = core.connection.driver_connection
                lost = driver is None or driver.closed or driver.broken
                original = error.orig if isinstance(error, DBAPIError) else error
                if lost or not isinstance(original, psycopg.Error) or original.sqlstate is None:
                    core.invalidate()
                    raise CommitUnknown(str(original)) from error
                # The server answered and said why: it is surely not committed.
                raise

    def commit(self, commit: Callable[[], None]) -> None:
        """Commit. By itself, so that tests can let it fail on either side."""
        commit()

    @contextmanager
    def reading(self) -> Generator[Session]:
        """Open a transaction that only reads, all of it at one moment."""
        with self._readers.connect() as core, core.begin():
            yield _Session(core, self._clock)

    def broken_rule(self, error: Exception) -> str | None:
        """Return the constraint that PostgreSQL names."""
        if not isinstance(error, psycopg.IntegrityError):
            return None
        return error.diag.constraint_name or "a rule of the schema"

    def passes(self, error: Exception) -> bool:
        """A deadlock, or the connection was lost before the commit."""
        original = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(original, (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)):
            return True
        # AdminShutdown and its like have a code of class 57; a cut line has none.
        state = original.sqlstate if isinstance(original, psycopg.Error) else ""
        if state == _FENCED_STATE:
            return True
        return isinstance(original, psycopg.OperationalError) and (state is None or state.startswith(("57P", "08")))

    def down(self, error: Exception) -> bool:
        """Return whether the server cannot be reached, is stopping, or held a row for too long."""
        original = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(original, psycopg.OperationalError)

    def now_ms(self) -> int:
        """Return the server's clock."""
        with self.reading() as session:
            return session.now_ms()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self._readers.dispose()


def _engine(url: str, options: str, connections_max: int) -> Engine:
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=connections_max,
        max_overflow=0,
        # The server may have been restarted since a connection was last used.
        pool_pre_ping=True,
        connect_args={"options": options, "application_name": "hongbao"},
    )
