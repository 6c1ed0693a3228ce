"""Write the reference pages that come from the code: `make docs`. A test compares them with the committed ones.

One function per page, which returns its text. A page that joins is one more entry in `PAGES`.
"""

import ast
import inspect
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args

from hongbao.wechat import codes, redpack
from hongbao.wechat.codes import CODES, CodeRow, Order, SameNumber, Turn
from hongbao.wechat.endpoints import ENDPOINTS
from hongbao.wechat.errors import BY_TURN
from hongbao.wechat.fields import SCENES, Code, FenList, Ipv4, Kind, OneOf, OrderNumberText, Risk, Text, Whole, kinds_of
from hongbao.wechat.redpack import Request

ROOT = Path(__file__).parents[1]

_QUERIES = ("gethbinfo", "queryworkwxredpack")
_SENDS = tuple(name for name in ENDPOINTS if name not in _QUERIES)
_SAME_EVERYWHERE = "SendRedPack"
"""The request type that describes the fields which mean the same in all types."""
_ELSEWHERE = {"total_amount": "fen.", "total_num": "how many people can take a share."}
"""Fields that SendRedPack describes too narrowly for the others, or not at all."""


def codes_page() -> str:
    """Write docs/reference/codes.md: every err_code of every call."""
    names = list(dict.fromkeys(row.code for row in CODES))
    lines = [
        "# Codes",
        "",
        "<!-- Written by docs/generate.py from src/hongbao/wechat/codes.py. Change that, then `make docs`. -->",
        "",
        f"Every documented `err_code` (错误码) of the {len(ENDPOINTS)} calls: {len(names)} codes. The class of an",
        "error hangs on code and call alone, never on the text: WeChat changes its texts. **A code that is not in this",
        "table means that the outcome is unknown.** `hongbao explain CODE` shows the same on the command line.",
        "",
        "## Words",
        "",
        "Who must act (class of the error, in `hongbao.wechat`):",
        "",
        *_table(
            ("class", "says", "means"),
            ((f"`{BY_TURN[turn].__name__}`", turn.value, _first_line(BY_TURN[turn])) for turn in Turn),
        ),
        "",
        "What may be done with the order number afterwards:",
        "",
        *_table(("same number", "means"), ((word.value, _said(SameNumber, word.name)) for word in SameNumber)),
        "",
        "What WeChat keeps under the number afterwards:",
        "",
        *_table(("order", "means"), ((word.value, _said(Order, word.name)) for word in Order)),
        "",
        "## All codes",
        "",
        *_table(
            ("code", "calls", "class", "same number", "order"),
            (
                (
                    f"[{row.code}](#{row.code.lower()})",
                    _calls(row),
                    f"`{BY_TURN[row.turn].__name__}`",
                    row.same_number.value,
                    row.order.value,
                )
                for row in CODES
            ),
        ),
    ]
    for name in names:
        lines += ["", f"## {name}"]
        for row in CODES:
            if row.code == name:
                lines += ["", *_code(row)]
    return "\n".join(lines) + "\n"


def fields_page() -> str:
    """Write docs/reference/fields.md: every field of every request."""
    requests: list[type[Request[Any]]] = [
        each
        for each in vars(redpack).values()
        if inspect.isclass(each) and issubclass(each, Request) and each is not Request
    ]
    lines = [
        "# Fields",
        "",
        "<!-- Written by docs/generate.py from src/hongbao/wechat/redpack.py. Change that, then `make docs`. -->",
        "",
        "A request type of `hongbao.wechat` *is* the list of fields its call knows: nothing else is signed or sent",
        "([known-field rule](signing.md#known-field-rule)). Values are checked before a byte leaves. Lengths are UTF-8",
        "bytes ([why](endpoints.md#lengths)). Amounts are fen; their ranges are [limits](limits.md), which a merchant",
        "can override.",
        "",
        "The client adds `mch_id`, `nonce_str` and `sign` to every request, and `workwx_sign` to `sendworkwxredpack`.",
        "",
        *_table(
            ("type", "call", "gives"),
            (
                (
                    f"[{request.__name__}](#{request.__name__.lower()})",
                    f"[{request.endpoint}](endpoints.md#{request.endpoint})",
                    f"`{_reply(request)}`",
                )
                for request in requests
            ),
        ),
    ]
    for request in requests:
        lines += ["", f"## {request.__name__}", "", _first_paragraph(request), "", *_request(request)]
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/codes.md": codes_page,
    "docs/reference/fields.md": fields_page,
}
"""Where each page is kept, and what writes it."""


