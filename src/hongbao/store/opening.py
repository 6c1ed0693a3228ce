"""Ways to open a store. What is not there yet is made; an older schema is brought up to date first."""

from hongbao.clock import Clock
from hongbao.store.sqlite import SqliteDatabase
from hongbao.store.store import SqlStore
from hongbao.store.upgrade import prepare
from hongbao.store.writer import Direct, GroupWriter


def open_sqlite(path: str, *, clock: Clock, person_key: bytes, grouped: bool = True) -> SqlStore:
    """Open a SQLite file, or `:memory:` for one that lives as long as the store.

    Args:
        path: the file; it need not be there.
        clock: the time of this store.
        person_key: 16 to 64 secret bytes under which openids are hashed; the same for the life of the file.
        grouped: let calls that wait at the same moment share a commit. Without it every call commits in its caller's
            thread, in the order of the calls: for rehearsals that must repeat.
    """
    database = SqliteDatabase(path, clock)
    prepare(database.engine)
    return SqlStore(database, person_key=person_key, writer=GroupWriter(database) if grouped else Direct(database))


def open_postgres(url: str, *, person_key: bytes, clock: Clock | None = None, grouped: bool = True) -> SqlStore:
    """Open a PostgreSQL database.

    Args:
        url: libpq's URL, `postgresql://…`; the database must exist.
        person_key: 16 to 64 secret bytes under which openids are hashed; the same for the life of the database.
        clock: for rehearsals; otherwise the server's clock is the store's.
        grouped: as in `open_sqlite`.
    """
    # The bare server extra has no driver for PostgreSQL.
    from hongbao.store.postgres import PostgresDatabase

    database = PostgresDatabase(url, clock)
    prepare(database.engine)
    return SqlStore(database, person_key=person_key, writer=GroupWriter(database) if grouped else Direct(database))
