"""`hongbao merchant`: who pays, from what money, under which limits, and whether packets go out."""

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated

import typer

from hongbao.cli.desk import Desk, NameArgument, at_desk, moment, money
from hongbao.cli.packet import ConfigOption, FenOption, YuanOption
from hongbao.cli.voice import JsonOption, LangOption, Voice, Words, both, speaking
from hongbao.clock import BEIJING
from hongbao.engine.merchants import let_go, limits_of, stopped
from hongbao.engine.ports import BrakeState, Merchant
from hongbao.errors import BadInput
from hongbao.ids import AppId
from hongbao.merchant import Limit, LimitSet
from hongbao.money import Fen, fen_from_yuan

app = typer.Typer(
    help=both("A merchant's money, limits and brake.", "商户的资金、限额与启停。"),
    no_args_is_help=True,
)

PACED = (
    "sends_minute_max",
    "sends_second_max",
    "person_packets_day_max",
    "person_fen_day_max",
    "merchant_packets_day_max",
    "merchant_fen_day_max",
    "reentry_days_max",
    "query_days_max",
)
"""The limits that shape sending; those of amounts and texts stand in the settings."""

BRAKES = {
    BrakeState.GO: Words("packets go out", "正常发放"),
    BrakeState.STOPPED: Words("stopped by a person", "人工停止"),
    BrakeState.HELD: Words("held after an answer of WeChat", "因微信应答而暂停"),
}


@app.command("add", help=both("Take a merchant of the settings, and its accounts, into the books.", "商户入账。"))
def add(
    name: NameArgument = None,
    quiet_hours: Annotated[
        bool, typer.Option(help=both("Keep 00:00 to 08:00 Beijing time free.", "0 点至 8 点不发放。"))
    ] = True,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, name) as desk:
        desk.store.add_merchant(Merchant(merchant=desk.mch_id, quiet_hours=quiet_hours))
        for appid in desk.merchant.accounts.values():
            desk.store.add_account(desk.mch_id, AppId(appid))
        _tell(voice, desk)


@app.command("show", help=both("Show balance, brake and limits.", "查看余额、启停状态与限额。"))
def show(
    name: NameArgument = None, config: ConfigOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, name) as desk:
        _tell(voice, desk)


@app.command("limits", help=both("Enter limits as your portal shows them.", "按商户平台所示录入限额。"))
def limits(
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LIMIT=VALUE]...", help=both(f"One of {', '.join(PACED)}.", "限额名=数值。")),
    ] = None,
    merchant: Annotated[
        str | None, typer.Option(help=both("Merchant, by its name in the settings.", "配置中的商户名称。"))
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help=both("The day the portal was looked at; default: today.", "查看日期。")
        ),
    ] = None,
    quiet_hours: Annotated[
        bool | None, typer.Option(help=both("Keep 00:00 to 08:00 Beijing time free.", "0 点至 8 点不发放。"))
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, merchant) as desk:
        day = datetime.fromtimestamp(desk.store.now_ms() / 1000, BEIJING).date() if as_of is None else as_of.date()
        entered = dict(_limit(change, day) for change in changes or [])
        desk.kept()
        if entered or quiet_hours is not None:
            desk.store.amend_merchant(
                desk.mch_id,
                lambda now, _: replace(
                    now,
                    limits={**now.limits, **entered},
                    quiet_hours=now.quiet_hours if quiet_hours is None else quiet_hours,
                ),
            )
        _tell(voice, desk)


def _limit(change: str, day: date) -> tuple[str, Limit]:
    name, equals, text = change.partition("=")
    if name not in PACED or not equals or not (text.isascii() and text.isdecimal()):
        raise BadInput(
            field="limits",
            fault=f"{change!r} is not LIMIT=VALUE",
            remedy=f"use one of {', '.join(PACED)}; amounts in fen",
        )
    return name, getattr(LimitSet().entered(day, **{name: int(text)}), name)


