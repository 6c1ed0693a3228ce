"""Every field of every call at its edges: missing, just fitting, one byte too long, malformed."""

import pytest
from tests.unit.simulator_desk import OLD, Desk, body_of

from hongbao.simulator.rules import Era

CHINESE_31 = "节" * 10 + "a"
NAME_TEXT = "send_name字段必填,并且少于32字符"
AMOUNT = "红包金额参数错误"
IP = "client_ip必须是合法的IP字符串"
NUMBER = "订单号字段必填,最长为28个字符"
APPID = "appid字段必填,最长为32个字符"

# call, field, a value (None leaves the field out), the text after 参数错误: or None when it is taken
ROWS: list[tuple[str, str, str | None, str | None]] = [
    ("sendredpack", "nonce_str", None, "nonce_str字段必填,并且少于32字符"),
    ("sendredpack", "nonce_str", "n" * 32, None),
    ("sendredpack", "nonce_str", "n" * 33, "nonce_str字段必填,并且少于32字符"),
    ("sendredpack", "sign", "", "签名字段必填,最长为32个字符"),
    ("sendredpack", "sign", "A" * 33, "签名字段必填,最长为32个字符"),
    ("sendredpack", "mch_billno", None, NUMBER),
    ("sendredpack", "mch_billno", "a", None),
    ("sendredpack", "mch_billno", "0aZ" + "9" * 25, None),
    ("sendredpack", "mch_billno", "9" * 29, NUMBER),
    ("sendredpack", "mch_billno", "a-b", NUMBER),
    ("sendredpack", "mch_billno", "单", NUMBER),
    ("sendredpack", "mch_id", None, "输入的商户号有误"),
    ("sendredpack", "mch_id", "19000x", "输入的商户号有误"),
    ("sendredpack", "wxappid", None, APPID),
    ("sendredpack", "wxappid", "w" * 33, APPID),
    ("sendredpack", "send_name", None, NAME_TEXT),
    ("sendredpack", "send_name", "", NAME_TEXT),
    ("sendredpack", "send_name", "x", None),
    ("sendredpack", "send_name", "x" * 31, None),
    ("sendredpack", "send_name", "x" * 32, NAME_TEXT),
    ("sendredpack", "send_name", CHINESE_31, None),
    ("sendredpack", "send_name", CHINESE_31 + "a", NAME_TEXT),
    ("sendredpack", "re_openid", None, "re_openid字段为必填并且少于32个字符"),
    ("sendredpack", "re_openid", "o" * 31, None),
    ("sendredpack", "re_openid", "o" * 32, "re_openid字段为必填并且少于32个字符"),
    ("sendredpack", "total_amount", None, AMOUNT),
    ("sendredpack", "total_amount", "0", AMOUNT),
    ("sendredpack", "total_amount", "-100", AMOUNT),
    ("sendredpack", "total_amount", "1.00", AMOUNT),
    ("sendredpack", "total_amount", "0100", AMOUNT),
    ("sendredpack", "total_amount", "100", None),
    ("sendredpack", "total_amount", "20000", None),
    ("sendredpack", "total_amount", "499901", AMOUNT),
    ("sendredpack", "total_num", None, "total_num必须为1"),
    ("sendredpack", "total_num", "2", "total_num必须为1"),
    ("sendredpack", "wishing", None, "wishing字段为必填,并且少于128个字符"),
    ("sendredpack", "wishing", "x" * 127, None),
    ("sendredpack", "wishing", "x" * 128, "wishing字段为必填,并且少于128个字符"),
    ("sendredpack", "wishing", "节" * 42 + "a", None),
    ("sendredpack", "wishing", "节" * 42 + "ab", "wishing字段为必填,并且少于128个字符"),
    ("sendredpack", "client_ip", None, IP),
    ("sendredpack", "client_ip", "255.255.255.255", None),
    ("sendredpack", "client_ip", "127.0.0.1", None),
    ("sendredpack", "client_ip", "256.0.0.1", IP),
    ("sendredpack", "client_ip", "1.2.3", IP),
    ("sendredpack", "client_ip", "1.2.3.4.", IP),
    ("sendredpack", "client_ip", "::1", IP),
    ("sendredpack", "act_name", None, "act_name字段必填,并且少于32个字符"),
    ("sendredpack", "act_name", "x" * 31, None),
    ("sendredpack", "act_name", "x" * 32, "act_name字段必填,并且少于32个字符"),
    ("sendredpack", "act_name", "节" * 11, "act_name字段必填,并且少于32个字符"),
    ("sendredpack", "remark", None, "remark字段为必填,并且少于256字符"),
    ("sendredpack", "remark", "x" * 255, None),
    ("sendredpack", "remark", "x" * 256, "remark字段为必填,并且少于256字符"),
    ("sendredpack", "scene_id", "PRODUCT_1", None),
    ("sendredpack", "scene_id", "P" * 33, "scene_id字段非法,最长为32个字符."),
    ("sendredpack", "risk_info", "x" * 128, None),
    ("sendredpack", "risk_info", "x" * 129, "risk_info字段非法,最长为128个字符."),
    ("sendredpack", "sub_mch_id", "x", "sub_mch_id字段非法,最长为32个字符."),
    ("sendredpack", "msgappid", "w" * 33, "msgappid字段非法,最长为32个字符."),
    ("sendredpack", "consume_mch_id", "1" * 33, "consume_mch_id字段非法,最长为32个字符."),
    ("sendgroupredpack", "total_num", "2", "total_num必须介于3和20之间"),
    ("sendgroupredpack", "total_num", "3", None),
    ("sendgroupredpack", "total_num", "21", "total_num必须介于3和20之间"),
    ("sendgroupredpack", "amt_type", None, "amt_type字段非法"),
    ("sendgroupredpack", "amt_type", "ALL_SPECIFIED", "amt_type字段非法"),
    ("gethbinfo", "appid", None, "appid字段非法,最长为32个字符."),
    ("gethbinfo", "appid", "w" * 33, "appid字段非法,最长为32个字符."),
    ("gethbinfo", "bill_type", None, "bill_type必须为MCHT"),
    ("gethbinfo", "bill_type", "MCHX", "bill_type必须为MCHT"),
    ("hbpreorder", "wishing", "x" * 16, None),
    ("hbpreorder", "wishing", "x" * 17, "wishing字段为必填,并且不超过16个字符"),
    ("hbpreorder", "remark", "x" * 31, None),
    ("hbpreorder", "remark", "x" * 32, "remark字段为必填,并且少于32字符"),
    ("hbpreorder", "hb_type", "OTHER", "hb_type字段非法"),
    ("hbpreorder", "total_num", "2", "total_num必须为1"),
    ("hbpreorder", "amt_type", "", "amt_type字段非法"),
    ("hbpreorder", "auth_mchid", None, "auth_mchid字段必填,最长为32个字符"),
    ("hbpreorder", "auth_appid", None, "auth_appid字段必填,最长为32个字符"),
    ("hbpreorder", "auth_appid", "wx7777777", None),
    ("hbpreorder", "risk_cntl", "IGN_FREQ_DAY_LMT", None),
    ("hbpreorder", "risk_cntl", "IGN", "risk_cntl字段非法"),
    ("sendminiprogramhb", "notify_way", None, "notify_way必须为MINI_PROGRAM_JSAPI"),
    ("sendminiprogramhb", "notify_way", "OTHER", "notify_way必须为MINI_PROGRAM_JSAPI"),
    ("sendminiprogramhb", "client_ip", "192.0.2.1", None),
    ("sendminiprogramhb", "client_ip", "x", "client_ip字段非法,最长为15个字符."),
    ("sendworkwxredpack", "agentid", "1", "sender_name与agentid必填且只能填一个"),
    ("sendworkwxredpack", "sender_name", "x" * 127, None),
    ("sendworkwxredpack", "sender_name", "x" * 128, "sender_name字段非法,最长为127个字符."),
    ("sendworkwxredpack", "sender_header_media_id", "x" * 128, None),
    ("sendworkwxredpack", "workwx_sign", "", "workwx_sign字段必填,最长为32个字符"),
]