def _code(row: CodeRow) -> Iterable[str]:
    yield f"{', '.join(f'`{endpoint}`' for endpoint in row.endpoints)}: **{row.meaning}**"
    yield ""
    yield from _table(
        ("", ""),
        (
            ("texts 描述", "<br>".join(row.texts)),
            ("cause", row.cause),
            ("remedy", row.remedy),
            ("处理", row.remedy_zh),
            ("who acts", f"`{BY_TURN[row.turn].__name__}`: {row.turn.value}"),
            ("same number", row.same_number.value),
            ("order", row.order.value),
        ),
    )


def _calls(row: CodeRow) -> str:
    endpoints = set(row.endpoints)
    if endpoints == set(ENDPOINTS):
        return "every call"
    if endpoints == set(_SENDS):
        return "every send"
    if endpoints == set(_QUERIES):
        return "every query"
    return ", ".join(row.endpoints)


def _request(request: type[Request[Any]]) -> Iterable[str]:
    kinds = kinds_of(request)
    meanings = _attributes(request)
    common = _attributes(getattr(redpack, _SAME_EVERYWHERE)) | _ELSEWHERE
    rows: list[tuple[str, ...]] = []
    for each in fields(request):  # pyright: ignore[reportArgumentType]
        if not each.init:
            given = "set by the type" if each.default is MISSING else f"always `{each.default}`"
        elif each.default is MISSING:
            given = "required"
        elif each.default is None:
            given = "optional"
        else:
            given = f"`{each.default}` unless given"
        meaning = meanings.get(each.name)
        if meaning is None and each.init:
            meaning = common.get(each.name)
            if meaning is None:
                raise LookupError(f"no docstring says what {request.__name__}.{each.name} means")
        holds = _holds(kinds[each.name]) if each.init else ""
        rows.append((f"`{each.name}`", given, holds, _sentence(meaning or "")))
    yield from _table(("field", "given", "holds", "meaning"), rows)


def _holds(kind: Kind) -> str:
    match kind:
        case Text(bytes_max):
            return f"text, 1 to {bytes_max} bytes"
        case Code(bytes_max):
            return f"visible ASCII, 1 to {bytes_max} bytes"
        case OrderNumberText():
            return "1 to 28 of 0-9 A-Z a-z"
        case Ipv4():
            return "dotted IPv4"
        case Whole(at_least):
            return f"whole number from {at_least}"
        case OneOf(words):
            return f"`{words[0]}` to `{words[-1]}`" if words == SCENES else " or ".join(f"`{word}`" for word in words)
        case FenList(bytes_max):
            return f"tuple of fen, at most {bytes_max} bytes when written"
        case Risk(bytes_max):
            return f"`RiskInfo`, at most {bytes_max} bytes when encoded"
        case _:
            raise LookupError(f"no words for the kind {kind!r}")


def _attributes(request: type[Request[Any]]) -> dict[str, str]:
    """Read the Attributes section of a docstring."""
    meanings: dict[str, str] = {}
    name = ""
    inside = False
    for line in inspect.cleandoc(request.__doc__ or "").splitlines():
        if line == "Attributes:":
            inside = True
        elif not inside or not line.strip():
            continue
        elif line.startswith("     "):
            meanings[name] += f" {line.strip()}"
        else:
            name, _, meaning = line.strip().partition(": ")
            meanings[name] = meaning
    return meanings


def _said(enum: type[SameNumber] | type[Order], member: str) -> str:
    """Read the string that stands below a member of an enum; at run time it is gone."""
    for node in ast.parse(inspect.getsource(codes)).body:
        if isinstance(node, ast.ClassDef) and node.name == enum.__name__:
            for statement, below in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(statement, ast.Assign)
                    and isinstance(statement.targets[0], ast.Name)
                    and statement.targets[0].id == member
                    and isinstance(below, ast.Expr)
                    and isinstance(below.value, ast.Constant)
                ):
                    return " ".join(str(below.value.value).split())
    raise LookupError(f"no docstring says what {enum.__name__}.{member} means")


def _reply(request: type[Request[Any]]) -> str:
    """Return the name of what the request gives: the argument of its base `Request[...]`."""
    (reply,) = get_args(vars(request)["__orig_bases__"][0])
    return reply.__name__


def _first_line(described: type) -> str:
    return inspect.cleandoc(described.__doc__ or "").splitlines()[0]


def _first_paragraph(described: type) -> str:
    """Return what a docstring says before its Attributes, without its pointers into these very pages."""
    text = inspect.cleandoc(described.__doc__ or "").partition("Attributes:")[0]
    sentences = " ".join(text.split()).split(". ")
    return ". ".join(sentence for sentence in sentences if "docs/reference" not in sentence).rstrip(".") + "."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def main() -> None:
    """Write all pages."""
    for path, write in PAGES.items():
        (ROOT / path).write_text(write(), "utf-8")
        print(path)


if __name__ == "__main__":
    main()
