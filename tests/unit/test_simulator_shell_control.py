"""The control door and its client against the world they steer: nothing forgotten, nothing misspelt."""

import inspect
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from hongbao.clock import SystemClock
from hongbao.simulator import control_client
from hongbao.simulator.certificates import Authority
from hongbao.simulator.control import VERBS, Verb, certificate_verbs
from hongbao.simulator.faults import KINDS
from hongbao.simulator.merchants import MerchantSettings
from hongbao.simulator.rules import Rules
from hongbao.simulator.world import World

NOT_VERBS = {"settle", "commit", "close", "clock", "state"}
"""What the servers call themselves, and what is no method."""

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "simulator.md"


@pytest.fixture(scope="module")
def verbs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Verb, ...]:
    return (*VERBS, *certificate_verbs(Authority(tmp_path_factory.mktemp("ca"), SystemClock())))


def test_every_verb_of_the_world_has_a_door() -> None:
    """A public method of World can be called from outside."""
    methods = {name for name in vars(World) if not name.startswith("_")} - NOT_VERBS
    called = {verb.call.__name__ for verb in VERBS} | {"reset"}
    assert methods - called == set()


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: f"{verb.method} {verb.path}")
def test_fields_are_the_parameters_of_what_is_called(verb: Verb) -> None:
    """Names, and which may be left out, are those of the method; the parts in braces are fields."""
    parameters = dict(inspect.signature(verb.call).parameters)
    parameters.pop("self", None)
    parameters.pop("world", None)
    known = verb.needs | verb.takes
    # One method stands behind two paths: with an id in it, and without.
    names = set(parameters) - ({"fault_id"} if verb.path == "/faults" and verb.method == "DELETE" else set())
    assert set(known) == names
    optional = {name for name, parameter in parameters.items() if parameter.default is not inspect.Parameter.empty}
    assert set(verb.takes) <= optional
    assert set(re.findall(r"{(\w+)}", verb.path)) <= set(verb.needs)


def test_client_has_a_method_for_every_verb(verbs: tuple[Verb, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Calling every method of the client asks for every verb of the door, and for nothing else."""
    asked: set[tuple[str, str]] = set()

    class Asked(Exception):
        pass

    def ask(_client: object, method: str, route: str, **_fields: object) -> dict[str, object]:
        asked.add((method, re.sub(r"/@", "/{}", route)))
        raise Asked

    monkeypatch.setattr(control_client.ControlClient, "_ask", ask)
    monkeypatch.setattr(control_client, "quote", lambda text, safe: text)
    client = control_client.ControlClient("http://127.0.0.1:1")
    for name, method in inspect.getmembers(client, inspect.ismethod):
        if name.startswith("_"):
            continue
        parameters = inspect.signature(method).parameters.values()
        plain = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
        needed = {p.name: "@" for p in plain if p.default is inspect.Parameter.empty}
        optional = {p.name: "@" for p in plain if p.name in {"flaw", "fault_id"}}
        for arguments in (needed, needed | optional):
            with pytest.raises(Asked):
                list(method(**arguments))
    doors = {(verb.method, re.sub(r"{\w+}", "{}", verb.path)) for verb in verbs}
    assert asked == doors


def test_docs_list_every_verb(verbs: tuple[Verb, ...]) -> None:
    """The reference names every verb with all its fields, and none that is not there."""
    rows = re.findall(r"^\| `(GET|POST|PATCH|DELETE) (/\S*)` \|([^|]*)\|", DOCS.read_text(), re.MULTILINE)
    documented = {(method, path): set(re.findall(r"`(\w+)`", fields)) for method, path, fields in rows}
    in_path = {(verb.method, verb.path): set(re.findall(r"{(\w+)}", verb.path)) for verb in verbs}
    real = {
        (verb.method, verb.path): (set(verb.needs) | set(verb.takes)) - in_path[(verb.method, verb.path)]
        for verb in verbs
    }
    assert documented == real


@pytest.mark.parametrize("table", [Rules, MerchantSettings])
def test_docs_list_every_setting(table: type) -> None:
    """The reference has a row for every rule and every merchant setting, and none that is not there."""
    section = {Rules: "## Rules", MerchantSettings: "### Merchant settings"}[table]
    rows = re.split(r"^#+ ", DOCS.read_text().partition(section)[2], maxsplit=1, flags=re.MULTILINE)[0]
    documented = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]*) \|", rows, re.MULTILINE)))
    assert sorted(documented) == sorted(field.name for field in fields(table))


def test_docs_list_every_fault() -> None:
    """The reference has a row for every kind of fault, and none that is not there."""
    rows = re.split(r"^#+ ", DOCS.read_text().partition("## Faults")[2], maxsplit=1, flags=re.MULTILINE)[0]
    assert re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE) == list(KINDS)


def test_client_needs_no_extra() -> None:
    """The client of a control door works where the simulator's extra is not installed."""
    blind = "".join(f"sys.modules[{name!r}] = None; " for name in ("OpenSSL", "httptools", "starlette", "uvicorn"))
    code = f"import sys; {blind}from hongbao.simulator import ControlClient; ControlClient('http://127.0.0.1:1')"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
