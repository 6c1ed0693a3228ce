"""A PostgreSQL of its own for tests that kill it: real binaries in a folder, on a socket."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg


def binaries() -> Path | None:
    """Find initdb and pg_ctl: on the path, or where Debian keeps them."""
    for place in [shutil.which("initdb"), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))[::-1])]:
        if place:
            return Path(place).resolve().parent
    return None


class PostgresServer:
    """One server that can be killed and started again over the same data."""

    def __init__(self, folder: Path) -> None:
        """Make a cluster in `folder` and start it."""
        found = binaries()
        assert found is not None
        self._binaries = found
        self._folder = folder
        self._data = folder / "data"
        self._data.mkdir()
        # PostgreSQL refuses to run as root; Debian's own user for it will do.
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(folder, "postgres", "postgres")
            shutil.chown(self._data, "postgres", "postgres")
        subprocess.run(
            [*self._command("initdb"), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        self.url = f"postgresql://postgres@/postgres?host={folder}"
        self.start()

    def start(self) -> None:
        """Start; returns when it answers."""
        options = ["-k", str(self._folder), "-c", "listen_addresses=", "-c", "max_connections=200"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*self._command("postgres"), *options], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((self._folder / "log").read_text()) from error
            else:
                return

    def kill(self) -> None:
        """Kill -9 all of its processes at once."""
        postmaster = self._process.pid
        children = [int(each) for each in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()]
        for process in (postmaster, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Stop for good."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(60)

    def _command(self, program: str) -> list[str]:
        return [*self._as_user, str(self._binaries / program), "-D", str(self._data)]
