"""`hongbao packet`: send one packet, or ask what became of it.

The order number is given or derived, never made up, and stands on the screen before anything is sent: whatever
happens afterwards, the same command repeats the same number.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hongbao import wiring
from hongbao.cli.voice import (
    STATUSES,
    JsonOption,
    LangOption,
    UnderWay,
    Voice,
    Words,
    both,
    speaking,
)
from hongbao.errors import BadInput
from hongbao.ids import masked
from hongbao.settings import MerchantSettings, read_settings, settings_file
from hongbao.wechat import (
    Client,
    OrderIntent,
    PreOrder,
    PreOrdered,
    QueryRedPack,
    QueryWorkRedPack,
    RedPackRecord,
    Request,
    RiskInfo,
    SendGroupRedPack,
    SendGroupRedPack2015,
    SendMiniProgramRedPack,
    SendRedPack,
    SendRedPack2015,
    SendWorkRedPack,
    SentMiniProgramRedPack,
    SentRedPack,
    Status,
    WorkRedPackRecord,
    fen_from_yuan,
    order_number,
    yuan_text,
)

app = typer.Typer(
    help=both("Send a packet, or ask what became of it.", "发红包、查红包。"),
    no_args_is_help=True,
)


class Form(StrEnum):
    """Which form of a request is sent."""

    CURRENT = "current"
    Y2015 = "2015"


MerchantOption = Annotated[
    str | None, typer.Option(help=both("Merchant, by its name in the settings.", "配置中的商户名称。"))
]
AccountOption = Annotated[
    str | None,
    typer.Option(help=both("Account, by its name in the settings or its appid.", "公众号：配置中的名称或 appid。")),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        help=both(
            "Settings file; default: $HONGBAO_CONFIG, else ./hongbao.toml.",
            "配置文件，默认 $HONGBAO_CONFIG，其次 ./hongbao.toml。",
        )
    ),
]
OpenidOption = Annotated[
    str, typer.Option(help=both("The person's openid under the account.", "收红包用户的 openid。"))
]
YuanOption = Annotated[
    str | None,
    typer.Option(help=both("Amount in yuan, like 1.88; or give --fen.", "金额（元），如 1.88；或用 --fen。")),
]
FenOption = Annotated[
    int | None, typer.Option(help=both("Amount in fen, like 188; or give --yuan.", "金额（分），如 188；或用 --yuan。"))
]
NumberOption = Annotated[
    str | None,
    typer.Option(
        help=both(
            "Order number (mch_billno), saved by you; or give --intent.", "商户订单号，须先自行保存；或用 --intent。"
        )
    ),
]
IntentOption = Annotated[
    str | None,
    typer.Option(
        metavar="CAMPAIGN/OCCASION",
        help=both(
            "Derive the order number from merchant, account, openid and this: the same every time.",
            "由商户、公众号、openid 和此项推算单号：每次相同。",
        ),
    ),
]
RenewalOption = Annotated[
    int,
    typer.Option(
        help=both(
            "With --intent: how many of its numbers WeChat has refused for good (query says FAILED).",
            "配合 --intent：该意图已有几个单号被微信判定失败（查询为 FAILED）。",
        )
    ),
]
SendNameOption = Annotated[
    str | None, typer.Option(help=both("Sender shown on the packet.", "商户名称（send_name）。"))
]
WishingOption = Annotated[str | None, typer.Option(help=both("Blessing shown on the packet.", "红包祝福语。"))]
ActNameOption = Annotated[str | None, typer.Option(help=both("Name of the activity.", "活动名称。"))]
RemarkOption = Annotated[str | None, typer.Option(help=both("Note.", "备注。"))]
SceneOption = Annotated[
    str | None, typer.Option(help=both("Scene, PRODUCT_1 to PRODUCT_8.", "场景 PRODUCT_1 至 PRODUCT_8。"))
]
ClientIpOption = Annotated[
    str | None, typer.Option(help=both("IPv4 address of the caller.", "调用接口的机器 IPv4 地址。"))
]
RiskOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PART=VALUE",
        help=both(
            "Part of risk_info: posttime, mobile, deviceid or clientversion; may be repeated.",
            "risk_info 的一项，可重复。",
        ),
    ),
]
SubMchIdOption = Annotated[
    str | None, typer.Option(help=both("Service provider: the sub-merchant.", "服务商模式：子商户号。"))
]
MsgappidOption = Annotated[
    str | None,
    typer.Option(help=both("Service provider: the account that delivers.", "服务商模式：触达用户的 appid。")),
]
ConsumeMchIdOption = Annotated[
    str | None, typer.Option(help=both("The merchant that pays by authorisation.", "资金授权商户号。"))
]
EraOption = Annotated[
    Form, typer.Option(help=both("Form of the request: today's, or that of 2015.", "请求格式：现行或 2015 年。"))
]
RevealOption = Annotated[
    bool,
    typer.Option(
        "--reveal",
        help=both("Show what opens the packet (package, ticket).", "显示可打开红包的 package 或 ticket。"),
    ),
]


@dataclass(frozen=True, slots=True)
class _Errand:
    """On whose behalf, and under which account, a command acts."""

    name: str
    merchant: MerchantSettings
    appid: str
    config: Path | None

    def word(self, name: str, given: str | None) -> str:
        """Return one of the texts of a packet: as given, else as in the settings."""
        text: str | None = given if given is not None else getattr(self.merchant.wording, name)
        if text is None:
            option = "--" + name.replace("_", "-")
            raise BadInput(
                field=name,
                fault="is missing",
                remedy=f"give {option}, or merchants.{self.name}.wording.{name} in the settings",
            )
        return text

    def words(
        self, send_name: str | None, wishing: str | None, act_name: str | None, remark: str | None
    ) -> dict[str, Any]:
        return {
            "send_name": self.word("send_name", send_name),
            "wishing": self.word("wishing", wishing),
            "act_name": self.word("act_name", act_name),
            "remark": self.word("remark", remark),
        }

    def query(self, number: str, *, work: bool) -> str:
        """Return the command that asks what became of a number."""
        parts = ["hongbao", "packet", "query", "--number", number, "--account", self.appid, "--merchant", self.name]
        if self.config is not None:
            parts += ["--config", str(self.config)]
        return shlex.join([*parts, "--work"] if work else parts)


@app.command("send", help=both("Send an ordinary packet to one person.", "发普通红包。"))
def send(
    openid: OpenidOption,
    account: AccountOption = None,
    yuan: YuanOption = None,
    fen: FenOption = None,
    number: NumberOption = None,
    intent: IntentOption = None,
    renewal: RenewalOption = 0,
    send_name: SendNameOption = None,
    wishing: WishingOption = None,
    act_name: ActNameOption = None,
    remark: RemarkOption = None,
    scene: SceneOption = None,
    client_ip: ClientIpOption = None,
    risk: RiskOption = None,
    sub_mch_id: SubMchIdOption = None,
    msgappid: MsgappidOption = None,
    consume_mch_id: ConsumeMchIdOption = None,
    era: EraOption = Form.CURRENT,
    nick_name: Annotated[
        str | None, typer.Option(help=both("Form of 2015: provider's name.", "2015 年格式：提供方名称。"))
    ] = None,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice:
        errand = _errand(config, merchant, account)
        common: dict[str, Any] = {
            "mch_billno": _number(errand, openid, number, intent, renewal),
            "wxappid": errand.appid,
            "re_openid": openid,
            "total_amount": _amount(yuan, fen),
            "client_ip": client_ip or errand.merchant.client_ip,
            **errand.words(send_name, wishing, act_name, remark),
        }
        request: SendRedPack | SendRedPack2015
        if era is Form.Y2015:
            _not_in_2015(scene=scene, risk=risk, msgappid=msgappid, consume_mch_id=consume_mch_id)
            if nick_name is None:
                raise BadInput(field="nick_name", fault="is missing in the form of 2015", remedy="give --nick-name")
            request = SendRedPack2015(**common, nick_name=nick_name, sub_mch_id=sub_mch_id)
        else:
            _only_in_2015(nick_name=nick_name)
            request = SendRedPack(
                **common,
                scene_id=scene,
                risk_info=_risk(risk),
                sub_mch_id=sub_mch_id,
                msgappid=msgappid,
                consume_mch_id=consume_mch_id,
            )
        _carry_out(voice, errand, request, _tell_sent)


@app.command(
    "send-group",
    help=both("Send a group packet (withdrawn by WeChat on 2024-06-05).", "发裂变红包（微信已于 2024-06-05 下线）。"),
)
def send_group(
    openid: Annotated[str, typer.Option(help=both("The seed person's openid.", "种子用户的 openid。"))],
    people: Annotated[int, typer.Option(help=both("How many people share it, 3 to 20.", "领取人数，3 至 20。"))],
    account: AccountOption = None,
    yuan: YuanOption = None,
    fen: FenOption = None,
    number: NumberOption = None,
    intent: IntentOption = None,
    renewal: RenewalOption = 0,
    send_name: SendNameOption = None,
    wishing: WishingOption = None,
    act_name: ActNameOption = None,
    remark: RemarkOption = None,
    scene: SceneOption = None,
    risk: RiskOption = None,
    sub_mch_id: SubMchIdOption = None,
    msgappid: MsgappidOption = None,
    consume_mch_id: ConsumeMchIdOption = None,
    era: EraOption = Form.CURRENT,
    amount_type: Annotated[
        str | None,
        typer.Option(
            help=both("Form of 2015: ALL_RAND, ALL_SPECIFIED or SEED_SPECIFIED.", "2015 年格式：金额设置方式。")
        ),
    ] = None,
    amounts: Annotated[
        str | None,
        typer.Option(help=both("Form of 2015: own amounts in fen, like 200|100|100.", "2015 年格式：各人金额（分）。")),
    ] = None,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice:
        errand = _errand(config, merchant, account)
        common: dict[str, Any] = {
            "mch_billno": _number(errand, openid, number, intent, renewal),
            "wxappid": errand.appid,
            "re_openid": openid,
            "total_amount": _amount(yuan, fen),
            "total_num": people,
            **errand.words(send_name, wishing, act_name, remark),
        }
        request: SendGroupRedPack | SendGroupRedPack2015
        if era is Form.Y2015:
            _not_in_2015(scene=scene, risk=risk, msgappid=msgappid, consume_mch_id=consume_mch_id)
            request = SendGroupRedPack2015(
                **common, amt_type=amount_type or "ALL_RAND", amt_list=_fen_list(amounts), sub_mch_id=sub_mch_id
            )
        else:
            _only_in_2015(amount_type=amount_type, amounts=amounts)
            request = SendGroupRedPack(
                **common,
                scene_id=scene,
                risk_info=_risk(risk),
                sub_mch_id=sub_mch_id,
                msgappid=msgappid,
                consume_mch_id=consume_mch_id,
            )
        _carry_out(voice, errand, request, _tell_sent)


@app.command("send-mini-program", help=both("Make a packet that a mini-program page opens.", "发小程序红包。"))
def send_mini_program(
    openid: OpenidOption,
    account: AccountOption = None,
    yuan: YuanOption = None,
    fen: FenOption = None,
    number: NumberOption = None,
    intent: IntentOption = None,
    renewal: RenewalOption = 0,
    send_name: SendNameOption = None,
    wishing: WishingOption = None,
    act_name: ActNameOption = None,
    remark: RemarkOption = None,
    scene: SceneOption = None,
    sub_mch_id: SubMchIdOption = None,
    msgappid: MsgappidOption = None,
    reveal: RevealOption = False,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice:
        errand = _errand(config, merchant, account)
        request = SendMiniProgramRedPack(
            mch_billno=_number(errand, openid, number, intent, renewal),
            wxappid=errand.appid,
            re_openid=openid,
            total_amount=_amount(yuan, fen),
            **errand.words(send_name, wishing, act_name, remark),
            scene_id=scene,
            sub_mch_id=sub_mch_id,
            msgappid=msgappid,
        )
        _carry_out(voice, errand, request, _tell_sent_and_revealed if reveal else _tell_sent)


@app.command("send-work", help=both("Send an enterprise WeChat packet.", "发企业微信红包。"))
def send_work(
    openid: Annotated[str, typer.Option(help=both("The openid of convert_to_openid.", "userid 转换所得的 openid。"))],
    account: Annotated[
        str | None,
        typer.Option(
            help=both("Enterprise, by its name in the settings or its corpid.", "企业：配置中的名称或 corpid。")
        ),
    ] = None,
    sender_name: Annotated[
        str | None,
        typer.Option(help=both("Send as this person; or give --agentid.", "以个人名义发放；或用 --agentid。")),
    ] = None,
    agentid: Annotated[
        int | None, typer.Option(help=both("Send as this app; or give --sender-name.", "以应用名义发放。"))
    ] = None,
    sender_header_media_id: Annotated[
        str | None, typer.Option(help=both("Avatar, as an uploaded material.", "发送者头像的素材 id。"))
    ] = None,
    yuan: YuanOption = None,
    fen: FenOption = None,
    number: NumberOption = None,
    intent: IntentOption = None,
    renewal: RenewalOption = 0,
    wishing: WishingOption = None,
    act_name: ActNameOption = None,
    remark: RemarkOption = None,
    scene: SceneOption = None,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice:
        errand = _errand(config, merchant, account)
        request = SendWorkRedPack(
            mch_billno=_number(errand, openid, number, intent, renewal),
            wxappid=errand.appid,
            sender_name=sender_name,
            agentid=agentid,
            sender_header_media_id=sender_header_media_id,
            re_openid=openid,
            total_amount=_amount(yuan, fen),
            wishing=errand.word("wishing", wishing),
            act_name=errand.word("act_name", act_name),
            remark=errand.word("remark", remark),
            scene_id=scene,
        )
        _carry_out(voice, errand, request, _tell_sent)


@app.command(
    "preorder",
    help=both("Order a packet for shake-around (suspended by WeChat).", "摇一摇红包预下单（微信已暂停）。"),
)
def preorder(
    number: Annotated[str, typer.Option(help=both("Order number, saved by you.", "商户订单号，须先自行保存。"))],
    account: AccountOption = None,
    yuan: YuanOption = None,
    fen: FenOption = None,
    people: Annotated[
        int, typer.Option(help=both("How many people share it; above 1: a group.", "领取人数，大于 1 为裂变。"))
    ] = 1,
    risk_control: Annotated[
        str, typer.Option(help=both("NORMAL, or IGN_FREQ_LMT, IGN_DAY_LMT, IGN_FREQ_DAY_LMT.", "风控设置。"))
    ] = "NORMAL",
    send_name: SendNameOption = None,
    wishing: WishingOption = None,
    act_name: ActNameOption = None,
    remark: RemarkOption = None,
    reveal: RevealOption = False,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice:
        errand = _errand(config, merchant, account)
        request = PreOrder(
            mch_billno=number,
            wxappid=errand.appid,
            hb_type="NORMAL" if people == 1 else "GROUP",
            total_amount=_amount(yuan, fen),
            total_num=people,
            **errand.words(send_name, wishing, act_name, remark),
            risk_cntl=risk_control,
        )
        with wiring.client(errand.merchant) as client:
            reply: PreOrdered = _announced(voice, errand, client, request, number, request.total_amount, None)
        told: dict[str, object] = {
            "endpoint": request.endpoint,
            "order_number": reply.mch_billno,
            "mch_id": reply.mch_id,
            "appid": reply.wxappid,
            "amount_fen": reply.total_amount,
            "detail_id": reply.detail_id,
            "send_time": _time(reply.send_time),
        }
        if reveal:
            told["sp_ticket"] = reply.sp_ticket
        if as_json:
            voice.json({"ordered": told})
        else:
            voice.rows(
                [
                    (Words("ordered", "已预下单"), reply.mch_billno),
                    (Words("WeChat's number", "微信单号"), reply.detail_id),
                    (Words("amount", "金额"), _money(reply.total_amount)),
                    (Words("ticket", "红包 ticket"), reply.sp_ticket if reveal else masked(reply.sp_ticket)),
                ]
            )
        voice.under_way = None


@app.command("query", help=both("Ask what became of a packet of the last 30 days.", "查询 30 天内的红包。"))
def query(
    number: Annotated[str, typer.Option(help=both("The order number it was sent under.", "发放时的商户订单号。"))],
    account: AccountOption = None,
    work: Annotated[bool, typer.Option("--work", help=both("An enterprise packet.", "企业微信红包。"))] = False,
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice:
        errand = _errand(config, merchant, account)
        record: RedPackRecord | WorkRedPackRecord
        with wiring.client(errand.merchant) as client:
            if work:
                record = client.call(QueryWorkRedPack(mch_billno=number, appid=errand.appid))
            else:
                record = client.call(QueryRedPack(mch_billno=number, appid=errand.appid))
        if as_json:
            voice.json({"record": _record_told(record)})
        else:
            _show_record(voice, record)


@app.command(
    "show", help=both("Show all that is known here of an order number, from the decision on.", "查看单号的完整经过。")
)
def show(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help=both("Order number.", "商户订单号。"))],
    merchant: MerchantOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    # The store's extra is not needed for any other command of this group.
    from hongbao.cli import timeline

    timeline.show(number, merchant, config, lang, as_json=as_json)


def _errand(config: Path | None, merchant: str | None, account: str | None) -> _Errand:
    name, chosen = read_settings(settings_file(config)).merchant(merchant)
    return _Errand(name, chosen, chosen.appid(account), config)


def _amount(yuan: str | None, fen: int | None) -> int:
    if (yuan is None) == (fen is None):
        raise BadInput(
            field="amount",
            fault="is missing" if yuan is None else "is given twice",
            remedy="give --yuan (like 1.88) or --fen (like 188), one of them",
        )
    return fen_from_yuan(yuan) if yuan is not None else fen or 0


def _number(errand: _Errand, openid: str, number: str | None, intent: str | None, renewal: int) -> str:
    if (number is None) == (intent is None):
        raise BadInput(
            field="number",
            fault="is missing and never made up" if number is None else "and intent are both given",
            remedy="give --number, which you have saved, or --intent CAMPAIGN/OCCASION, from which it is derived",
        )
    if number is not None:
        if renewal:
            raise BadInput(field="renewal", fault="is given without an intent", remedy="give another --number")
        return number
    campaign, slash, occasion = (intent or "").partition("/")
    if not (slash and campaign and occasion):
        raise BadInput(
            field="intent", fault=f"{intent!r} is not CAMPAIGN/OCCASION", remedy="write it like spring-2026/order-77"
        )
    return order_number(
        OrderIntent(
            mch_id=errand.merchant.mch_id,
            appid=errand.appid,
            campaign=campaign,
            openid=openid,
            occasion=occasion,
            renewal=renewal,
        )
    )


def _risk(parts: list[str] | None) -> RiskInfo | None:
    if not parts:
        return None
    known: dict[str, Any] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if name not in {"posttime", "mobile", "deviceid", "clientversion"} or not value:
            raise BadInput(
                field="risk",
                fault=f"{name!r} is no part of risk_info, or has no value",
                remedy="write posttime=, mobile=, deviceid= or clientversion=",
            )
        if name == "posttime" and not (value.isascii() and value.isdecimal() and len(value) <= 15):
            raise BadInput(field="risk", fault="posttime is not a Unix timestamp", remedy="give seconds since 1970")
        known[name] = int(value) if name == "posttime" else value
    return RiskInfo(**known)


def _fen_list(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = text.split("|")
    # Python itself refuses to read a number of some thousand digits.
    if not all(part.isascii() and part.isdecimal() and len(part) <= 15 for part in parts):
        raise BadInput(field="amounts", fault=f"{text!r} is not a list of fen", remedy="write it like '200|100|100'")
    return tuple(int(part) for part in parts)


def _not_in_2015(**given: object) -> None:
    for name, value in given.items():
        if value is not None and value != []:
            raise BadInput(
                field=name, fault="is unknown to the form of 2015", remedy="leave it out, or leave out --era 2015"
            )


def _only_in_2015(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise BadInput(field=name, fault="belongs to the form of 2015", remedy="add --era 2015, or leave it out")


def _announced(
    voice: Voice,
    errand: _Errand,
    client: Client,
    request: Request[Any],
    number: str,
    amount_fen: int,
    openid: str | None,
) -> Any:  # noqa: ANN401  what the request gives
    """Check everything, put the number on the screen, then send."""
    # Makes the same checks as calling: what cannot be sent must not be announced as on its way.
    client.explain_sign(request)
    # No source says that a pre-order's number can be queried.
    asks = None if isinstance(request, PreOrder) else errand.query(number, work=isinstance(request, SendWorkRedPack))
    to = "" if openid is None else masked(openid)
    voice.note(
        Words(
            f"sending {_money(amount_fen)}{to and ' to ' + to} as order number {number} "
            f"(merchant {errand.merchant.mch_id}, account {errand.appid})",
            f"正在发放 {_money(amount_fen)}{to and '，用户 ' + to}，商户订单号 {number}"
            f"（商户 {errand.merchant.mch_id}，公众号 {errand.appid}）",
        )
    )
    # Not before the note: where that cannot be written, nothing was sent. And until the answer is told, not only until
    # it is there: an answer that nobody saw is no better than none.
    voice.under_way = UnderWay(number, asks)
    return client.call(request)


_Sending = (
    SendRedPack | SendRedPack2015 | SendGroupRedPack | SendGroupRedPack2015 | SendMiniProgramRedPack | SendWorkRedPack
)


def _carry_out(
    voice: Voice,
    errand: _Errand,
    request: _Sending,
    tell: Callable[[Voice, Client, str, SentRedPack], None],
) -> None:
    with wiring.client(errand.merchant) as client:
        sent: SentRedPack = _announced(
            voice, errand, client, request, request.mch_billno, request.total_amount, request.re_openid
        )
        tell(voice, client, request.endpoint, sent)
        voice.under_way = None


def _tell_sent(voice: Voice, _client: Client, endpoint: str, sent: SentRedPack) -> None:
    _tell(voice, endpoint, sent, None)


def _tell_sent_and_revealed(voice: Voice, client: Client, endpoint: str, sent: SentRedPack) -> None:
    opening = client.biz_red_packet(sent).as_dict() if isinstance(sent, SentMiniProgramRedPack) else None
    _tell(voice, endpoint, sent, opening)


def _tell(voice: Voice, endpoint: str, sent: SentRedPack, opening: dict[str, str] | None) -> None:
    if voice.as_json:
        told: dict[str, object] = {
            "endpoint": endpoint,
            "order_number": sent.mch_billno,
            "mch_id": sent.mch_id,
            "appid": sent.wxappid,
            "openid": masked(sent.re_openid),
            "amount_fen": sent.total_amount,
            "send_listid": sent.send_listid,
            "send_time": _time(sent.send_time),
        }
        if opening is not None:
            told["biz_red_packet"] = opening
        voice.json({"sent": told})
        return
    rows: list[tuple[Words, str | Text | None]] = [
        (Words("sent", "已发放"), sent.mch_billno),
        (Words("WeChat's number", "微信单号"), sent.send_listid),
        (Words("amount", "金额"), _money(sent.total_amount)),
        (Words("to", "用户"), masked(sent.re_openid)),
    ]
    for name, value in (opening or {}).items():
        rows.append((Words(name, name), value))
    voice.rows(rows)


def _record_told(record: RedPackRecord | WorkRedPackRecord) -> dict[str, object]:
    return {
        "order_number": record.mch_billno,
        "mch_id": record.mch_id,
        "detail_id": record.detail_id,
        "status": record.status.value,
        "reason": record.reason,
        "hb_type": record.hb_type,
        "send_type": record.send_type,
        "people": record.total_num,
        "amount_fen": record.total_amount,
        "send_time": _time(record.send_time),
        "refund_time": _time(record.refund_time),
        "refund_fen": record.refund_amount,
        "taken": [
            {"openid": masked(each.openid), "amount_fen": each.amount, "time": _time(each.rcv_time)}
            for each in record.taken
        ],
    }


def _show_record(voice: Voice, record: RedPackRecord | WorkRedPackRecord) -> None:
    words, colour = STATUSES[record.status]
    refunded = None if record.refund_amount is None else _money(record.refund_amount)
    voice.rows(
        [
            (Words("order number", "商户订单号"), record.mch_billno),
            (Words("WeChat's number", "微信单号"), record.detail_id),
            (Words("status", "状态"), Text(f"{record.status.value}  {voice.say(words)}", style=colour)),
            (Words("reason", "原因"), record.reason),
            (Words("amount", "金额"), _money(record.total_amount)),
            (Words("people", "人数"), str(record.total_num) if record.total_num > 1 else None),
            (Words("sent at", "发放时间"), _time(record.send_time)),
            (Words("refunded", "退款金额"), refunded),
            (Words("refunded at", "退款时间"), _time(record.refund_time)),
            (Words("next", "下一步"), _next(voice, record)),
        ]
    )
    if record.taken:
        table = Table(
            voice.say(Words("taken by", "领取人")),
            voice.say(Words("amount", "金额")),
            voice.say(Words("at", "时间")),
            box=None,
        )
        for each in record.taken:
            table.add_row(masked(each.openid), _money(each.amount), _time(each.rcv_time) or "")
        voice.show(table)


def _next(voice: Voice, record: RedPackRecord | WorkRedPackRecord) -> str | None:
    """Say what follows from a status that asks for something (docs/reference/states.md)."""
    if record.status is Status.SENDING and record.reason:
        return voice.say(
            Words(
                "failed for now, nothing debited: cure the reason, then repeat the same number within three days",
                "目前失败，未扣款：排除原因后，三天内用原单号重发",
            )
        )
    if record.status is Status.SENDING:
        return voice.say(Words("wait and query again, up to a day", "请等待并再次查询，最长一天"))
    if record.status is Status.FAILED:
        return voice.say(Words("this number is dead: a new one may be used", "该单号已失效，可以换新单号重发"))
    return None


def _money(fen: int) -> str:
    return f"¥{yuan_text(fen)}"


def _time(time: Any) -> str | None:  # noqa: ANN401
    return None if time is None else time.strftime("%Y-%m-%d %H:%M:%S")
