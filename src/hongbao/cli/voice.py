"""How a command speaks: Chinese or English, a text for people or JSON for programs, and an exit code by error class.

Results go to standard output; notes and, in text, errors go to standard error. With ``--json`` exactly one JSON line
goes to standard output, whatever happens. Shapes and exit codes: docs/reference/cli.md.
"""

import errno
import json
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Annotated, NamedTuple, TextIO

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hongbao.errors import BadInput, HongbaoError
from hongbao.wechat import CallError, NothingSent, Order, OutcomeUnknown, SameNumber, SameNumberAgain, Status, Turn

LANGUAGE_VARIABLE = "HONGBAO_LANG"
"""The environment variable that chooses the language."""


class Exit(IntEnum):
    """Exit codes, by who must act; `EXITS` says what each means."""

    OK = 0
    CANNOT_RUN = 1
    BAD_INPUT = 2
    FIX_REQUEST = 10
    FIX_ACCOUNT = 11
    WAIT = 12
    SAME_NUMBER_AGAIN = 13
    OUTCOME_UNKNOWN = 14
    FINAL = 15
    FAULT_FOUND = 20
    INTERRUPTED = 130


EXIT_OF = MappingProxyType(
    {
        Turn.FIX_REQUEST: Exit.FIX_REQUEST,
        Turn.FIX_ACCOUNT: Exit.FIX_ACCOUNT,
        Turn.WAIT: Exit.WAIT,
        Turn.SAME_NUMBER_AGAIN: Exit.SAME_NUMBER_AGAIN,
        Turn.OUTCOME_UNKNOWN: Exit.OUTCOME_UNKNOWN,
        Turn.FINAL: Exit.FINAL,
    }
)


class Lang(StrEnum):
    """The language a command speaks."""

    EN = "en"
    ZH = "zh"


class Words(NamedTuple):
    """The same said in English and in Chinese."""

    en: str
    zh: str

    def to(self, lang: Lang) -> str:
        """Return it in one language."""
        return self.zh if lang is Lang.ZH else self.en


EXITS: Mapping[Exit, Words] = MappingProxyType(
    {
        Exit.OK: Words("done", "成功"),
        Exit.CANNOT_RUN: Words("could not run, or the demo went otherwise than it must", "无法运行，或演示结果不符"),
        Exit.BAD_INPUT: Words("usage or bad input; nothing was sent", "用法或输入有误；未发送"),
        Exit.FIX_REQUEST: Words("fix the request", "请修正请求"),
        Exit.FIX_ACCOUNT: Words("fix the account or certificate", "请处理商户账户或证书"),
        Exit.WAIT: Words("wait, then the same number again", "稍后用原单号重试"),
        Exit.SAME_NUMBER_AGAIN: Words(
            "the same number again: nothing was sent, or WeChat asks for it (SYSTEMERROR)",
            "用原单号重发：请求未发出，或微信要求重试（SYSTEMERROR）",
        ),
        Exit.OUTCOME_UNKNOWN: Words(
            "outcome unknown: query, or the same number again; never a new one",
            "结果未知：查询或用原单号重试，切勿换号",
        ),
        Exit.FINAL: Words(
            "the number is dead: query it, and if that says FAILED take a new one",
            "原单号已失效：查询确认 FAILED 后换新单号",
        ),
        Exit.FAULT_FOUND: Words("doctor found a fault, or the books do not close", "doctor 发现问题，或账目不平"),
        Exit.INTERRUPTED: Words(
            "interrupted; a packet that was being sent has an unknown outcome", "被中断；正在发送的红包结果未知"
        ),
    }
)
"""What each exit code says."""


def both(en: str, zh: str) -> str:
    """Write a help text, which is needed before a language is chosen: Chinese, then English."""
    return f"{zh} {en}"


