"""Write the reference pages that come from the code: `make docs`. A test compares them with the committed ones.

One function per page, which returns its text. A page that joins is one more entry in `PAGES`.
"""

import ast
import inspect
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path
from typing import Any, cast, get_args, get_type_hints

import typer
import typer.models
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hongbao import settings
from hongbao.cli import commands, voice
from hongbao.merchant import SCENES
from hongbao.wechat import codes, redpack
from hongbao.wechat.codes import CODES, CodeRow, Order, SameNumber, Turn
from hongbao.wechat.endpoints import ENDPOINTS
from hongbao.wechat.errors import BY_TURN
from hongbao.wechat.fields import Code, FenList, Ipv4, Kind, OneOf, OrderNumberText, Risk, Text, Whole, kinds_of
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


def cli_page() -> str:
    """Write docs/reference/cli.md: every command and option, exit codes and JSON shapes."""
    codes_of_exit = ((str(int(code)), words.en, words.zh) for code, words in voice.EXITS.items())
    lines = [
        _CLI_HEAD.strip(),
        "",
        *_table(("code", "means", "意思"), codes_of_exit),
        "",
        _CLI_JSON.strip(),
        *_commands("hongbao", commands.app),
    ]
    return "\n".join(lines) + "\n"


_CLI_HEAD = """
# Command line

<!-- Written by docs/generate.py from src/hongbao/cli. Change that, then `make docs`. -->

`pip install 'hongbao[cli]'` brings the commands; `hongbao demo` and `hongbao simulator` need the simulator too:
`pip install 'hongbao[simulator,cli]'`, and what keeps books (`merchant`, `batch`, `worker`, `ledger`, `packet show`)
the server: `pip install 'hongbao[server,cli]'`. Where merchants and keys come from: [configuration](configuration.md).
How to use it: [command line](../howto/command-line.md).

## What holds for all commands

- **An order number is never made up.** A sending command takes `--number`, which you have saved, or derives one from
  `--intent CAMPAIGN/OCCASION` with merchant, account and openid: the same command gives the same number, tomorrow and
  on another machine. Number and amount stand on standard error before anything is sent.
- `--yuan 1.88` or `--fen 188`: one of them, exact or refused.
- Results go to standard output, notes to standard error. With `--json` standard output has exactly one line of JSON,
  whatever happens; only `--help` ignores it, and `batch watch` and `worker` go on writing lines.
- Messages are English or Chinese: `--lang`, else `HONGBAO_LANG`, else the system's language. What WeChat says, and what
  is wrong with a value, is shown as it came. JSON names and classes are the same in both.
- Openids are masked; keys and signs are never shown. What opens a packet (a mini-program's `package`, a ticket) is
  shown only with `--reveal`.

## Exit codes

By who must act ([classes](codes.md#words)):
"""

