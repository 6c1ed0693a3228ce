"""Where a world survives its process: a folder with one SQLite file, a row per merchant, person, packet and fault."""

import json
import sqlite3
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

from hongbao.errors import BadInput

FORM = 2
"""The form of the rows; a folder of another form is not opened."""


class Keep:
    """The data folder of one world. Survives kill -9 of the simulator, not a power cut."""

    def __init__(self, folder: Path) -> None:
        """Open or create the folder. Until `close` it is nobody else's: two worlds would each spend all the money.

        Raises:
            BadInput: another simulator has it open, it belongs to another version, or its file is no database.
            OSError: it cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "world.sqlite3"
        with _refusals(folder):
            # The shell may build the world in one thread and serve it in another; one at a time all the same.
            self._database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            with _refusals(folder):
                self._open()
            path.chmod(0o600)
        except BaseException:
            self._database.close()
            raise

    def _open(self) -> None:
        database = self._database
        # Said before the file is first read, so that the lock is taken with it and kept until the end.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        form = database.execute("PRAGMA user_version").fetchone()[0]
        if form not in {0, FORM}:
            raise BadInput(
                field="folder", fault=f"was written in form {form}, this is form {FORM}", remedy="use a new data folder"
            )
        database.execute(f"PRAGMA user_version = {FORM}")
        database.execute(
            "CREATE TABLE IF NOT EXISTS thing (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL,"
            " body TEXT NOT NULL, UNIQUE (kind, key))"
        )
        # Fails where the table is somebody else's.
        database.execute("SELECT number, kind, key, body FROM thing LIMIT 1")

    def load(self) -> list[tuple[str, Any]]:
        """Return everything kept, as kind and body, in the order in which it was first kept."""
        rows = self._database.execute("SELECT kind, body FROM thing ORDER BY number").fetchall()
        return [(kind, json.loads(body)) for kind, body in rows]

    def write(self, things: Iterable[tuple[str, str, object]], *, forget: Iterable[str] = ()) -> None:
        """Keep things (kind, key, dataclass or JSON) in one transaction, after dropping the kinds in `forget`."""
        rows = [
            (kind, key, json.dumps(thing, ensure_ascii=False, default=_plain, separators=(",", ":")))
            for kind, key, thing in things
        ]
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            for kind in forget:
                database.execute("DELETE FROM thing WHERE kind = ?", (kind,))
            database.executemany(
                "INSERT INTO thing (kind, key, body) VALUES (?, ?, ?)"
                " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                rows,
            )
            database.execute("COMMIT")
        except BaseException:
            # Whatever it was, an open transaction would make every later write fail.
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


@contextmanager
def _refusals(folder: Path) -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        raise BadInput(
            field="folder",
            fault="another simulator uses it" if busy else f"{folder / 'world.sqlite3'} cannot be used: {error}",
            remedy="end the other one, or use another data folder" if busy else "use a new data folder",
        ) from error


def _plain(thing: object) -> object:
    if is_dataclass(thing):
        return {field.name: getattr(thing, field.name) for field in fields(thing)}
    if isinstance(thing, frozenset):
        return sorted(cast("frozenset[str]", thing))
    raise TypeError(f"{type(thing).__name__} cannot be kept")