JsonOption = Annotated[bool, typer.Option("--json", help=both("Print one JSON line.", "输出一行 JSON。"))]
LangOption = Annotated[
    Lang | None,
    typer.Option(
        "--lang",
        envvar=LANGUAGE_VARIABLE,
        help=both("Language of the output; default: the system's.", "输出语言，默认随系统。"),
    ),
]

TURNS: Mapping[Turn, Words] = MappingProxyType(
    {
        Turn.FIX_REQUEST: Words("fix the request", "请修正请求"),
        Turn.FIX_ACCOUNT: Words("fix the account or certificate", "请处理商户账户或证书"),
        Turn.WAIT: Words("wait, then the same number again", "请稍后用原单号重试"),
        Turn.SAME_NUMBER_AGAIN: Words("the same number again", "请用原单号重发"),
        Turn.OUTCOME_UNKNOWN: Words("outcome unknown", "结果未知"),
        Turn.FINAL: Words("the number is dead", "原单号已失效"),
    }
)
REMEDIES: Mapping[Turn, Words] = MappingProxyType(
    {
        Turn.FIX_REQUEST: Words("Mend the request.", "修正请求后重发。"),
        Turn.FIX_ACCOUNT: Words(
            "Mend the account, then repeat with the same number.", "处理账户问题后，用原单号重试。"
        ),
        Turn.WAIT: Words("Repeat with the same number later.", "稍后用原单号重试。"),
        Turn.SAME_NUMBER_AGAIN: Words(
            "Repeat the identical request with the same number, a second or more later.",
            "至少间隔 1 秒，用原单号、原参数重试。",
        ),
        Turn.OUTCOME_UNKNOWN: Words(
            "It is not known whether the packet was sent. Never take a new number: it may pay twice.",
            "不知道红包是否已发出。切勿更换单号，否则可能重复发放。",
        ),
        Turn.FINAL: Words(
            "Query the number; if that says FAILED, take a new one.", "先查询原单号；确认为 FAILED 后才可换新单号。"
        ),
    }
)
SAME_NUMBERS: Mapping[SameNumber, Words] = MappingProxyType(
    {
        SameNumber.YES: Words("yes, once the cause is cured", "可以，排除原因后用原单号重试"),
        SameNumber.QUERY: Words("yes, and never a new one: query, or repeat", "可以，且切勿换号：查询或用原单号重试"),
        SameNumber.ORIGINAL: Words("only for the original request", "仅可用于原请求"),
        SameNumber.NEW: Words("no: query once, and if FAILED take a new one", "不可：先查询，确认 FAILED 后换新单号"),
    }
)
ORDERS: Mapping[Order, Words] = MappingProxyType(
    {
        Order.NONE: Words(
            "nothing by this call; what stood there before still stands",
            "本次请求未产生订单；此前的订单（若有）保持原状",
        ),
        Order.STUCK: Words(
            "an order in SENDING with a reason, nothing debited, open three days",
            "订单停在发放中并注明原因，未扣款，保留三天",
        ),
        Order.UNKNOWN: Words("perhaps nothing, perhaps an order on its way", "可能没有，也可能正在处理"),
        Order.UNCHANGED: Words("whatever stood there before", "保持原状"),
        Order.DEAD: Words("an order in FAILED", "已失败的订单"),
    }
)
STATUSES: Mapping[Status, tuple[Words, str]] = MappingProxyType(
    {
        Status.SENDING: (Words("being sent", "发放中"), "yellow"),
        Status.SENT: (Words("sent, waiting to be opened", "已发放，待领取"), "cyan"),
        Status.FAILED: (Words("failed", "发放失败"), "red"),
        Status.RECEIVED: (Words("received", "已领取"), "green"),
        Status.RFUND_ING: (Words("being refunded", "退款中"), "magenta"),
        Status.REFUND: (Words("refunded", "已退款"), "magenta"),
    }
)
"""For each status its words and its colour."""