_CLI_JSON = """
10 to 15 speak for this call alone: while an earlier call with the same number ended with 13, 14 or 130, the packet's
outcome stays unknown until a send succeeds or a query shows it ([idempotency](idempotency.md)).

## JSON

Times are Beijing time, amounts fen.

- `packet send…`: `sent`: endpoint, order_number, mch_id, appid, openid (masked), amount_fen, send_listid, send_time;
  with `--reveal` biz_red_packet, the parameters of wx.sendBizRedPacket
- `packet preorder`: `ordered`: endpoint, order_number, mch_id, appid, amount_fen, detail_id, send_time; with `--reveal`
  sp_ticket
- `packet query`: `record`: order_number, mch_id, detail_id, status, reason, hb_type, send_type, people, amount_fen,
  send_time, refund_time, refund_fen, taken (openid masked, amount_fen, time)
- `packet show`: `packet`: order_number, renewal, mch_id, appid, campaign, occasion, openid (masked), amount_fen, state,
  code, text, reason, send_listid, line, next_send, next_query, steps (at_ms, what; of a transfer fen; of a send or
  query order_number, serial, took_ms, outcome, code, text, lost)
- `merchant…`: `merchant`: name, mch_id, accounts, funded_fen, free_fen, reserved_fen, paid_fen, returned_fen, brake
  (go, stopped, held), code, reason, since, probe, quiet_hours, limits (value, as_of, source)
- `batch check`: `checked`: file, encoding, account, rows, amount_fen, largest_fen, odd_openids, odd_lines,
  paid_in_30_days, forecast (begins, ends, sends_minute, binding, days, needed_fen, short_fen); of a file with faults
  `error` with faults (line, column, fault, remedy)
- `batch submit`, `start`, `pause`, `resume`, `cancel-rest`: `batch`: batch (its key), file, account, state, reason,
  rows, amount_fen, left_out, continues, submitted, and counts: sent, received, refunded, failed, cancelled, unsure,
  needs_person, left, paid_fen; `batch list`: `batches`
- `batch watch`: a line a second, `progress`: the counts, sends_minute, eta_seconds
- `worker`: a line an event: event (packet.sent, received, refunded, failed, held), order_number, mch_id, campaign,
  amount_fen, at_ms
- `ledger verify`: `books`: closed, merchants, campaigns, findings (check, subject, text); `ledger statement`:
  `statement`: mch_id, the five amounts, campaigns (campaign, state, the five amounts)
- `explain`: code, known, rows (endpoints, texts, meaning, cause, remedy, remedy_zh, class, exit_code, same_number,
  order_left); of an unknown code documented_for, class, remedy, remedy_zh instead of rows
- `doctor`: verdict, findings (merchant, check, verdict, fact, fact_zh, remedy, remedy_zh)
- `demo`: addresses, packets (what, what_zh, order_number, amount_fen, status, notes, notes_zh, fault), books
  (funded_fen, free_fen, paid_fen, returned_fen, paid_fen_by_our_count, returned_fen_by_our_count, findings, closed)
- `simulator`, when ready: base_url, proxy_url, control_url, ca_file, merchant (mch_id, api_key, certificate, key, p12,
  official_appid, mini_appid, corp_appid, work_secret: for play); `simulator certificates`: path by name
- any failure: `error`: class, exit_code, and for bad input field, fault, remedy; for a call endpoint, order_number,
  code, text (WeChat's), what, meaning, cause, remedy, remedy_zh, same_number, sent (false: no byte left this machine),
  query (the command that asks for the outcome), raw (the answer, masked)
"""


