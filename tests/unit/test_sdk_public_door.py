"""The public door of the SDK: its names are promised, each says what it is for, and none needs an extra."""

import inspect
import subprocess
import sys

import pytest

import hongbao.wechat

PROMISED = """
AsyncClient BadInput BizRedPacket CODES CallError Chain Client ClientCertificate CodeRow Credentials Fen Final
FixAccount FixRequest HOSTS HongbaoError Limit LimitSet NothingSent Order OrderIntent OutcomeUnknown PreOrder PreOrdered
QueryRedPack QueryWorkRedPack RedPackRecord Request RiskInfo SameNumber SameNumberAgain Secret SendGroupRedPack
SendGroupRedPack2015 SendMiniProgramRedPack SendRedPack SendRedPack2015 SendWorkRedPack SentMiniProgramRedPack
SentRedPack SentWorkRedPack Status Taken Timeouts Turn Wait WorkRedPackRecord classic_order_number explain_sign
fen_from_yuan order_number sign yuan_text
"""
DATA = {"CODES", "HOSTS", "Fen"}  # their texts stand below their assignments, where no docstring is read
EXTRAS = ("typer", "rich", "pydantic", "pydantic_settings", "starlette", "OpenSSL", "httptools", "uvicorn", "uvloop")
PUBLIC = [getattr(hongbao.wechat, name) for name in hongbao.wechat.__all__ if name not in DATA]


def test_the_names_are_exactly_the_promised_ones() -> None:
    """A name that goes breaks somebody; one that comes is a promise and belongs into the changelog."""
    assert sorted(hongbao.wechat.__all__) == sorted(PROMISED.split())


def test_every_name_is_there() -> None:
    assert [name for name in hongbao.wechat.__all__ if not hasattr(hongbao.wechat, name)] == []


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_every_name_says_what_it_is_for(thing: object) -> None:
    text = inspect.getdoc(thing)
    assert text
    # What a dataclass or an alias writes by itself says nothing.
    assert not text.startswith(("NewType", f"{getattr(thing, '__name__', '')}(", "int("))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in PUBLIC
        if inspect.isclass(kind)
        for name, member in vars(kind).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property | classmethod))
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_every_method_says_what_it_does(kind: type, name: str) -> None:
    assert inspect.getdoc(getattr(kind, name))


def test_it_needs_none_of_the_extras() -> None:
    """In a process of its own, where importing an extra fails."""
    program = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS!r}:
            raise ImportError(f"blocked: {{name}}")
sys.meta_path.insert(0, Blocked())
import hongbao.wechat, hongbao.pytest_plugin
from hongbao.wechat import Client
print(sorted(name for name in sys.modules if name.partition(".")[0] in {EXTRAS!r}))
print(sorted(name for name in sys.modules if name.startswith("hongbao.simulator")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n[]\n", "")