@app.command("fund", help=both("Enter money that you topped up at WeChat.", "登记已向微信充值的资金。"))
def fund(
    key: Annotated[
        str,
        typer.Option(
            help=both(
                "What tells this top-up from all others, like the bank's reference: entered twice, it counts once.",
                "本次充值的唯一标识，如银行流水号：重复登记只计一次。",
            )
        ),
    ],
    name: NameArgument = None,
    yuan: YuanOption = None,
    fen: FenOption = None,
    take: Annotated[bool, typer.Option("--take", help=both("Money was withdrawn instead.", "改为登记提现。"))] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, name) as desk:
        if (yuan is None) == (fen is None):
            raise BadInput(field="amount", fault="is missing, or given twice", remedy="give --yuan or --fen")
        amount = fen_from_yuan(yuan) if yuan is not None else fen or 0
        if amount <= 0:
            raise BadInput(field="amount", fault="is not above 0", remedy="give what was topped up")
        desk.kept()
        if not desk.store.fund(desk.mch_id, Fen(-amount if take else amount), f"fund {desk.mch_id} {key}"):
            voice.note(Words(f"{key} was entered before; nothing changed", f"{key} 已登记过，未作更改"))
        _tell(voice, desk)


@app.command("stop", help=both("Let nothing more of this merchant go out.", "立即停止该商户的发放。"))
def stop(
    name: NameArgument = None,
    reason: Annotated[str, typer.Option(help=both("Why, for those who find it.", "原因。"))] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, name) as desk:
        desk.kept()
        desk.store.amend_merchant(desk.mch_id, lambda now, now_ms: stopped(now, now_ms, reason))
        _tell(voice, desk)


@app.command("go", help=both("Let packets go out again; what WeChat held is tried first.", "恢复发放；先试探一笔。"))
def go(
    name: NameArgument = None, config: ConfigOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, name) as desk:
        desk.kept()
        desk.store.amend_merchant(desk.mch_id, let_go)
        _tell(voice, desk)


def _tell(voice: Voice, desk: Desk) -> None:
    kept = desk.kept()
    balance, brake = kept.balance, kept.brake
    in_force = limits_of(kept)
    shown: dict[str, Limit] = {name: getattr(in_force, name) for name in PACED}
    if voice.as_json:
        voice.json(
            {
                "merchant": {
                    "name": desk.name,
                    "mch_id": kept.merchant,
                    "accounts": desk.store.accounts(desk.mch_id),
                    "funded_fen": balance.funded,
                    "free_fen": balance.free,
                    "reserved_fen": balance.reserved,
                    "paid_fen": balance.paid,
                    "returned_fen": balance.returned,
                    "brake": brake.state.value,
                    "code": brake.code,
                    "reason": brake.text,
                    "since": moment(brake.since_ms) if brake.since_ms else None,
                    "probe": moment(brake.probe_ms),
                    "quiet_hours": kept.quiet_hours,
                    "limits": {
                        name: {"value": limit.value, "as_of": limit.as_of.isoformat(), "source": limit.source}
                        for name, limit in shown.items()
                    },
                }
            }
        )
        return
    held = brake.state is not BrakeState.GO
    behind = voice.say(Words(f" ({money(balance.reserved)} wait behind it)", f"（{money(balance.reserved)} 被阻）"))
    voice.rows(
        [
            (Words("merchant", "商户"), f"{desk.name} ({kept.merchant})"),
            (Words("accounts", "公众号"), ", ".join(desk.store.accounts(desk.mch_id)) or None),
            (Words("funded", "累计资金"), money(balance.funded)),
            (Words("free", "可用"), money(balance.free)),
            (Words("promised", "已预留"), money(balance.reserved)),
            (Words("paid", "已支出"), money(balance.paid)),
            (Words("came back", "累计退回"), money(balance.returned)),
            (Words("sending", "发放"), voice.say(BRAKES[brake.state]) + (behind if held else "")),
            (Words("reason", "原因"), " ".join(filter(None, (brake.code, brake.text))) or None),
            (Words("next try", "下次试探"), moment(brake.probe_ms)),
            (
                Words("quiet hours", "静默时段"),
                voice.say(
                    Words("00:00 to 08:00 Beijing time", "0 点至 8 点") if kept.quiet_hours else Words("none", "无")
                ),
            ),
            *((Words(name, name), f"{limit.value} ({limit.source}, {limit.as_of})") for name, limit in shown.items()),
        ]
    )
