"""`hongbao batch`: pay everybody on a list. Check it, submit it, start it, watch it, and get back what failed.

Nothing is sent from here: `hongbao worker` does that.
"""

import csv
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hongbao import wiring
from hongbao.batch import submit as batches
from hongbao.batch.check import Checked, Fault, check
from hongbao.batch.file import OpenidFile, recognise
from hongbao.batch.forecast import Forecast, Load, forecast
from hongbao.batch.progress import ADDED, TROUBLED, Outcome, OwnTable, Progress, outcomes, progress
from hongbao.batch.template import Template, read_template
from hongbao.cli.desk import STATES, Desk, at_desk, moment, money
from hongbao.cli.packet import AccountOption, ConfigOption, MerchantOption
from hongbao.cli.voice import Exit, JsonOption, LangOption, Voice, Words, both, speaking
from hongbao.clock import SystemDice
from hongbao.engine.merchants import limits_of
from hongbao.engine.ports import Batch, CampaignState, Merchant
from hongbao.errors import BadInput
from hongbao.ids import AppId, CampaignId
from hongbao.payout.pacing import DAY_MS, beijing_day

app = typer.Typer(
    help=both("Pay everybody on a list of openids.", "按 openid 文件批量发放。"),
    no_args_is_help=True,
)

SHOWN_FAULTS = 50
RECENT_DAYS = 30
_TICK_SECONDS = 1.0
_RATE_SECONDS = 30

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help=both("One openid a line, or a CSV with a header.", "openid 文件或 CSV。"))
]
TemplateOption = Annotated[
    Path, typer.Option(help=both("Wording, amounts, scene and window, as TOML.", "模板：文案、金额、场景与时间窗。"))
]
RepeatOption = Annotated[
    bool,
    typer.Option(
        "--allow-repeat", help=both("The same openid twice means two packets.", "允许同一 openid 出现多次，各发一个。")
    ),
]
ContinuesOption = Annotated[
    str | None,
    typer.Option(
        metavar="BATCH",
        help=both(
            "This file continues that batch: rows that it paid, or may yet pay, are left out.",
            "续发：跳过该批次已发或将发的行。",
        ),
    ),
]
BatchArgument = Annotated[str, typer.Argument(metavar="BATCH", help=both("The batch's key.", "批次号。"))]
OutOption = Annotated[
    Path | None,
    typer.Option(help=both("File to write, as CSV; default: standard output.", "输出的 CSV 文件，缺省为标准输出。")),
]


class Until(StrEnum):
    """When `watch` ends."""

    SENT = "sent"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class _Reading:
    """A file that was read on behalf of a merchant's account."""

    desk: Desk
    appid: AppId
    file: OpenidFile
    template: Template
    checked: Checked
    faults: list[Fault]


@contextmanager
def _reading(
    path: Path,
    template: Path,
    account: str | None,
    merchant: str | None,
    config: Path | None,
    *,
    allow_repeat: bool,
    continues: str | None,
) -> Generator[_Reading]:
    with at_desk(config, merchant) as desk:
        appid = desk.merchant.appid(account)
        told = read_template(template, words=desk.merchant.wording.model_dump(), client_ip=desk.merchant.client_ip)
        file = recognise(path)
        faults: list[Fault] = []

        def tell(fault: Fault) -> None:
            if len(faults) < 100_000:
                faults.append(fault)

        with check(
            file,
            told,
            merchant=desk.mch_id,
            appid=appid,
            limits=wiring.limits(desk.merchant),
            on_fault=tell,
            allow_repeat=allow_repeat,
            continues=None if continues is None else CampaignId(continues),
        ) as checked:
            faults.sort(key=lambda fault: fault.line)
            yield _Reading(desk, appid, file, told, checked, faults)


