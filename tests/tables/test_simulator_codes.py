"""Every way the simulator can refuse, one row each: what provokes it, and the code and text that come back."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.simulator_desk import (
    APP_APPID,
    CORP_ID,
    DAY,
    FRIENDS,
    HOUR,
    MCH_ID,
    MINI_APPID,
    NOON_MS,
    OPENID,
    OWN,
    SECOND,
    Answer,
    Desk,
    body_of,
)

from hongbao.simulator.rules import ERAS
from hongbao.simulator.texts import Cause, words_for

Provoke = Callable[[], Answer]
PORTAL = "如有需要请登录微信支付商户平台更改API安全配置"
SYSTEM = "系统错误,请稍后使用原单号重试,请勿更换单号"
OTHER = "1900000002"


def sp(**merchant: object) -> Desk:
    """A service provider with one sub-merchant."""
    desk = Desk(settings={"sub_merchants": [OTHER]})
    desk.world.add_merchant(OTHER, api_key="k", balance_fen=1000, settings=merchant)
    desk.world.bind_account(OTHER, "wx_sub")
    return desk


def certificate(rule: str = "ca_error", **changes: object) -> Answer:
    desk = Desk(rules={"bad_certificate": rule})
    shown = replace(OWN, **changes)
    return desk.post("sendredpack", body_of(desk.fields("sendredpack")), certificate=shown)


def no_certificate(api: str) -> Answer:
    desk = Desk("2017")
    return desk.post(api, body_of(desk.fields(api)), certificate=None)


def from_address(api: str) -> Answer:
    desk = Desk("2017", settings={"addresses": ["203.0.113.7"]})
    return desk.post(api, body_of(desk.fields(api)), address="203.0.113.8")


def with_settings(api: str, era: str = "2025", **settings: object) -> Answer:
    return Desk(era, settings=settings).call(api)


def after_first(api: str, era: str = "2017", wait_ms: int = 2 * SECOND, **changes: str) -> Answer:
    desk = Desk(era)
    assert desk.call(api).code == "SUCCESS"
    desk.pass_ms(wait_ms)
    return desk.call(api, **changes)


def flagged(api: str = "sendredpack", tries: int = 1) -> Answer:
    desk = Desk("2017")
    desk.world.add_person(OPENID, appid="wx0000000000000001", flagged=True)
    for _ in range(tries - 1):
        desk.call(api)
    return desk.call(api)


def many(api: str, count: int, era: str = "2017", **settings: object) -> Answer:
    desk = Desk(era, settings=settings)
    for number in range(count):
        assert desk.call(api, mch_billno=f"n{number}").code == "SUCCESS"
    return desk.call(api, mch_billno="last")


def at_night(api: str, era: str) -> Answer:
    return Desk(era, start_ms=NOON_MS - 5 * HOUR).call(api)


def faulty(kind: str, api: str = "sendredpack", era: str = "2025", **rule: object) -> Answer:
    desk = Desk(era)
    desk.world.add_fault(kind, **rule)
    return desk.call(api)


def agent_sign_wrong() -> Answer:
    return Desk().call("sendworkwxredpack", workwx_sign="0" * 32)


def consume(allowed: str) -> Answer:
    desk = sp()
    desk.world.add_merchant("1900000003", api_key="k", balance_fen=1000)
    return desk.send(sub_mch_id=OTHER, msgappid="wx_sub", consume_mch_id=allowed)


def dead(wait_ms: int) -> Answer:
    desk = Desk("2025", balance_fen=0)
    desk.send()
    desk.pass_ms(wait_ms)
    desk.world.top_up(MCH_ID, 1000)
    return desk.send()


def busy_query() -> Answer:
    desk = Desk("2017", rules={"query_minute_max": 1})
    desk.query()
    return desk.query()


def same_minute_2016() -> Answer:
    desk = Desk("2016")
    desk.send("n1")
    desk.pass_ms(59 * SECOND)
    return desk.send("n2")


NOT_MATCHING = "参数错误:商户号和wxappid不匹配"
RISK = "发放失败，此请求可能存在风险，已被微信拦截"
CA = "CA证书出错，请登录微信支付商户平台下载证书"
OLD_CA = "请求未携带证书，或请求携带的证书出错"
NO_PRODUCT = "产品权限验证失败,请查看您当前是否具有该产品的权限"
SCENE = "参数错误:该场景未开通,请登陆商户平台:产品中心-现金红包-产品设置-使用场景 进行开通"
PROCESSING = "请求已受理，请稍后使用原单号查询发放结果"

ROWS: list[tuple[str, Provoke, str, str]] = [
    ("no certificate", lambda: no_certificate("sendredpack"), "CA_ERROR", CA),
    ("no certificate, group", lambda: no_certificate("sendgroupredpack"), "CA_ERROR", OLD_CA),
    ("no certificate, pre-order", lambda: no_certificate("hbpreorder"), "CA_ERROR", OLD_CA),
    ("no certificate, query", lambda: no_certificate("gethbinfo"), "CA_ERROR", OLD_CA),
    ("self-signed", lambda: certificate(self_signed=True, issuer_ok=False), "CA_ERROR", CA),
    ("other CA", lambda: certificate(issuer_ok=False), "CA_ERROR", CA),
    ("expired", lambda: certificate(expired=True), "CA_ERROR", "证书已过期"),
    ("another merchant's", lambda: certificate(common_name=OTHER), "CA_ERROR", CA),
    ("another merchant's, pages on", lambda: certificate("nginx_400", common_name=OTHER), "CA_ERROR", CA),
    ("empty body", lambda: Desk().post("sendredpack", b""), "XML_ERROR", "输入xml参数格式错误"),
    ("doctype", lambda: Desk().post("sendredpack", b"<!DOCTYPE a><a/>"), "XML_ERROR", "输入xml参数格式错误"),
    ("broken, query", lambda: Desk().post("gethbinfo", b"<xml>"), "XML_ERROR", "请求的xml格式错误，或者post的数据为空"),
    ("unknown merchant", lambda: Desk().send(mch_id="1"), "PARAM_ERROR", "参数错误:找不到对应的商户号"),
    ("unknown merchant, work", lambda: Desk().call("sendworkwxredpack", mch_id="1"), "NO_COMPETENCE", "商户号错误"),
    ("wrong sign", lambda: Desk().send(sign="0" * 32), "SIGN_ERROR", "签名错误"),
    ("wrong sign, pre-order", lambda: Desk().call("hbpreorder", sign="0" * 32), "SIGN_ERROR", "商户签名错误"),
    ("wrong sign, query", lambda: Desk().query(sign="0" * 32), "SIGN_ERROR", "商户签名错误"),
    ("wrong workwx_sign", agent_sign_wrong, "SIGN_ERROR", "签名错误；企业微信签名失败"),
    (
        "64 characters of sign",
        lambda: Desk().send(sign="0" * 64),
        "PARAM_ERROR",
        "参数错误:签名字段必填,最长为32个字符",
    ),
    ("address", lambda: from_address("sendredpack"), "NO_AUTH", "IP地址非你在商户平台设置的可用IP地址"),
    ("address, query", lambda: from_address("gethbinfo"), "NO_AUTH", "没有权限"),
    ("address, pre-order", lambda: from_address("hbpreorder"), "NO_AUTH", "没有权限"),
    (
        "API switched off",
        lambda: with_settings("sendredpack", api_open=False),
        "API_METHOD_CLOSED",
        "你的商户号API发放方式已关闭，请联系管理员在商户平台开启",
    ),
    (
        "no product, 2015",
        lambda: with_settings("sendredpack", "2015", product_open=False),
        "NOAUTH",
        "请联系微信支付开通api权限",
    ),
    ("no product, 2017", lambda: with_settings("sendredpack", "2017", product_open=False), "NO_AUTH", NO_PRODUCT),
    (
        "no product, 2025",
        lambda: with_settings("sendredpack", product_open=False),
        "PRODUCT_AUTHORITY_UNOPEN",
        "你的商户号未开通该产品权限,请联系管理员到产品中心开通",
    ),
    ("no product, query", lambda: with_settings("gethbinfo", product_open=False), "NO_AUTH", "没有权限"),
    ("groups withdrawn", lambda: Desk("2025").call("sendgroupredpack"), "NO_AUTH", NO_PRODUCT),
    ("frozen", lambda: with_settings("sendredpack", frozen=True), "PAYER_ACCOUNT_ABNORMAL", "商户号被处罚、冻结"),
    (
        "an app's appid",
        lambda: Desk().send(wxappid=APP_APPID),
        "ILLEGAL_APPID",
        "非法appid，请确认是否为公众号的appid，不能为APP的appid",
    ),
    (
        "a mini-program's appid",
        lambda: Desk().send(wxappid=MINI_APPID),
        "ILLEGAL_APPID",
        "非法appid，请确认是否为公众号的appid，不能为APP的appid",
    ),
    (
        "an app's appid, group",
        lambda: Desk("2017").call("sendgroupredpack", wxappid=APP_APPID),
        "ILLEGAL_APPID",
        "错误传入了app的appid",
    ),
    ("somebody's appid", lambda: Desk().send(wxappid="wx9"), "PARAM_ERROR", NOT_MATCHING),
    ("somebody's appid, query", lambda: Desk().query(appid="wx9"), "PARAM_ERROR", NOT_MATCHING),
    (
        "another account's openid",
        lambda: after_first("sendredpack", mch_billno="n2", wxappid=CORP_ID),
        "OPENID_ERROR",
        "openid和appid不匹配",
    ),
    (
        "another account's openid, group",
        lambda: after_first("sendgroupredpack", mch_billno="n2", wxappid=CORP_ID),
        "OPENID_ERROR",
        "Openid错误",
    ),
    (
        "a stranger where strangers are refused",
        lambda: Desk(rules={"welcome_strangers": False}).send(),
        "OPENID_ERROR",
        "openid和appid不匹配",
    ),
    ("not our sub-merchant", lambda: Desk().send(sub_mch_id=OTHER), "ACCEPTMODE_ERROR", "主、子商户号关系校验失败"),
    ("no msgappid", lambda: sp().send(sub_mch_id=OTHER), "MSGAPPID_ERROR", "触达消息给用户appid有误"),
    (
        "a stranger's msgappid",
        lambda: sp().send(sub_mch_id=OTHER, msgappid="wx9"),
        "MSGAPPID_ERROR",
        "触达消息给用户appid有误",
    ),
    ("unknown payer", lambda: consume("1"), "NO_CONSUME_COMPETENCE", "该扣钱商户号没有资金授权给该商户号"),
    ("payer not willing", lambda: consume("1900000003"), "NO_CONSUME_COMPETENCE", "该扣钱商户号没有资金授权给该商户号"),
    ("99 fen", lambda: Desk().send(total_amount="99"), "MONEY_LIMIT", "红包金额发放限制"),
    ("200.01 yuan", lambda: Desk().send(total_amount="20001"), "MONEY_LIMIT", "红包金额发放限制"),
    (
        "29 fen with a scene",
        lambda: Desk().send(total_amount="29", scene_id="PRODUCT_2"),
        "MONEY_LIMIT",
        "红包金额发放限制",
    ),
    (
        "299 fen for three",
        lambda: Desk("2017").call("sendgroupredpack", total_amount="299"),
        "MONEY_LIMIT",
        "红包金额发放限制",
    ),
    ("an unopened scene", lambda: Desk(settings={"scenes": {}}).send(scene_id="PRODUCT_1"), "PARAM_ERROR", SCENE),
    ("no such scene", lambda: Desk().send(scene_id="PRODUCT_9"), "PARAM_ERROR", SCENE),
    (
        "other openid",
        lambda: after_first("sendredpack", re_openid=FRIENDS[0]),
        "FATAL_ERROR",
        "openid和原始单参数不一致",
    ),
    ("other amount", lambda: after_first("sendredpack", total_amount="101"), "FATAL_ERROR", "金额和原始单参数不一致"),
    (
        "other amount, group",
        lambda: after_first("sendgroupredpack", total_amount="601"),
        "FATAL_ERROR",
        "重复请求时，参数与原单不一致",
    ),
    (
        "other number of people",
        lambda: after_first("sendgroupredpack", total_num="4"),
        "FATAL_ERROR",
        "重复请求时，参数与原单不一致",
    ),
    (
        "a repeat within a second",
        lambda: after_first("sendredpack", "2025", 999),
        "FREQ_LIMIT",
        "超过频率限制,请稍后再试",
    ),
    ("stuck for three days", lambda: dead(3 * DAY), "SEND_FAILED", "红包发放失败,请更换单号再重试"),
    ("processing", lambda: faulty("processing"), "PROCESSING", PROCESSING),
    ("quiet hours", lambda: at_night("sendredpack", "2015"), "TIME_LIMITED", "企业红包的发送时间受限"),
    ("quiet hours, group", lambda: at_night("sendgroupredpack", "2017"), "TIME_LIMITED", "企业红包的发送时间受限"),
    (
        "too many in a minute",
        lambda: many("sendredpack", 2, rate_minute_max=2),
        "FREQ_LIMIT",
        "超过频率限制,请稍后再试",
    ),
    (
        "too many in a minute, 2015",
        lambda: many("sendredpack", 2, "2015", rate_minute_max=2),
        "SECOND_OVER_LIMITED",
        "企业红包的按分钟发放受限",
    ),
    (
        "too many in a minute, group",
        lambda: many("sendgroupredpack", 2, rate_minute_max=2),
        "SECOND_OVER_LIMITED",
        "企业红包的按分钟发放受限",
    ),
    (
        "too many in a second",
        lambda: many("sendredpack", 2, rate_second_max=2),
        "FREQ_LIMIT",
        "超过频率限制,请稍后再试",
    ),
    ("too many queries", busy_query, "FREQ_LIMIT", "受频率限制"),
    ("the same person within a minute, 2016", same_minute_2016, "FREQ_LIMIT", "超过频率限制,请稍后再试"),
    (
        "too many on a day, group",
        lambda: many("sendgroupredpack", 1, packets_day_max=1),
        "DAY_OVER_LIMITED",
        "企业红包的按天日发放受限",
    ),
    (
        "too many on a day, 2015",
        lambda: many("sendredpack", 1, "2015", packets_day_max=1),
        "DAY_OVER_LIMITED",
        "企业红包的按天日发放受限",
    ),
    (
        "too many for a person",
        lambda: many("sendredpack", 10),
        "SENDNUM_LIMIT",
        f"该用户今日操作次数超过限制,{PORTAL}",
    ),
    (
        "too many for a person, group",
        lambda: many("sendgroupredpack", 10),
        "SENDNUM_LIMIT",
        "该用户今日领取红包个数超过限制",
    ),
    (
        "too much for a person",
        lambda: many("sendredpack", 2, person_fen_day_max=299),
        "RCVDAMOUNT_LIMIT",
        f"该用户今日领取金额超过限制，{PORTAL}",
    ),
    (
        "too much for a merchant",
        lambda: many("sendredpack", 2, fen_day_max=299),
        "SENDAMOUNT_LIMIT",
        f"您的商户号今日发放金额超过限制，{PORTAL}",
    ),
    ("a flagged person", flagged, "NO_AUTH", RISK),
    ("a flagged person, group", lambda: flagged("sendgroupredpack"), "NO_AUTH", RISK),
    ("a flagged person, third try", lambda: flagged(tries=3), "SEND_FAILED", "红包发放失败,请更换单号再重试"),
    ("anti-brush", lambda: many("sendredpack", 2, brush_level=3), "NO_AUTH", RISK),
    ("no money", lambda: Desk(balance_fen=99).send(), "NOTENOUGH", "帐号余额不足，请到商户平台充值后再重试"),
    ("no money, group", lambda: Desk("2017", balance_fen=99).call("sendgroupredpack"), "NOTENOUGH", "余额不足"),
    ("system error", lambda: faulty("system_error"), "SYSTEMERROR", SYSTEM),
    ("system error, 2016", lambda: faulty("system_error", era="2016"), "SYSTEMERROR", PROCESSING),
    ("system error, group", lambda: faulty("system_error", "sendgroupredpack"), "SYSTEMERROR", "系统繁忙，请再试。"),
    ("system error, query", lambda: faulty("system_error", "gethbinfo"), "SYSTEMERROR", SYSTEM),
    (
        "system error, query, 2015",
        lambda: faulty("system_error", "gethbinfo", "2015"),
        "SYSTEMERROR",
        "系统繁忙，请再试。",
    ),
    (
        "numeric code of the old sample",
        lambda: faulty("unknown_code", era="2015", code="268458547", text="系统繁忙,请稍后再试."),
        "268458547",
        "系统繁忙,请稍后再试.",
    ),
    ("unknown number", lambda: Desk().query(), "NOT_FOUND", "指定单号数据不存在"),
    (
        "unknown number, as the sample of 2015 has it",
        lambda: Desk("2015", rules={"not_found_err_code": "SYSTEMERROR"}).query(),
        "SYSTEMERROR",
        "指定单号数据不存在",
    ),
    ("queried after 30 days", lambda: after_thirty_days(1), "NOT_FOUND", "指定单号数据不存在"),
    (
        "an enterprise packet at gethbinfo",
        lambda: crossed("sendworkwxredpack", "gethbinfo"),
        "NOT_FOUND",
        "指定单号数据不存在",
    ),
    (
        "an ordinary packet at queryworkwxredpack",
        lambda: crossed("sendredpack", "queryworkwxredpack"),
        "NOT_FOUND",
        "指定单号数据不存在",
    ),
]


def after_thirty_days(more_ms: int) -> Answer:
    desk = Desk()
    desk.send()
    desk.pass_ms(30 * DAY + more_ms)
    return desk.query()


def crossed(send: str, query: str) -> Answer:
    desk = Desk()
    assert desk.call(send).code == "SUCCESS"
    return desk.call(query)


@pytest.mark.parametrize(("provoke", "code", "text"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_every_refusal_has_its_code_and_text(provoke: Provoke, code: str, text: str) -> None:
    answer = provoke()
    assert answer.words == (code, text)
    assert answer["return_msg"] == text
    assert answer["result_code"] == "FAIL"


def test_the_table_provokes_every_cause() -> None:
    """No refusal of the simulator stays untested: each cause's text stands in the table."""
    rows = {(code, text) for _, _, code, text in ROWS}
    missing = [
        (cause.name, family, era)
        for cause in Cause
        for family in ("send", "work")
        for era in ("2017", "2025")
        if words_for(cause, family, ERAS[era]) not in rows and cause is not Cause.OTHER_FIELDS
    ]
    assert missing == []


def test_a_query_still_answers_after_exactly_thirty_days() -> None:
    assert after_thirty_days(0).code == "SUCCESS"


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        (None, b"<title>400 No required SSL certificate was sent</title>"),
        ({"issuer_ok": False}, b"<title>400 The SSL certificate error</title>"),
        ({"self_signed": True}, b"<title>400 The SSL certificate error</title>"),
        ({"expired": True}, b"<title>400 The SSL certificate error</title>"),
    ],
)
def test_a_bad_certificate_gets_a_page_where_the_rule_says_so(changes: dict[str, bool] | None, title: bytes) -> None:
    desk = Desk(rules={"bad_certificate": "nginx_400"})
    shown = None if changes is None else replace(OWN, **changes)
    departure = desk.post("sendredpack", body_of(desk.fields("sendredpack")), certificate=shown).departure
    assert (departure.status, departure.content_type) == (400, "text/html")
    assert title in departure.body
    assert desk.world.packets() == []
