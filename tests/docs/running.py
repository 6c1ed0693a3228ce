"""Run one page: its blocks in their order, in a folder of its own, the way a reader would."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Self

import pytest
from tests.docs.pages import Block

from hongbao.settings import read_settings
from hongbao.simulator import Simulator
from hongbao.wechat import HOSTS, xml

_PORTS: tuple[str, ...] = ("8443", "8444", "8445")
_SHOWN_PORT = re.compile(r"(?<=127\.0\.0\.1:)(?:8443|8444|8445)\b")
_MARK = "-- end of a command of the page, status "
_UNWANTED = re.compile(r"(?i:https?_proxy|all_proxy)|HONGBAO_.*|LC_ALL|LC_MESSAGES|PYTEST_.*")
"""Variables of whoever runs the tests that would change what a page shows."""
_REASON = re.compile(r"no \((?P<reason>.+)\)")


class DocumentFails(AssertionError):
    """A block did not do what the page says."""


def reason_not_to_run(block: Block) -> str | None:
    """Return why a block is not run on this machine, or None if it is.

    Raises:
        DocumentFails: it says that it does not run, but not why.
    """
    run = block.directives.get("run", "")
    if run.startswith("no"):
        reason = _REASON.fullmatch(run)
        if reason is None:
            raise DocumentFails(f"{block.place}: give the reason, as in <!-- run: no (it deletes the disk) -->")
        return reason["reason"]
    missing = [name for name in block.directives.get("needs", "").split() if shutil.which(name) is None]
    return f"there is no {' and no '.join(missing)} on this machine" if missing else None


class Reader:
    """Someone who reads one page and does all of it. Use it in a `with`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, language: str) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._ports: dict[str, int] = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self._running: list[subprocess.Popen[str]] = []
        self._shell: subprocess.Popen[str] | None = None
        self._said = ""
        self._environment = {
            **{name: value for name, value in os.environ.items() if not _UNWANTED.fullmatch(name)},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "zh_CN.UTF-8" if language == "zh" else "en_US.UTF-8",
            "COLUMNS": "80",
            "TERM": "dumb",
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
        }

    def __enter__(self) -> Self:
        self._monkeypatch.chdir(self._folder)
        return self

    def __exit__(self, *_: object) -> None:
        if self._shell is not None:
            self._shell.communicate()
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.communicate()
        # A page that failed half way leaves its simulator running.
        for value in self._names.values():
            if isinstance(value, Simulator):
                value.stop()

    def do(self, block: Block) -> None:
        """Do what a block says.

        Raises:
            DocumentFails: it cannot be done, or came out otherwise than the page says.
        """
        text = _SHOWN_PORT.sub(lambda port: str(self._ports[port[0]]), block.text)
        if name := block.directives.get("file"):
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            path.chmod(0o600)
        if "output" in block.directives:
            _compare(block, text, self._said)
            return
        kinds: dict[str, Callable[[Block, str], None]] = {
            "python": self._python,
            "console": self._console,
            "sh": self._script,
            "toml": self._toml,
            "json": lambda _, text: _ignore(json.loads(text)),
            "xml": lambda _, text: _ignore(xml.read(text.encode())),
            "text": _nothing,
            "mermaid": _nothing,
        }
        do = kinds.get(block.language, _nothing if name else None)
        if do is None:
            raise DocumentFails(f"{block.place}: nobody knows how to run {block.language}")
        if name and block.language == "python":
            do = _nothing
        try:
            do(block, text)
        except DocumentFails:
            raise
        except Exception as error:  # whatever the page's own code raises
            raise DocumentFails(f"{block.place}: {type(error).__name__}: {error}") from error

    def _python(self, block: Block, text: str) -> None:
        said = io.StringIO()
        # Line numbers in a traceback are the page's.
        code = compile("\n" * block.line + text, str(block.page), "exec")
        with contextlib.ExitStack() as stack:
            if block.directives.get("run") == "production":
                stack.enter_context(_production(self._folder))
            stack.enter_context(contextlib.redirect_stdout(said))
            exec(code, self._names)
        self._said = said.getvalue()

    def _toml(self, block: Block, text: str) -> None:
        if "merchants" in tomllib.loads(text) and (name := block.directives.get("file")):
            read_settings(self._folder / name)

    def _console(self, block: Block, text: str) -> None:
        commands = _commands(block, text)
        if block.directives.get("run") == "background":
            ((command, expected),) = commands
            self._start(block, command, expected)
            return
        self._said = ""
        for command, expected in commands:
            said, status = self._type(command)
            self._said += said
            if expected is not None:
                _compare(block, expected, said)
            elif status != 0:
                raise DocumentFails(f"{block.place}: {command}\nends with status {status}:\n{said}")

    def _script(self, block: Block, text: str) -> None:
        self._said, status = self._type(f"set -euo pipefail\n{text}\nset +euo pipefail\n")
        if status != 0:
            raise DocumentFails(f"{block.place}: ends with status {status}:\n{self._said}")

    def _type(self, text: str) -> tuple[str, int | None]:
        """Type into the page's one terminal; return what it says and the status, None if the shell has ended."""
        if self._shell is None:
            self._shell = subprocess.Popen(
                ["bash", "--noprofile", "--norc"],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        keys, screen = self._shell.stdin, self._shell.stdout
        assert keys is not None
        assert screen is not None
        typed = self._folder / ".typed.sh"
        typed.write_text(text, "utf-8")
        keys.write(f"source '{typed}' < /dev/null\nprintf '\\n%s%s\\n' '{_MARK}' $?\n")
        keys.flush()
        said = ""
        for line in screen:
            if line.startswith(_MARK):
                return said.removesuffix("\n"), int(line.removeprefix(_MARK))
            said += line
        return said, None

    def _start(self, block: Block, command: str, expected: str | None) -> None:
        """Start a command that runs until the page ends, and wait for what it says when it is ready."""
        if command.startswith("hongbao simulator"):
            pay, proxy, control = self._ports.values()
            command += f" --port {pay} --proxy-port {proxy} --control-port {control}"
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._running.append(process)
        said = ""
        for line in process.stdout or ():
            said += line
            if expected is None or _matches(expected, said):
                return
        raise DocumentFails(f"{block.place}: {command}\nended, or says otherwise:\n{said}")


@contextlib.contextmanager
def _production(folder: Path) -> Generator[None]:
    """Let the names of WeChat's hosts lead to a simulator, as entries in /etc/hosts would, and nothing else."""
    key_file = folder / "api_key"
    names = {host.removeprefix("https://") for host in HOSTS}
    ask = socket.getaddrinfo
    with Simulator() as simulator, pytest.MonkeyPatch.context() as patch:
        merchant = simulator.merchant
        port = int(simulator.base_url.rpartition(":")[2])
        key_file.write_text(merchant.api_key + "\n")
        key_file.chmod(0o600)

        def look_up(host: Any, service: Any, *rest: Any, **options: Any) -> Any:
            return ask("127.0.0.1", port, *rest, **options) if host in names else ask(host, service, *rest, **options)

        patch.setattr(socket, "getaddrinfo", look_up)
        for name, value in {
            "SSL_CERT_FILE": simulator.ca_file,
            "MCH_ID": merchant.mch_id,
            "API_KEY_FILE": key_file,
            "P12_FILE": merchant.p12,
            "WXAPPID": merchant.official_appid,
            "OPENID": "o000000000000000000000000001",
        }.items():
            patch.setenv(name, str(value))
        yield


def _commands(block: Block, text: str) -> list[tuple[str, str | None]]:
    """Split a console block into commands, each with what it should say; `> ` continues a command."""
    commands: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append(([line[2:]], []))
        elif not commands:
            raise DocumentFails(f"{block.place}: a console block starts with $ and a command")
        elif line.startswith("> ") and not commands[-1][1]:
            commands[-1][0].append(line[2:])
        else:
            commands[-1][1].append(line)
    return [("\n".join(command), "\n".join(said) if any(said) else None) for command, said in commands]


def _matches(expected: str, said: str) -> bool:
    """Compare line by line, blanks at the ends aside; `...` stands for anything in a line, alone for any lines."""
    pattern = ""
    for line in expected.strip().splitlines():
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += r"[^\n]*".join(re.escape(part) for part in line.rstrip().split("...")) + r"[^\S\n]*\n"
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in said.strip().splitlines()) + "\n") is not None


def _compare(block: Block, expected: str, said: str) -> None:
    if not _matches(expected, said):
        raise DocumentFails(f"{block.place}: the page says\n{expected}\nbut it is\n{said}")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def _nothing(_block: Block, _text: str) -> None:
    pass


def _ignore(_value: object) -> None:
    pass