@app.command(
    "check", help=both("Find every bad row, and say when it will be done; changes nothing.", "检查文件并预测。")
)
def check_file(
    file: FileArgument,
    template: TemplateOption,
    account: AccountOption = None,
    allow_repeat: RepeatOption = False,
    continues: ContinuesOption = None,
    faults_to: Annotated[
        Path | None, typer.Option("--faults", help=both("Write all faults into this CSV file.", "将全部问题写入 CSV。"))
    ] = None,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with (
        speaking(lang, as_json=as_json) as voice,
        _reading(file, template, account, merchant, config, allow_repeat=allow_repeat, continues=continues) as reading,
    ):
        if faults_to is not None:
            with _writer(faults_to) as out:
                out.writerow(("line", "column", "fault", "remedy"))
                out.writerows((each.line, each.column, each.fault, each.remedy) for each in reading.faults)
        if reading.checked.bad:
            raise typer.Exit(_refuse(voice, reading))
        paid = _paid_recently(reading)
        foreseen = _forecast(reading)
        if as_json:
            voice.json({"checked": _told(reading, paid, foreseen)})
        else:
            _show(voice, reading, paid, foreseen)


def _refuse(voice: Voice, reading: _Reading) -> Exit:
    checked = reading.checked
    summary = Words(
        f"{checked.bad} faults in {checked.rows} rows; nothing was submitted",
        f"共 {checked.rows} 行，{checked.bad} 处问题；未提交",
    )
    told = {
        "field": "file",
        "fault": f"has {checked.bad} faults in {checked.rows} rows",
        "remedy": "mend them; nothing was submitted",
        "faults": [
            {"line": each.line, "column": each.column, "fault": each.fault, "remedy": each.remedy}
            for each in reading.faults
        ],
    }
    lines = [
        voice.say(
            Words(
                f"line {each.line}, {each.column or 'row'}: {each.fault}; {each.remedy}",
                f"第 {each.line} 行 {each.column}：{each.fault}；{each.remedy}",
            )
        )
        for each in reading.faults[:SHOWN_FAULTS]
    ]
    if checked.bad > SHOWN_FAULTS:
        more = checked.bad - SHOWN_FAULTS
        lines.append(voice.say(Words(f"… and {more} more: --faults FILE", f"……另有 {more} 处：--faults FILE")))
    return voice.fail("bad input", Exit.BAD_INPUT, "\n".join([*lines, voice.say(summary)]), told)


def _paid_recently(reading: _Reading) -> int:
    desk = reading.desk
    since_ms = desk.store.now_ms() - RECENT_DAYS * DAY_MS
    if desk.store.merchant(desk.mch_id) is None:
        return 0
    return sum(
        len(desk.store.paid_since(desk.mch_id, reading.appid, openids, since_ms))
        for openids in reading.checked.openids()
    )


def _forecast(reading: _Reading) -> Forecast:
    desk, checked = reading.desk, reading.checked
    kept = desk.store.merchant(desk.mch_id) or Merchant(merchant=desk.mch_id)
    now_ms = desk.store.now_ms()
    today = desk.store.sent_on(desk.mch_id, beijing_day(now_ms))
    load = Load(
        rows=checked.rows,
        fen=checked.fen,
        person_rows_max=checked.person_rows_max,
        sent_rows=today.grants,
        sent_fen=today.fen,
        free_fen=kept.balance.free,
    )
    begins_ms = max(now_ms, reading.template.begins_ms or now_ms)
    return forecast(load, limits_of(kept), now_ms=begins_ms, quiet=kept.quiet_hours)


def _told(reading: _Reading, paid: int, foreseen: Forecast) -> dict[str, object]:
    checked = reading.checked
    return {
        "file": reading.file.path.name,
        "encoding": "UTF-8" if reading.file.encoding == "utf-8-sig" else "GBK",
        "account": reading.appid,
        "rows": checked.rows,
        "amount_fen": checked.fen,
        "largest_fen": checked.fen_max,
        "odd_openids": checked.odd,
        "odd_lines": checked.odd_lines,
        "paid_in_30_days": paid,
        "forecast": {
            "begins": moment(foreseen.begins_ms),
            "ends": moment(foreseen.ends_ms),
            "sends_minute": foreseen.sends_minute,
            "binding": foreseen.binding.value,
            "days": foreseen.days,
            "needed_fen": foreseen.needed_fen,
            "short_fen": foreseen.short_fen,
        },
    }


def _show(voice: Voice, reading: _Reading, paid: int, foreseen: Forecast) -> None:
    checked = reading.checked
    lines = ", ".join(map(str, checked.odd_lines[:5]))
    over = Words("not within ten years", "十年内无法完成")
    end = moment(foreseen.ends_ms) or voice.say(over)
    voice.rows(
        [
            (Words("file", "文件"), f"{reading.file.path.name} ({reading.file.encoding.split('-sig')[0]})"),
            (Words("account", "公众号"), reading.appid),
            (Words("packets", "红包数"), str(checked.rows)),
            (Words("in all", "总金额"), money(checked.fen)),
            (Words("largest", "最大一笔"), money(checked.fen_max)),
            (
                Words("odd openids", "形状异常的 openid"),
                Text(f"{checked.odd} ({lines}{' …' if checked.odd > 5 else ''})", style="yellow")
                if checked.odd
                else None,
            ),
            (
                Words("paid in the last 30 days", "30 天内已付款"),
                Text(voice.say(Words(f"{paid} of these people", f"其中 {paid} 人次")), style="yellow")
                if paid
                else None,
            ),
            (
                Words("pace", "速度"),
                voice.say(Words(f"{foreseen.sends_minute} a minute", f"每分钟 {foreseen.sends_minute}")),
            ),
            (Words("limit that binds", "瓶颈限额"), foreseen.binding.value),
            (
                Words("if started now", "若现在开始"),
                voice.say(
                    Words(
                        f"from {moment(foreseen.begins_ms)} to {end}, on {foreseen.days} days",
                        f"{moment(foreseen.begins_ms)} 至 {end}，共 {foreseen.days} 天",
                    )
                ),
            ),
            (Words("needed", "所需资金"), money(foreseen.needed_fen)),
            (
                Words("lacking", "尚缺资金"),
                Text(money(foreseen.short_fen), style="yellow") if foreseen.short_fen else None,
            ),
        ]
    )


@app.command(
    "submit", help=both("Make a batch of a file: all of it or nothing, once.", "提交批次：全部或全不，且仅一次。")
)
def submit_file(
    file: FileArgument,
    template: TemplateOption,
    account: AccountOption = None,
    allow_repeat: RepeatOption = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help=both(
                "The same rows were submitted under another template, and everybody shall get another packet.",
                "同样的名单已用其他模板提交过，确需再发一遍。",
            ),
        ),
    ] = False,
    continues: ContinuesOption = None,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with (
        speaking(lang, as_json=as_json) as voice,
        _reading(file, template, account, merchant, config, allow_repeat=allow_repeat, continues=continues) as reading,
    ):
        if reading.checked.bad:
            raise typer.Exit(_refuse(voice, reading))
        reading.desk.kept()
        batch, new = batches.submit(
            reading.desk.store,
            reading.file,
            reading.template,
            reading.checked,
            merchant=reading.desk.mch_id,
            appid=reading.appid,
            dice=SystemDice(),
            again=again,
            continues=None if continues is None else CampaignId(continues),
        )
        if not new:
            voice.note(Words("the same rows were submitted before: this is that batch", "名单已提交过，即此批次"))
        _tell(voice, reading.desk, batch)


