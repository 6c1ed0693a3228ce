"""`hongbao explain CODE`: what an err_code means, who must act, and what may be done with the order number."""

from typing import Annotated

import typer
from rich.text import Text

from hongbao.cli.voice import (
    EXIT_OF,
    ORDERS,
    REMEDIES,
    SAME_NUMBERS,
    TURNS,
    Exit,
    JsonOption,
    LangOption,
    Voice,
    Words,
    both,
    speaking,
)
from hongbao.errors import BadInput
from hongbao.wechat import CodeRow, Turn
from hongbao.wechat.codes import find, rows
from hongbao.wechat.endpoints import ENDPOINTS


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("explain", help=both("Say what an err_code means and what to do.", "解释错误码及处理方法。"))(explain)


def explain(
    code: Annotated[str, typer.Argument(help=both("The err_code, like NOTENOUGH.", "错误码，如 NOTENOUGH。"))],
    endpoint: Annotated[
        str | None,
        typer.Option(help=both("The call it came from, like sendredpack.", "返回它的接口，如 sendredpack。")),
    ] = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice:
        if endpoint is not None and endpoint not in ENDPOINTS:
            raise BadInput(
                field="endpoint", fault=f"{endpoint!r} is not known", remedy=f"one of {', '.join(ENDPOINTS)}"
            )
        found = rows(code)
        if endpoint is not None:
            row = find(code.upper(), endpoint)
            found = () if row is None else (row,)
        if not found:
            _explain_unknown(voice, code, endpoint)
            raise typer.Exit(Exit.OUTCOME_UNKNOWN)
        if as_json:
            voice.json({"code": found[0].code, "known": True, "rows": [_told(row) for row in found]})
            return
        for row in found:
            _show(voice, row)


def _explain_unknown(voice: Voice, code: str, endpoint: str | None) -> None:
    elsewhere = sorted({name for row in rows(code) for name in row.endpoints})
    remedy = REMEDIES[Turn.OUTCOME_UNKNOWN]
    if voice.as_json:
        voice.json(
            {
                "code": code,
                "known": False,
                "documented_for": elsewhere,
                "class": Turn.OUTCOME_UNKNOWN.value,
                "remedy": remedy.en,
                "remedy_zh": remedy.zh,
            }
        )
        return
    where = Words(f" for {endpoint}" if endpoint else "", f"（{endpoint}）" if endpoint else "")
    voice.show(
        voice.say(
            Words(
                f"{code} is not documented{where.en}. An answer with an unknown code says nothing of the packet.",
                f"{code} 不在文档中{where.zh}。未知错误码不能说明红包是否已发出。",
            )
        )
    )
    if elsewhere:
        names = ", ".join(elsewhere)
        voice.show(voice.say(Words(f"It is documented for: {names}.", f"文档中有此错误码的接口：{names}。")))
    voice.show(
        Text(voice.say(TURNS[Turn.OUTCOME_UNKNOWN]), style="bold"),
        voice.say(remedy),
        voice.say(
            Words(
                "Run `hongbao packet query`, or send the identical request with the same number.",
                "请用 hongbao packet query 查询，或用原单号、原参数重发。",
            )
        ),
    )


def _told(row: CodeRow) -> dict[str, object]:
    return {
        "endpoints": list(row.endpoints),
        "texts": list(row.texts),
        "meaning": row.meaning,
        "cause": row.cause,
        "remedy": row.remedy,
        "remedy_zh": row.remedy_zh,
        "class": row.turn.value,
        "exit_code": int(EXIT_OF[row.turn]),
        "same_number": row.same_number.value,
        "order_left": row.order.value,
    }


def _show(voice: Voice, row: CodeRow) -> None:
    voice.show(Text(row.code, style="bold"))
    voice.rows(
        [
            (Words("calls", "接口"), ", ".join(row.endpoints)),
            (Words("texts", "原文"), "\n".join(row.texts)),
            (Words("meaning", "含义（英文）"), row.meaning),
            (Words("cause", "原因（英文）"), row.cause),
            (Words("what to do", "处理"), voice.say(Words(row.remedy, row.remedy_zh))),
            (Words("class", "类别"), voice.say(TURNS[row.turn])),
            (Words("same number?", "可否用原单号"), voice.say(SAME_NUMBERS[row.same_number])),
            (Words("order left", "微信侧订单"), voice.say(ORDERS[row.order])),
        ]
    )
