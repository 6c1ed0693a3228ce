"""`hongbao packet show`: the whole story of one grant: decided, reserved, each attempt and query, its end."""

from collections.abc import Iterator
from pathlib import Path

from rich.text import Text

from hongbao.cli.desk import STATES, at_desk, moment, money
from hongbao.cli.voice import Lang, Voice, Words, speaking
from hongbao.engine.ports import Attempt, Timeline
from hongbao.errors import BadInput
from hongbao.ids import OrderNumber, masked
from hongbao.ledger.grant import ENDED
from hongbao.ledger.transfer import Kind, Transfer

MOVES = {
    Kind.RESERVE: Words("promised, the money set aside", "承诺并预留资金"),
    Kind.SETTLE: Words("paid", "支出"),
    Kind.RELEASE: Words("promise released", "释放预留"),
    Kind.GIVE_BACK: Words("the money came back", "资金退回"),
}


def show(number: str, merchant: str | None, config: Path | None, lang: Lang | None, *, as_json: bool) -> None:
    """Run the command."""
    with speaking(lang, as_json=as_json) as voice, at_desk(config, merchant) as desk:
        grant = desk.store.find(desk.mch_id, OrderNumber(number))
        timeline = None if grant is None else desk.store.timeline(grant)
        if timeline is None:
            raise BadInput(
                field="number",
                fault=f"{number} is no order number of {desk.name} here",
                remedy="`hongbao packet query` asks WeChat",
            )
        if as_json:
            voice.json({"packet": _told(timeline)})
        else:
            _show(voice, timeline)


def _told(timeline: Timeline) -> dict[str, object]:
    grant = timeline.grant
    return {
        "order_number": grant.number,
        "renewal": grant.renewal,
        "mch_id": grant.merchant,
        "appid": grant.appid,
        "campaign": grant.campaign,
        "occasion": grant.occasion,
        "openid": None if grant.openid is None else masked(grant.openid),
        "amount_fen": grant.fen,
        "state": grant.state.value,
        "code": grant.last_code,
        "text": grant.last_text,
        "reason": grant.hold_reason,
        "send_listid": grant.list_id,
        "line": grant.row,
        "next_send": moment(grant.due_ms),
        "next_query": moment(grant.look_ms),
        "steps": [
            {
                "at_ms": at_ms,
                "what": what,
                **(
                    {"fen": step.fen}
                    if isinstance(step, Transfer)
                    else {
                        "order_number": step.number,
                        "serial": step.serial,
                        "took_ms": None if step.evidence is None else step.evidence.ended_ms - step.evidence.started_ms,
                        "outcome": None if step.evidence is None else step.evidence.outcome,
                        "code": "" if step.evidence is None else step.evidence.code,
                        "text": "" if step.evidence is None else step.evidence.text,
                        "lost": step.lost,
                    }
                ),
            }
            for at_ms, what, step in _steps(timeline)
        ],
    }


def _steps(timeline: Timeline) -> Iterator[tuple[int, str, Attempt | Transfer]]:
    """Yield all that happened, in the order of time."""
    steps: list[tuple[int, int, str, Attempt | Transfer]] = [
        # Of one moment: what was promised comes before what was sent, what was paid after it.
        (transfer.at_ms, 0 if transfer.kind is Kind.RESERVE else 2, transfer.kind.value, transfer)
        for transfer in timeline.transfers
    ]
    for attempt in timeline.attempts:
        at_ms = attempt.opened_ms if attempt.evidence is None else attempt.evidence.started_ms
        steps.append((at_ms, 1, attempt.kind, attempt))
    steps.sort(key=lambda step: step[:2])
    for at_ms, _, what, step in steps:
        yield at_ms, what, step


def _show(voice: Voice, timeline: Timeline) -> None:
    grant = timeline.grant
    voice.rows(
        [
            (Words("order number", "商户订单号"), grant.number),
            (Words("state", "状态"), f"{grant.state.value}  {voice.say(STATES[grant.state])}"),
            (Words("reason", "原因"), " ".join(filter(None, (grant.last_code, grant.hold_reason))) or None),
            (Words("amount", "金额"), money(grant.fen)),
            (Words("to", "用户"), None if grant.openid is None else masked(grant.openid)),
            (Words("campaign", "活动"), grant.campaign),
            (Words("line", "文件行"), None if grant.row is None else str(grant.row)),
            (Words("WeChat's number", "微信单号"), grant.list_id),
            (Words("next send", "下次发送"), moment(grant.due_ms)),
            (Words("next query", "下次查询"), moment(grant.look_ms)),
        ]
    )
    for at_ms, _, step in _steps(timeline):
        line = Text(f"{moment(at_ms)}.{at_ms % 1000:03d}  ", style="dim")
        if isinstance(step, Transfer):
            line.append(f"{voice.say(MOVES[step.kind])}  {money(step.fen)}", style="not dim")
        else:
            line.append(_attempt(voice, step, timeline), style="not dim")
        voice.show(line)
    if grant.ended_ms is not None and grant.state in ENDED:
        voice.show(Text(f"{moment(grant.ended_ms)}  {voice.say(STATES[grant.state])}", style="bold"))


def _attempt(voice: Voice, attempt: Attempt, timeline: Timeline) -> str:
    name = (
        Words(f"send {attempt.serial}", f"第 {attempt.serial} 次发送")
        if attempt.kind == "send"
        else Words(f"query {attempt.serial}", f"第 {attempt.serial} 次查询")
    )
    other = f"  {attempt.number}" if attempt.number != timeline.grant.number else ""
    evidence = attempt.evidence
    if evidence is None:
        state = (
            Words("no answer; its worker vanished", "无应答，进程已失联")
            if attempt.lost
            else Words("under way", "进行中")
        )
        return f"{voice.say(name)}{other}: {voice.say(state)}"
    said = " ".join(filter(None, (evidence.outcome, evidence.code, evidence.text)))
    return f"{voice.say(name)}{other}: {said}  ({evidence.ended_ms - evidence.started_ms} ms)"