@app.command("list", help=both("List the merchant's batches, newest first.", "列出批次，最新在前。"))
def list_batches(
    merchant: MerchantOption = None, config: ConfigOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, merchant) as desk:
        found = desk.store.batches(desk.mch_id)
        if as_json:
            voice.json({"batches": [_batch_told(desk, batch) for batch in found]})
            return
        table = Table(
            *(voice.say(name) for name in (_KEY, _FILE, _ROWS, _MONEY, _SUBMITTED, _STATE)),
            box=None,
        )
        for batch in found:
            table.add_row(
                batch.campaign,
                batch.file_name,
                str(batch.rows),
                money(batch.fen),
                moment(batch.submitted_ms) or "",
                voice.say(_state(desk, batch)),
            )
        voice.show_table(table)


_KEY, _FILE, _ROWS = Words("batch", "批次号"), Words("file", "文件"), Words("packets", "红包数")
_MONEY, _SUBMITTED, _STATE = Words("in all", "总金额"), Words("submitted", "提交时间"), Words("state", "状态")

_STATES = {
    CampaignState.DRAFT: Words("submitted, not started", "已提交，未开始"),
    CampaignState.LIVE: Words("running", "发放中"),
    CampaignState.PAUSED: Words("paused", "已暂停"),
    CampaignState.ENDED: Words("the rest is cancelled", "已撤回剩余"),
    CampaignState.SETTLED: Words("settled", "已结清"),
}