def _commands(path: str, app: typer.Typer) -> Iterable[str]:
    """Write the commands of an app in their order, those of its groups below."""
    if app.registered_callback is not None and app.registered_callback.callback is not None:
        yield from _command(path, app.info.help, app.registered_callback.callback)
    for command in app.registered_commands:
        if command.callback is not None:
            name = command.name or command.callback.__name__
            yield from _command(f"{path} {name}", command.help or command.callback.__doc__, command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(f"{path} {group.name}", group.typer_instance)


def _command(path: str, says: object, run: Callable[..., Any]) -> Iterable[str]:
    yield ""
    yield f"## {path}"
    yield ""
    yield " ".join(str(says).split())
    yield ""
    hints = get_type_hints(run, include_extras=True)
    parameters = [
        each for each in inspect.signature(run).parameters.values() if hasattr(hints[each.name], "__metadata__")
    ]
    yield from _table(
        ("option", "given", "meaning"),
        (_option(each, hints[each.name]) for each in parameters),
    )


def _option(parameter: inspect.Parameter, hint: Any) -> tuple[str, str, str]:  # noqa: ANN401
    value, shown = hint.__origin__, hint.__metadata__[0]
    if isinstance(shown, typer.models.ArgumentInfo):
        name = parameter.name.upper()
    else:
        # In an Annotated the first positional argument is no default, though typer keeps it as one.
        written = [each for each in (shown.default, *(shown.param_decls or ())) if str(each).startswith("--")]
        name = written[0] if written else "--" + parameter.name.replace("_", "-")
    if shown.metavar:
        name += f" {shown.metavar}"
    default = parameter.default
    if default is inspect.Parameter.empty:
        given = "required"
    elif default is None or default is False:
        given = "optional"
    else:
        given = f"`{getattr(default, 'value', default)}` unless given"
    choices = next(
        (each for each in (value, *get_args(value)) if isinstance(each, type) and issubclass(each, Enum)), ()
    )
    words = ", ".join(f"`{each.value}`" for each in choices)
    return f"`{name}`", given, f"{shown.help} ({words})" if words else str(shown.help)


def configuration_page() -> str:
    """Write docs/reference/configuration.md: every key of the settings."""
    lines = [_CONFIGURATION_HEAD.strip()]
    for title, section in _SECTIONS.items():
        lines += ["", f"### {title}", ""]
        if section is not settings.Settings:
            lines += [" ".join(inspect.cleandoc(section.__doc__ or "").split()), ""]
        lines += _table(
            ("key", "given", "meaning"),
            ((f"`{name}`", _given(each), each.description or "") for name, each in section.model_fields.items()),
        )
    lines += [
        "",
        "Limits and their public values: [limits](limits.md). Texts and their lengths: [fields](fields.md).",
        "Certificates: [transport](transport.md).",
    ]
    return "\n".join(lines) + "\n"


_CONFIGURATION_HEAD = """
# Configuration

<!-- Written by docs/generate.py from src/hongbao/settings.py. Change that, then `make docs`. -->

The command line reads a TOML file and the environment into one schema, once; the environment wins. The SDK itself reads
neither: a program builds its `Credentials`, or uses `hongbao.settings` and `hongbao.wiring` as the command line does.

- The file: `--config FILE`, else the one that `HONGBAO_CONFIG` names, else `hongbao.toml` in the working directory if
  it is there, else none. A path in it is relative to the file's folder; `~` is your home.
- The environment: `HONGBAO_`, then the key, levels joined by two underscores, such as
  `HONGBAO_MERCHANTS__MAIN__API_KEY_FILE`. Names of merchants and accounts become lower case there. A value that is
  empty counts as not given; a path is relative to the working directory; a list is JSON.
- An unknown key in the file, a missing one or a value that does not fit stops the command with exit code 2 and names
  key, fault and remedy, never the value. `hongbao doctor` checks what the keys lead to.
- `HONGBAO_LANG` (`en`, `zh`) is the language of the command line, not a setting.

## Examples

Two merchants; the first with an official account, a mini-program and an enterprise side by side:

```toml
default_merchant = "main"

[merchants.main]
mch_id = "1900000001"
api_key_file = "/run/secrets/main_api_key"
p12 = "keys/apiclient_cert.p12"            # its passphrase is the mch_id
workwx_secret_file = "/run/secrets/main_workwx_secret"
client_ip = "192.0.2.10"

[merchants.main.accounts]
shop = "wx0000000000000001"
app = "wx0000000000000002"
company = "ww0000000000000003"

[merchants.main.agents]
1000002 = "/run/secrets/agent_1000002"

[merchants.main.wording]
send_name = "示例商户"
wishing = "恭喜发财"
act_name = "新年活动"
remark = "新年活动"

[merchants.main.limits]                    # what the portal shows, and when
as_of = 2025-08-22
amount_fen_max = 50000

[merchants.main.limits.scenes.PRODUCT_2]
fen_min = 30
fen_max = 100000

[merchants.second]
mch_id = "1900000002"
api_key_file = "/run/secrets/second_api_key"
certificate = "keys/second/apiclient_cert.pem"
key = "keys/second/apiclient_key.pem"

[merchants.second.accounts]
shop = "wx0000000000000004"
```

A simulator (`hongbao simulator --data simulator`) in the place of WeChat means other credentials, `base_url` and
`ca_file`:

```toml
[merchants.desk]
mch_id = "1900000001"
api_key = "SimulatorPlayKey0000000000000001"
p12 = "simulator/certificates/merchants/1900000001/apiclient_cert.p12"
base_url = "https://127.0.0.1:8443"
ca_file = "simulator/certificates/ca.pem"

[merchants.desk.accounts]
shop = "wx1900000001000001"
```

The same as an environment, for a container that gets its secrets as files:

```text
HONGBAO_MERCHANTS__MAIN__MCH_ID=1900000001
HONGBAO_MERCHANTS__MAIN__API_KEY_FILE=/run/secrets/api_key
HONGBAO_MERCHANTS__MAIN__P12=/run/secrets/apiclient_cert.p12
HONGBAO_MERCHANTS__MAIN__ACCOUNTS__SHOP=wx0000000000000001
```

## Keys
"""

_SECTIONS: dict[str, type[BaseModel]] = {
    "Top level": settings.Settings,
    "[database]": settings.DatabaseSettings,
    "[merchants.NAME]": settings.MerchantSettings,
    "[merchants.NAME.wording]": settings.WordingSettings,
    "[merchants.NAME.timeouts]": settings.TimeoutSettings,
    "[merchants.NAME.limits]": settings.LimitSettings,
    "[merchants.NAME.limits.scenes.PRODUCT_n]": settings.SceneLimits,
}


def _given(key: FieldInfo) -> str:
    if key.is_required():
        return "required"
    value = key.get_default(call_default_factory=True, validated_data={})
    if value is None or value == {} or isinstance(value, BaseModel):
        return "optional"
    if isinstance(value, tuple):
        return " then ".join(f"`{each}`" for each in cast("tuple[str, ...]", value))
    return f"`{value}`"


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/cli.md": cli_page,
    "docs/reference/codes.md": codes_page,
    "docs/reference/configuration.md": configuration_page,
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