def language(asked: Lang | None) -> Lang:
    """Return the language asked for, else that of HONGBAO_LANG, else the system's; English unless it is Chinese."""
    if asked is not None:
        return asked
    for name in (LANGUAGE_VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return Lang.ZH if value.lower().startswith("zh") else Lang.EN
    return Lang.EN


class _Screen(Console):
    """A console that does not end the process when nobody reads on: `speaking` knows what that means, it does not."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class Voice:
    """Speaks for one command.

    Attributes:
        lang: the language.
        as_json: whether a program listens.
        under_way: how to ask for the outcome of the call that was announced and whose end is not told yet; None when
            there is none.
    """

    def __init__(self, lang: Lang | None, *, as_json: bool) -> None:
        """Speak `lang`, or the system's language."""
        self.lang = language(lang)
        self.as_json = as_json
        self.under_way: UnderWay | None = None

    def say(self, words: Words) -> str:
        """Return the words in this language."""
        return words.to(self.lang)

    def note(self, words: Words) -> None:
        """Write a line to standard error, at once."""
        print(self.say(words), file=sys.stderr, flush=True)  # noqa: T201  the command's own voice

    def json(self, value: Mapping[str, object]) -> None:
        """Write the one JSON line."""
        print(json.dumps(value, ensure_ascii=False), flush=True)  # noqa: T201

    def show(self, *things: "Table | Text | str") -> None:
        """Write a result for people."""
        console = _Screen(highlight=False, soft_wrap=True)
        for thing in things:
            console.print(thing, markup=False)

    def show_table(self, table: Table) -> None:
        """Write a table that folds its cells to the width of the screen."""
        _Screen(highlight=False).print(table)

    def rows(self, rows: Sequence[tuple[Words, "str | Text | None"]]) -> None:
        """Write names and values, one a line; a value that is None is left out."""
        width = max((cell_len(self.say(name)) for name, value in rows if value is not None), default=0) + 2
        for name, value in rows:
            if value is None:
                continue
            label = self.say(name)
            line = Text(label + " " * (width - cell_len(label)), style="dim")
            # Lines of its own, not cells of a table: an order number must never be cut to fit a screen.
            shown = value if isinstance(value, Text) else Text(value.replace("\n", "\n" + " " * width), style="not dim")
            line.append_text(shown)
            self.show(line)

    def fail(self, kind: str, code: Exit, text: str, told: Mapping[str, object]) -> Exit:
        """Report an error: as JSON on standard output, or as a text on standard error.

        Where neither can be written the exit code alone must do, and it does: this never raises OSError.
        """
        if self.as_json:
            try:
                self.json({"error": {"class": kind, "exit_code": int(code), **told}})
            except OSError:
                _let_go(sys.stdout)
            else:
                return code
        try:
            console = _Screen(stderr=True, highlight=False, soft_wrap=True)
            console.print(Text(text, style="red" if code is not Exit.WAIT else "yellow"))
        except OSError:
            _let_go(sys.stderr)
        return code

    def complain(self, error: HongbaoError) -> Exit:
        """Report an error and return its exit code."""
        if isinstance(error, CallError):
            return self._complain_of_call(error)
        if isinstance(error, BadInput):
            text = self.say(Words(str(error), f"输入有误：{error}"))
            told: dict[str, object] = {"field": error.field, "fault": error.fault, "remedy": error.remedy}
            return self.fail("bad input", Exit.BAD_INPUT, text, told)
        return self.fail("cannot run", Exit.CANNOT_RUN, str(error), {"text": str(error)})

    def untold(self, way: "UnderWay", error: Exception) -> Exit:
        """Report that the call was made and its answer could not be shown. A full disk must not read as "not sent"."""
        # Without the error's own text, which may quote the answer.
        why = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        words = Words(
            f"{way.number} was sent, and what came back could not be shown ({why}).\n{way.words.en}",
            f"{way.number} 已提交，但结果无法输出（{why}）。\n{way.words.zh}",
        )
        told = {"order_number": way.number, "outcome": "unknown", "query": way.query}
        code = self.fail(Turn.OUTCOME_UNKNOWN.value, Exit.OUTCOME_UNKNOWN, self.say(words), told)
        if isinstance(error, OSError):
            _let_go(sys.stdout)
        return code

    def interrupted(self) -> Exit:
        """Report that Ctrl-C ended the command."""
        if self.under_way is None:
            return self.fail("interrupted", Exit.INTERRUPTED, self.say(Words("interrupted", "已中断")), {})
        way = self.under_way
        words = Words(
            f"interrupted while {way.number} was being sent: the outcome is unknown.\n{way.words.en}",
            f"发送 {way.number} 时被中断：结果未知。\n{way.words.zh}",
        )
        told = {"order_number": way.number, "outcome": "unknown", "query": way.query}
        return self.fail("interrupted", Exit.INTERRUPTED, self.say(words), told)

    def _complain_of_call(self, error: CallError) -> Exit:
        row = error.row
        headline = TURNS[error.turn]
        if isinstance(error, NothingSent):
            headline = Words("nothing was sent", "请求未发出")
        remedy = REMEDIES[error.turn] if row is None else Words(row.remedy, row.remedy_zh)
        lines = [
            self.say(Words(f"{headline.en}: {error.args[0]}", f"{headline.zh}：{_what_zh(error)}")),
        ]
        if self.lang is Lang.ZH:
            lines.append(remedy.zh)
        elif row is not None:
            lines.append(f"{row.code} means: {row.meaning}")
        way = self.under_way
        if way is not None and isinstance(error, OutcomeUnknown | SameNumberAgain):
            lines.append(self.say(way.words))
        told: dict[str, object] = {
            "endpoint": error.endpoint,
            "order_number": error.order_number,
            "code": error.code,
            "text": error.text,
            "what": str(error),
            "meaning": row.meaning if row else None,
            "cause": row.cause if row else None,
            "remedy": remedy.en,
            "remedy_zh": remedy.zh,
            "same_number": error.same_number.value,
            "sent": error.sent,
            "query": way.query if way is not None else None,
            "raw": error.raw,
        }
        return self.fail(error.turn.value, EXIT_OF[error.turn], "\n".join(lines), told)


class UnderWay(NamedTuple):
    """A call that was announced: its number, and the command that asks for its outcome, if one can."""

    number: str
    query: str | None

    @property
    def words(self) -> Words:
        """What to do when its outcome is not known."""
        en = "Never take a new number for this packet. Run the same command again: it uses the same number."
        zh = "切勿为这个红包更换单号。请重复执行同一命令（单号不变）。"
        if self.query is None:
            return Words(en, zh)
        return Words(f"{en} Or ask what became of it:\n  {self.query}", f"{zh}或查询结果：\n  {self.query}")


def _what_zh(error: CallError) -> str:
    number = f" {error.order_number}" if error.order_number else ""
    code = f" {error.code}" if error.code else ""
    return f"{error.endpoint}{number}{code} {error.text or error.args[0]}"


@contextmanager
def speaking(lang: Lang | None, *, as_json: bool) -> Generator[Voice]:
    """Give a command its voice; what it raises becomes a report and an exit code."""
    voice = Voice(lang, as_json=as_json)
    try:
        yield voice
    except HongbaoError as error:
        raise typer.Exit(voice.complain(error)) from error
    except KeyboardInterrupt:
        raise typer.Exit(voice.interrupted()) from None
    # Any: once a packet may be on its way, no failure of ours may end with a code that says "nothing was sent".
    except Exception as error:
        if voice.under_way is None:
            raise
        raise typer.Exit(voice.untold(voice.under_way, error)) from error


def _let_go(stream: TextIO) -> None:
    """Lead a stream that cannot be written to nowhere.

    The interpreter flushes it once more at its end, and would put 120 in the place of our exit code.
    """
    with suppress(OSError, ValueError):  # there is no file behind it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