def _state(desk: Desk, batch: Batch) -> Words:
    campaign = desk.store.campaign(batch.campaign)
    return _STATES[CampaignState.DRAFT if campaign is None else campaign.state]


@app.command("start", help=both("Reserve the budget and let it go.", "预留资金并开始发放。"))
def start(
    batch: BatchArgument,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    _act(batch, merchant, config, lang, lambda desk, key: batches.start(desk.store, key), as_json=as_json)


@app.command("pause", help=both("Let nothing more of it go out.", "暂停发放。"))
def pause(
    batch: BatchArgument,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    _act(batch, merchant, config, lang, lambda desk, key: batches.pause(desk.store, key), as_json=as_json)


@app.command("resume", help=both("Let it go on.", "继续发放。"))
def resume(
    batch: BatchArgument,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    _act(batch, merchant, config, lang, lambda desk, key: batches.resume(desk.store, key), as_json=as_json)


@app.command(
    "cancel-rest",
    help=both("Take back for good what was not sent yet, and its money.", "撤回尚未发出的部分并退回资金，不可恢复。"),
)
def cancel_rest(
    batch: BatchArgument,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    _act(batch, merchant, config, lang, lambda desk, key: batches.cancel_rest(desk.store, key), as_json=as_json)


def _act(
    key: str,
    merchant: str | None,
    config: Path | None,
    lang: LangOption,
    act: Callable[[Desk, CampaignId], object],
    *,
    as_json: bool,
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, merchant) as desk:
        batch = _found(desk, key)
        act(desk, batch.campaign)
        _tell(voice, desk, _found(desk, key))


def _found(desk: Desk, key: str) -> Batch:
    """Return a batch of this merchant; a key of another one must not be reached by mistake."""
    batch = batches.found(desk.store, CampaignId(key))
    if batch.merchant != desk.mch_id:
        raise BadInput(field="batch", fault=f"{key} belongs to merchant {batch.merchant}", remedy="give --merchant")
    return batch


def _tell(voice: Voice, desk: Desk, batch: Batch) -> None:
    if voice.as_json:
        voice.json({"batch": _batch_told(desk, batch)})
        return
    campaign = desk.store.campaign(batch.campaign)
    so_far = progress(desk.store, batch)
    voice.rows(
        [
            (_KEY, batch.campaign),
            (_FILE, batch.file_name),
            (_STATE, voice.say(_state(desk, batch))),
            (Words("because", "原因"), (campaign.reason if campaign is not None else "") or None),
            (_ROWS, str(batch.rows)),
            (_MONEY, money(batch.fen)),
            (
                Words("left out", "跳过"),
                voice.say(Words(f"{batch.left_out} rows that {batch.continues} covers", f"{batch.left_out} 行"))
                if batch.left_out
                else None,
            ),
            *((words, str(count)) for words, count, _ in _counts(so_far) if count),
        ]
    )


def _batch_told(desk: Desk, batch: Batch) -> dict[str, object]:
    campaign = desk.store.campaign(batch.campaign)
    return {
        "batch": batch.campaign,
        "file": batch.file_name,
        "account": batch.appid,
        "state": "draft" if campaign is None else campaign.state.value,
        "reason": "" if campaign is None else campaign.reason,
        "rows": batch.rows,
        "amount_fen": batch.fen,
        "left_out": batch.left_out,
        "continues": batch.continues,
        "submitted": moment(batch.submitted_ms),
        **_progress_told(progress(desk.store, batch)),
    }


def _progress_told(so_far: Progress) -> dict[str, object]:
    return {
        "sent": so_far.sent,
        "received": so_far.received,
        "refunded": so_far.refunded,
        "failed": so_far.failed,
        "cancelled": so_far.cancelled,
        "unsure": so_far.unsure,
        "needs_person": so_far.needs_person,
        "left": so_far.left,
        "paid_fen": so_far.paid_fen,
    }


def _counts(so_far: Progress) -> list[tuple[Words, int, str]]:
    return [
        (Words("sent", "已发放"), so_far.sent, "cyan"),
        (Words("received", "已领取"), so_far.received, "green"),
        (Words("refunded", "已退款"), so_far.refunded, "magenta"),
        (Words("failed", "失败"), so_far.failed, "red"),
        (Words("cancelled", "已撤回"), so_far.cancelled, "dim"),
        (Words("unsure", "结果未知"), so_far.unsure, "yellow"),
        (Words("needs a person", "需人工"), so_far.needs_person, "red"),
        (Words("left", "待发"), so_far.left, "default"),
    ]


@app.command(
    "watch",
    help=both("Follow a batch as it goes; with --json a line a second.", "实时查看进度；--json 每秒一行。"),
)
def watch(
    batch: BatchArgument,
    until: Annotated[
        Until,
        typer.Option(
            help=both("When to end: all sent, or all received or refunded.", "何时结束：全部发出，或全部领取或退款。")
        ),
    ] = Until.SENT,
    once: Annotated[bool, typer.Option("--once", help=both("Look once and end.", "只看一次。"))] = False,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, merchant) as desk:
        looks = _looks(desk, batch, until, once=once)
        if as_json:
            for so_far, rate, eta in looks:
                voice.json({"progress": {**_progress_told(so_far), "sends_minute": rate, "eta_seconds": eta}})
            return
        console = Console()
        if not console.is_terminal:
            for so_far, rate, eta in looks:
                voice.show(_line(voice, so_far, rate, eta))
            return
        with Live(console=console, auto_refresh=False) as live:
            for so_far, rate, eta in looks:
                live.update(_line(voice, so_far, rate, eta, console.width), refresh=True)


def _looks(desk: Desk, key: str, until: Until, *, once: bool) -> Iterator[tuple[Progress, int, int | None]]:
    """Yield progress, packets a minute and seconds to go, until the batch is where it shall be."""
    seen: deque[tuple[int, int]] = deque(maxlen=int(_RATE_SECONDS / _TICK_SECONDS))
    while True:
        so_far = progress(desk.store, _found(desk, key))
        seen.append((desk.store.now_ms(), so_far.through))
        span_ms = seen[-1][0] - seen[0][0]
        rate = (seen[-1][1] - seen[0][1]) * 60_000 // span_ms if span_ms else 0
        yield so_far, rate, (so_far.left * 60 // rate if rate > 0 else None)
        open_ones = so_far.left + so_far.unsure
        if until is Until.SETTLED:
            open_ones += so_far.sent
        if once or not open_ones:
            return
        threading.Event().wait(_TICK_SECONDS)


def _line(voice: Voice, so_far: Progress, rate: int, eta: int | None, width: int = 0) -> Text:
    line = Text()
    if width:
        cells = min(40, max(width - 60, 10))
        done = cells * so_far.through // so_far.total
        line.append("█" * done, style="green")
        line.append("░" * (cells - done), style="dim")
        line.append(f" {100 * so_far.through // so_far.total}%  ")
    parts = [(f"{voice.say(words)} {count}", style) for words, count, style in _counts(so_far) if count]
    for number, (text, style) in enumerate(parts):
        line.append("  " if number else "").append(text, style=style)
    if rate:
        line.append(voice.say(Words(f"  {rate}/min", f"  {rate}/分钟")), style="dim")
    if eta is not None and so_far.left:
        hours, minutes = divmod(eta // 60, 60)
        line.append(voice.say(Words(f"  {hours}:{minutes:02d} to go", f"  剩余 {hours}:{minutes:02d}")), style="dim")
    return line


@app.command(
    "errors",
    help=both(
        "Give back what was not paid, in your own columns, with code and remedy: mend it and submit --continues.",
        "以原有列输出未付款的行及错误码与处理办法，修正后可用 --continues 续发。",
    ),
)
def errors(
    batch: BatchArgument,
    out: OutOption = None,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=False) as voice, at_desk(config, merchant) as desk:
        found = _found(desk, batch)
        _write(voice, found, outcomes(desk.store, found, TROUBLED), out)


@app.command("export", help=both("Give back all rows with what became of them.", "输出全部行及其结果。"))
def export(
    batch: BatchArgument,
    out: OutOption = None,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=False) as voice, at_desk(config, merchant) as desk:
        found = _found(desk, batch)
        _write(voice, found, outcomes(desk.store, found), out)


def _write(voice: Voice, batch: Batch, rows: Iterator[Outcome], out: Path | None) -> None:
    table = OwnTable(batch)
    count = 0
    with _writer(out) as writer:
        writer.writerow([*table.header, *ADDED])
        for outcome in rows:
            writer.writerow([*table.cells(outcome), *(_safe(cell) for cell in _added(voice, outcome))])
            count += 1
    voice.note(Words(f"{count} rows", f"{count} 行"))


def _safe(cell: str) -> str:
    """Keep a spreadsheet from taking what others said for a formula. The merchant's own cells stay as they were."""
    return f"'{cell}" if cell[:1] in {"=", "+", "@", "\t", "\r"} else cell


def _added(voice: Voice, outcome: Outcome) -> Sequence[str]:
    from hongbao.wechat.codes import CODES

    grant = outcome.grant
    if grant is None:
        return (str(outcome.row.line), "", voice.say(Words("never sent", "未发出")), "", "", "")
    row = next((row for row in CODES if row.code == grant.last_code), None)
    remedy = "" if row is None or not grant.last_code else voice.say(Words(row.remedy, row.remedy_zh))
    reason = grant.hold_reason or (grant.last_text if grant.last_code else "")
    return (
        str(outcome.row.line),
        grant.number,
        voice.say(STATES[grant.state]),
        grant.last_code if grant.state in TROUBLED else "",
        reason if grant.state in TROUBLED else "",
        remedy if grant.state in TROUBLED else "",
    )


class _Rows:
    """Writes CSV."""

    def __init__(self, stream: IO[str]) -> None:
        self._writer = csv.writer(stream)

    def writerow(self, cells: Sequence[object]) -> None:
        self._writer.writerow(cells)

    def writerows(self, rows: Iterator[Sequence[object]]) -> None:
        self._writer.writerows(rows)


@contextmanager
def _writer(out: Path | None) -> Generator[_Rows]:
    if out is None:
        yield _Rows(sys.stdout)
        return
    try:
        # With the mark, Excel reads Chinese as what it is.
        with out.open("w", encoding="utf-8-sig", newline="") as stream:
            yield _Rows(stream)
    except OSError as error:
        raise BadInput(field="out", fault=f"{out} cannot be written: {error.strerror}", remedy="check the path") from (
            None
        )
