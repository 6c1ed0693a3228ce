"""The pure parts know no wall clock, die or float: time and chance come in through Clock and Dice, money is fen."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "hongbao"
PURE = [
    "money.py",
    "number.py",
    "merchant.py",
    "ids.py",
    "errors.py",
    *(
        f"wechat/{name}.py"
        for name in (
            "xml",
            "signing",
            "fields",
            "redpack",
            "replies",
            "codes",
            "endpoints",
            "flow",
            "errors",
            "chain",
            "shown",
        )
    ),
]
FORBIDDEN_MODULES = {"time", "random", "secrets", "uuid", "socket", "ssl", "os", "threading", "asyncio", "requests"}
FORBIDDEN_CALLS = {"now", "utcnow", "today", "time", "sleep", "urandom", "float", "monotonic", "perf_counter"}


def faults(source: str) -> list[str]:
    """Return what a pure module must not hold, by line."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [f"{node.lineno}: import {name.name}" for name in node.names if root(name.name)]
        elif isinstance(node, ast.ImportFrom) and root(node.module or ""):
            found.append(f"{node.lineno}: from {node.module}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"{node.lineno}: {node.value}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"{node.lineno}: /")
        elif isinstance(node, ast.Call) and called(node) in FORBIDDEN_CALLS:
            found.append(f"{node.lineno}: {called(node)}()")
    return found


def root(module: str) -> bool:
    return module.partition(".")[0] in FORBIDDEN_MODULES


def called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_has_no_clock_die_or_float(name: str) -> None:
    assert faults((SOURCE / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "import time",
        "import random as dice",
        "from secrets import token_hex",
        "from os import urandom",
        "datetime.now()",
        "datetime.datetime.utcnow()",
        "date.today()",
        "x = 1.5",
        "x = 100 / 3",
        "x /= 2",
        "x = float(y)",
    ],
)
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    assert len(faults(line)) == 1