@pytest.mark.parametrize(
    ("api", "name", "value", "text"),
    ROWS,
    ids=[f"{api}-{name}-{'none' if value is None else value[:12]}-{len(value or '')}" for api, name, value, _ in ROWS],
)
def test_a_field_at_its_edges(api: str, name: str, value: str | None, text: str | None) -> None:
    desk = Desk("2017")
    answer = desk.call(api, **{name: value})
    if text is not None:
        assert answer.words == ("PARAM_ERROR", f"参数错误:{text}")
        assert desk.note() == ("fields", "refused", name)
        assert desk.world.packets() == []
    else:
        assert answer.code in {"SUCCESS", "NOT_FOUND"}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("nick_name", None, "nick_name字段必填，并且少于16字符"),
        ("nick_name", "x" * 15, None),
        ("nick_name", "x" * 16, "nick_name字段必填，并且少于16字符"),
        ("min_value", None, "发放金额、最小金额、最大金额必须相等"),
        ("min_value", "99", "发放金额、最小金额、最大金额必须相等"),
        ("max_value", "101", "发放金额、最小金额、最大金额必须相等"),
        ("logo_imgurl", "x" * 128, None),
        ("logo_imgurl", "x" * 129, "logo_imgurl字段非法,最长为128个字符."),
        ("share_content", "x" * 256, None),
        ("act_id", "7", None),
    ],
)
def test_the_fields_of_2015(name: str, value: str | None, text: str | None) -> None:
    answer = Desk("2015").send(**{name: value})
    assert answer.words[1] == ("None" if text is None else f"参数错误:{text}")


@pytest.mark.parametrize("era", ["2016", "2017", "2025"])
def test_the_fields_of_2015_are_unknown_later(era: Era) -> None:
    """Signed they break the sign; sent without being signed they are ignored."""
    desk = Desk(era)
    assert desk.send(**OLD).code == "SIGN_ERROR"
    unsigned = desk.fields("sendredpack")
    assert desk.post("sendredpack", body_of({**unsigned, **OLD})).code == "SUCCESS"


def test_the_first_bad_field_in_the_order_of_the_table_is_named() -> None:
    desk = Desk()
    assert desk.send(remark=None, send_name=None).words[1] == f"参数错误:{NAME_TEXT}"


def test_an_element_with_children_is_no_text() -> None:
    desk = Desk()
    body = body_of(desk.fields("sendredpack", wishing=None)).replace(b"</xml>", b"<wishing><a>1</a></wishing></xml>")
    assert desk.post("sendredpack", body).words == ("PARAM_ERROR", "参数错误:wishing字段为必填,并且少于128个字符")


@pytest.mark.parametrize(
    ("fen", "people", "code"),
    [
        (300, 3, "SUCCESS"),
        (299, 3, "MONEY_LIMIT"),
        (60_000, 3, "SUCCESS"),
        (60_001, 3, "MONEY_LIMIT"),
        (100_000, 20, "SUCCESS"),
        (100_001, 20, "MONEY_LIMIT"),
        (1_999, 20, "MONEY_LIMIT"),
    ],
)
def test_the_amounts_of_a_group(fen: int, people: int, code: str) -> None:
    answer = Desk("2017").call("sendgroupredpack", total_amount=str(fen), total_num=str(people))
    assert answer.code == code


@pytest.mark.parametrize(
    ("era", "fen", "scene", "code"),
    [
        ("2025", 99, "", "MONEY_LIMIT"),
        ("2025", 100, "", "SUCCESS"),
        ("2025", 20_000, "", "SUCCESS"),
        ("2025", 20_001, "", "MONEY_LIMIT"),
        ("2025", 29, "PRODUCT_2", "MONEY_LIMIT"),
        ("2025", 30, "PRODUCT_2", "SUCCESS"),
        ("2025", 50_000, "PRODUCT_8", "SUCCESS"),
        ("2017", 499_900, "PRODUCT_1", "SUCCESS"),
        ("2016", 20_001, "PRODUCT_1", "MONEY_LIMIT"),
        ("2016", 99, "PRODUCT_1", "MONEY_LIMIT"),
    ],
)
def test_the_amounts_of_a_scene(era: Era, fen: int, scene: str, code: str) -> None:
    assert Desk(era).send(total_amount=str(fen), scene_id=scene or None).code == code


@pytest.mark.parametrize(
    ("split", "amounts", "fits"),
    [
        ("ALL_SPECIFIED", "200|100|300", True),
        ("ALL_SPECIFIED", "200|100|299", False),
        ("ALL_SPECIFIED", "300|300", False),
        ("ALL_SPECIFIED", None, False),
        ("SEED_SPECIFIED", "500", True),
        ("SEED_SPECIFIED", "598", True),
        ("SEED_SPECIFIED", "599", False),
        ("SEED_SPECIFIED", "300|200|100|1", False),
        ("ALL_RAND", None, True),
    ],
)
def test_own_splits_of_2015(split: str, amounts: str | None, fits: bool) -> None:
    answer = Desk("2015").call("sendgroupredpack", amt_type=split, amt_list=amounts)
    assert answer.words[1] == ("None" if fits else "参数错误:amt_list字段非法")


def test_an_enterprise_packet_needs_a_sender() -> None:
    answer = Desk().call("sendworkwxredpack", sender_name=None)
    assert answer.words == ("PARAM_ERROR", "参数错误:sender_name与agentid必填且只能填一个")
