"""A request type is the list of fields its endpoint knows, each checked at its edges before a byte leaves."""

import datetime as dt
import enum
import inspect
from dataclasses import replace
from typing import Any

import pytest
from tests.factories import (
    APPID,
    MAKERS,
    NUMBER,
    OPENID,
    pre_order,
    query,
    query_work,
    send_group,
    send_group_2015,
    send_mini_program,
    send_red_pack,
    send_red_pack_2015,
    send_work,
)

from hongbao import merchant
from hongbao.errors import BadInput
from hongbao.merchant import Limit, LimitSet
from hongbao.wechat import Request, RiskInfo
from hongbao.wechat.fields import kinds_of

TODAY = dt.date(2025, 9, 1)
WORDS = [("wishing", "节日快乐"), ("act_name", "节日活动"), ("remark", "备注")]


def wire(request: Request[Any], limits: LimitSet | None = None) -> list[tuple[str, str | int]]:
    return request.wire(limits or LimitSet())


def refused(request: Request[Any], limits: LimitSet | None = None) -> BadInput:
    """Return the refusal of a request; it must say all three things."""
    with pytest.raises(BadInput) as caught:
        wire(request, limits)
    error = caught.value
    assert error.field
    assert error.fault
    assert error.remedy
    assert str(error) == f"{error.field}: {error.fault}; {error.remedy}"
    return error


# What goes on the wire, literally and in order.


def test_a_minimal_red_pack() -> None:
    assert wire(send_red_pack()) == [
        ("mch_billno", NUMBER),
        ("wxappid", APPID),
        ("re_openid", OPENID),
        ("total_amount", 100),
        ("total_num", 1),
        ("send_name", "示例商户"),
        *WORDS,
        ("client_ip", "192.0.2.10"),
    ]


def test_a_full_red_pack() -> None:
    request = send_red_pack(
        total_amount=30_000,
        scene_id="PRODUCT_2",
        risk_info=RiskInfo(posttime=123123412, clientversion="234134", mobile="86-122344545", deviceid="IOS"),
        sub_mch_id="1900000002",
        msgappid="wx0000000000000002",
        consume_mch_id="1222000096",
    )
    assert wire(request) == [
        ("mch_billno", NUMBER),
        ("wxappid", APPID),
        ("re_openid", OPENID),
        ("total_amount", 30_000),
        ("total_num", 1),
        ("send_name", "示例商户"),
        *WORDS,
        ("client_ip", "192.0.2.10"),
        ("scene_id", "PRODUCT_2"),
        ("risk_info", "posttime%3D123123412%26mobile%3D86-122344545%26deviceid%3DIOS%26clientversion%3D234134"),
        ("sub_mch_id", "1900000002"),
        ("msgappid", "wx0000000000000002"),
        ("consume_mch_id", "1222000096"),
    ]


def test_a_minimal_group() -> None:
    assert wire(send_group()) == [
        ("mch_billno", NUMBER),
        ("wxappid", APPID),
        ("re_openid", OPENID),
        ("total_amount", 300),
        ("total_num", 3),
        ("amt_type", "ALL_RAND"),
        ("send_name", "示例商户"),
        *WORDS,
    ]


def test_a_full_group() -> None:
    request = send_group(
        scene_id="PRODUCT_1",
        risk_info=RiskInfo(deviceid="a"),
        sub_mch_id="1900000002",
        msgappid="wx0000000000000002",
        consume_mch_id="1222000096",
    )
    assert wire(request)[len(wire(send_group())) :] == [
        ("scene_id", "PRODUCT_1"),
        ("risk_info", "deviceid%3Da"),
        ("sub_mch_id", "1900000002"),
        ("msgappid", "wx0000000000000002"),
        ("consume_mch_id", "1222000096"),
    ]


def test_a_minimal_red_pack_of_2015_has_both_bounds_equal_to_the_amount() -> None:
    assert wire(send_red_pack_2015()) == [
        ("mch_billno", NUMBER),
        ("wxappid", APPID),
        ("nick_name", "示例商户"),
        ("send_name", "示例商户"),
        ("re_openid", OPENID),
        ("total_amount", 100),
        ("min_value", 100),
        ("max_value", 100),
        ("total_num", 1),
        ("wishing", "节日快乐"),
        ("client_ip", "192.0.2.10"),
        ("act_name", "节日活动"),
        ("remark", "备注"),
    ]


def test_a_full_red_pack_of_2015() -> None:
    request = send_red_pack_2015(
        logo_imgurl="https://a.example/1",
        share_content="分享",
        share_url="https://a.example/2",
        share_imgurl="https://a.example/3",
        sub_mch_id="1900000002",
    )
    assert wire(request)[len(wire(send_red_pack_2015())) :] == [
        ("logo_imgurl", "https://a.example/1"),
        ("share_content", "分享"),
        ("share_url", "https://a.example/2"),
        ("share_imgurl", "https://a.example/3"),
        ("sub_mch_id", "1900000002"),
    ]


def test_a_full_group_of_2015_with_own_amounts() -> None:
    request = send_group_2015(
        amt_type="ALL_SPECIFIED",
        amt_list=(200, 100, 100),
        logo_imgurl="https://a.example/1",
        watermark_imgurl="https://a.example/2",
        banner_imgurl="https://a.example/3",
        share_content="分享",
        share_url="https://a.example/4",
        share_imgurl="https://a.example/5",
        sub_mch_id="1900000002",
    )
    assert wire(request) == [
        ("mch_billno", NUMBER),
        ("wxappid", APPID),
        ("send_name", "示例商户"),
        ("re_openid", OPENID),
        ("total_amount", 400),
        ("total_num", 3),
        ("amt_type", "ALL_SPECIFIED"),
        ("amt_list", "200|100|100"),
        *WORDS,
        ("logo_imgurl", "https://a.example/1"),
        ("watermark_imgurl", "https://a.example/2"),
        ("banner_imgurl", "https://a.example/3"),
        ("share_content", "分享"),
        ("share_url", "https://a.example/4"),
        ("share_imgurl", "https://a.example/5"),
        ("sub_mch_id", "1900000002"),
    ]


def test_a_query() -> None:
    assert wire(query()) == [("mch_billno", NUMBER), ("appid", APPID), ("bill_type", "MCHT")]


def test_a_query_of_an_enterprise_packet_has_no_bill_type() -> None:
    assert wire(query_work()) == [("mch_billno", NUMBER), ("appid", APPID)]


def test_a_pre_order() -> None:
    assert wire(pre_order()) == [
        ("mch_billno", NUMBER),
        ("wxappid", APPID),
        ("send_name", "示例商户"),
        ("hb_type", "NORMAL"),
        ("total_amount", 100),
        ("total_num", 1),
        ("amt_type", "ALL_RAND"),
        *WORDS,
        ("auth_mchid", "1000052601"),
        ("auth_appid", "wxbf42bd79c4391863"),
        ("risk_cntl", "NORMAL"),
    ]


def test_a_full_mini_program_packet() -> None:
    request = send_mini_program(scene_id="PRODUCT_8", sub_mch_id="1900000002", msgappid="wx0000000000000002")
    assert wire(request) == [
        ("mch_billno", NUMBER),
        ("wxappid", APPID),
        ("re_openid", OPENID),
        ("total_amount", 100),
        ("total_num", 1),
        ("send_name", "示例商户"),
        *WORDS,
        ("notify_way", "MINI_PROGRAM_JSAPI"),
        ("scene_id", "PRODUCT_8"),
        ("sub_mch_id", "1900000002"),
        ("msgappid", "wx0000000000000002"),
    ]


def test_a_full_enterprise_packet() -> None:
    assert wire(send_work(sender_header_media_id="1G6nrLmr5EC3MMb_-zK1dDdzmd0p7", scene_id="PRODUCT_4")) == [
        ("mch_billno", NUMBER),
        ("wxappid", APPID),
        ("sender_name", "示例"),
        ("sender_header_media_id", "1G6nrLmr5EC3MMb_-zK1dDdzmd0p7"),
        ("re_openid", OPENID),
        ("total_amount", 100),
        *WORDS,
        ("scene_id", "PRODUCT_4"),
    ]


def test_an_enterprise_packet_of_an_app() -> None:
    assert ("agentid", 0) in wire(send_work(sender_name=None, agentid=0))


# Nothing else can be given.

SENDING = {"mch_billno", "wxappid", "re_openid", "total_amount", "wishing", "act_name", "remark"}
PROVIDER = {"sub_mch_id", "msgappid"}
DECORATION = {"logo_imgurl", "share_content", "share_url", "share_imgurl"}
GIVEN: dict[str, set[str]] = {
    "SendRedPack": SENDING | PROVIDER | {"send_name", "client_ip", "scene_id", "risk_info", "consume_mch_id"},
    "SendGroupRedPack": SENDING
    | PROVIDER
    | {"send_name", "total_num", "amt_type", "scene_id", "risk_info", "consume_mch_id"},
    "SendRedPack2015": SENDING | DECORATION | {"nick_name", "send_name", "client_ip", "sub_mch_id"},
    "SendGroupRedPack2015": SENDING
    | DECORATION
    | {"send_name", "total_num", "amt_type", "amt_list", "watermark_imgurl", "banner_imgurl", "sub_mch_id"},
    "QueryRedPack": {"mch_billno", "appid"},
    "PreOrder": (SENDING - {"re_openid"})
    | {"send_name", "hb_type", "total_num", "auth_mchid", "auth_appid", "risk_cntl"},
    "SendMiniProgramRedPack": SENDING | PROVIDER | {"send_name", "scene_id"},
    "SendWorkRedPack": SENDING | {"sender_name", "agentid", "sender_header_media_id", "scene_id"},
    "QueryWorkRedPack": {"mch_billno", "appid"},
}
FOREIGN = ["appid", "sub_appid", "sign_type", "trade_type", "total_num", "client_ip", "mch_id", "nonce_str", "sign"]


@pytest.mark.parametrize("name", MAKERS)
def test_what_can_be_given_is_the_documented_list(name: str) -> None:
    assert set(inspect.signature(type(MAKERS[name]())).parameters) == GIVEN[name]


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name in MAKERS for field in FOREIGN if field not in GIVEN[name]]
)
def test_a_field_that_the_endpoint_does_not_know_cannot_be_given(name: str, field: str) -> None:
    """Each of these is a SIGN_ERROR that somebody had in production."""
    with pytest.raises(TypeError, match=field):
        MAKERS[name](**{field: "1"})


@pytest.mark.parametrize("name", MAKERS)
def test_a_request_cannot_be_changed_nor_get_another_field(name: str) -> None:
    request = MAKERS[name]()
    with pytest.raises(AttributeError):
        request.mch_billno = "1"  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        request.extra = "1"  # type: ignore[union-attr]


# Every field of every request at its edges.

TEXTS = {
    "send_name": 31,
    "act_name": 31,
    "nick_name": 15,
    "wishing": 127,
    "remark": 255,
    "share_content": 255,
    "sender_name": 127,
}
CODES = {
    "wxappid": 32,
    "appid": 32,
    "re_openid": 31,
    "sub_mch_id": 32,
    "msgappid": 32,
    "consume_mch_id": 32,
    "auth_mchid": 32,
    "auth_appid": 32,
    "logo_imgurl": 127,
    "watermark_imgurl": 127,
    "banner_imgurl": 127,
    "share_url": 127,
    "share_imgurl": 127,
    "sender_header_media_id": 127,
}
SHORTER = {("PreOrder", "wishing"): 15, ("PreOrder", "remark"): 31}


def pairs(kind: dict[str, int]) -> list[tuple[str, str]]:
    return [(name, field) for name in MAKERS for field in sorted(GIVEN[name] & set(kind))]


def made(name: str, field: str, value: Any) -> Request[Any]:
    together = {"sub_mch_id": "1900000002", "msgappid": "wx0000000000000002"}
    if field in together and "msgappid" in GIVEN[name]:
        return MAKERS[name](**{**together, field: value})
    return MAKERS[name](**{field: value})


def test_every_field_is_of_a_kind_tested_here() -> None:
    others = {"mch_billno", "total_amount", "client_ip", "scene_id", "risk_info", "total_num", "amt_type", "amt_list"}
    others |= {"hb_type", "risk_cntl", "agentid"}
    assert set().union(*GIVEN.values()) == set(TEXTS) | set(CODES) | others


@pytest.mark.parametrize(("name", "field"), pairs(TEXTS) + pairs(CODES))
def test_text_is_taken_up_to_its_bytes_and_not_one_more(name: str, field: str) -> None:
    most = SHORTER.get((name, field)) or {**TEXTS, **CODES}[field]
    assert (field, "x" * most) in wire(made(name, field, "x" * most))
    error = refused(made(name, field, "x" * (most + 1)))
    assert error.field == field
    assert error.fault.startswith(f"has {most + 1} bytes in UTF-8, and WeChat takes at most {most} ")


@pytest.mark.parametrize(("name", "field"), pairs(TEXTS))
def test_chinese_counts_three_bytes_a_character(name: str, field: str) -> None:
    most = SHORTER.get((name, field)) or TEXTS[field]
    fits = "红" * (most // 3)
    assert (field, fits) in wire(made(name, field, fits))
    assert refused(made(name, field, fits + "红")).field == field


@pytest.mark.parametrize(("name", "field"), pairs(TEXTS) + pairs(CODES))
@pytest.mark.parametrize(
    "value",
    ["", " ", " x", "x ", "x\n", "\u3000x", "a\x00b", "a\rb", "a\x1fb", "a\ud800b", "a\ufffeb", 1, 1.0, True, b"x"],
    ids=repr,
)
def test_text_that_wechat_would_refuse_or_change(name: str, field: str, value: Any) -> None:
    assert refused(made(name, field, value)).field == field


@pytest.mark.parametrize(("name", "field"), pairs(CODES))
@pytest.mark.parametrize("value", ["a b", "a\tb", "红", "ａ", "a\x7f", "a\u200bb"], ids=repr)
def test_an_id_is_visible_ascii(name: str, field: str, value: str) -> None:
    assert refused(made(name, field, value)).field == field


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("number", ["1", "z" * 28, "0010010404201411170000046545", "A1b2"])
def test_an_order_number_is_1_to_28_letters_and_digits(name: str, number: str) -> None:
    assert wire(MAKERS[name](mch_billno=number))[0] == ("mch_billno", number)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    "number", ["", "1" * 29, "1-2", "1_2", "1 ", " 1", "1\n", "红", "１", "é", 1900000001, None, True], ids=repr
)
def test_any_other_order_number_is_refused(name: str, number: Any) -> None:
    assert refused(MAKERS[name](mch_billno=number)).field == "mch_billno"


AMOUNTED = [name for name in MAKERS if "total_amount" in GIVEN[name]]


@pytest.mark.parametrize("name", AMOUNTED)
@pytest.mark.parametrize("amount", [True, 100.0, "100", "1.00", None, 0, -100, float("nan"), [100]], ids=repr)
def test_an_amount_is_a_positive_whole_number_of_fen(name: str, amount: Any) -> None:
    assert refused(MAKERS[name](total_amount=amount)).field == "total_amount"


@pytest.mark.parametrize("name", ["SendRedPack", "SendRedPack2015"])
@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "255.255.255.255", "10.99.100.249"])
def test_an_ipv4_address_is_taken(name: str, address: str) -> None:
    assert ("client_ip", address) in wire(MAKERS[name](client_ip=address))


@pytest.mark.parametrize("name", ["SendRedPack", "SendRedPack2015"])
@pytest.mark.parametrize(
    "address",
    [
        "",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.04",
        "1.2.3.4\n",
        " 1.2.3.4",
        "1.2.3.-4",
        "::1",
        "::ffff:1.2.3.4",
        "localhost",
        "１.2.3.4",
        "1,2,3,4",
        16909060,
        None,
    ],
    ids=repr,
)
def test_anything_else_is_no_client_ip(name: str, address: Any) -> None:
    assert refused(MAKERS[name](client_ip=address)).field == "client_ip"


SCENED = ["SendRedPack", "SendMiniProgramRedPack", "SendWorkRedPack"]


@pytest.mark.parametrize("name", SCENED)
@pytest.mark.parametrize(
    ("amount", "scene_id", "fits"),
    [
        (99, None, False),
        (100, None, True),
        (20_000, None, True),
        (20_001, None, False),
        (29, "PRODUCT_1", False),
        (30, "PRODUCT_1", True),
        (99, "PRODUCT_8", True),
        (20_001, "PRODUCT_2", True),
        (499_900, "PRODUCT_2", True),
        (499_901, "PRODUCT_2", False),
    ],
)
def test_the_amount_by_scene(name: str, amount: int, scene_id: str | None, fits: bool) -> None:
    request = MAKERS[name](total_amount=amount, scene_id=scene_id)
    if fits:
        assert ("total_amount", amount) in wire(request)
    else:
        assert refused(request).field == "total_amount"


@pytest.mark.parametrize(("amount", "fits"), [(99, False), (100, True), (20_000, True), (20_001, False)])
def test_the_amount_of_2015_has_no_scenes(amount: int, fits: bool) -> None:
    if fits:
        assert ("min_value", amount) in wire(send_red_pack_2015(total_amount=amount))
    else:
        assert refused(send_red_pack_2015(total_amount=amount)).field == "total_amount"


@pytest.mark.parametrize("name", [*SCENED, "SendGroupRedPack"])
@pytest.mark.parametrize("scene_id", ["PRODUCT_0", "PRODUCT_9", "product_1", "PRODUCT_1 ", "", 1])
def test_a_scene_that_is_not_on_the_list(name: str, scene_id: Any) -> None:
    assert refused(MAKERS[name](scene_id=scene_id)).field == "scene_id"


GROUPS = ["SendGroupRedPack", "SendGroupRedPack2015"]


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize(
    ("people", "amount", "field"),
    [
        (2, 300, "total_num"),
        (3, 299, "total_amount"),
        (3, 300, None),
        (3, 60_000, None),
        (3, 60_001, "total_amount"),
        (5, 100_000, None),
        (5, 100_001, "total_amount"),
        (20, 1_999, "total_amount"),
        (20, 2_000, None),
        (20, 100_000, None),
        (21, 2_100, "total_num"),
    ],
)
def test_people_and_average_of_a_group(name: str, people: int, amount: int, field: str | None) -> None:
    request = MAKERS[name](total_num=people, total_amount=amount)
    if field is None:
        assert ("total_num", people) in wire(request)
    else:
        assert refused(request).field == field


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("people", [True, 3.0, "3", None], ids=repr)
def test_people_are_a_whole_number(name: str, people: Any) -> None:
    assert refused(MAKERS[name](total_num=people)).field == "total_num"


def test_a_group_of_today_is_split_by_wechat_alone() -> None:
    assert refused(send_group(amt_type="ALL_SPECIFIED")).field == "amt_type"


@pytest.mark.parametrize(
    ("amt_type", "amt_list", "fits"),
    [
        ("ALL_RAND", None, True),
        ("ALL_RAND", (200, 100, 100), False),
        ("ALL_RAND", (), False),
        ("ALL_SPECIFIED", None, False),
        ("ALL_SPECIFIED", (200, 100, 100), True),
        ("ALL_SPECIFIED", [200, 100, 100], True),
        ("ALL_SPECIFIED", (200, 200), False),
        ("ALL_SPECIFIED", (200, 100, 99), False),
        ("ALL_SPECIFIED", (200, 100, 50, 50), False),
        ("ALL_SPECIFIED", (400, 0, 0), False),
        ("ALL_SPECIFIED", (500, -50, -50), False),
        ("ALL_SPECIFIED", (200.0, 100, 100), False),
        ("ALL_SPECIFIED", "200|100|100", False),
        ("ALL_SPECIFIED", 400, False),
        ("SEED_SPECIFIED", None, False),
        ("SEED_SPECIFIED", (398,), True),
        ("SEED_SPECIFIED", (399,), False),
        ("SEED_SPECIFIED", (200, 100), False),
        ("ALL_EQUAL", None, False),
    ],
)
def test_own_amounts_of_a_group_of_2015(amt_type: str, amt_list: Any, fits: bool) -> None:
    request = send_group_2015(amt_type=amt_type, amt_list=amt_list)
    if fits:
        assert ("amt_type", amt_type) in wire(request)
    else:
        assert refused(request).field == ("amt_type" if amt_type == "ALL_EQUAL" else "amt_list")


def test_two_amounts_that_are_equal_to_true_are_no_amounts() -> None:
    assert refused(send_group_2015(amt_type="SEED_SPECIFIED", amt_list=(True,))).field == "amt_list"


@pytest.mark.parametrize(
    ("hb_type", "people", "amount", "field"),
    [
        ("NORMAL", 1, 99, "total_amount"),
        ("NORMAL", 1, 100, None),
        ("NORMAL", 1, 100_000, None),
        ("NORMAL", 1, 100_001, "total_amount"),
        ("NORMAL", 2, 200, "total_num"),
        ("GROUP", 1, 100, "total_num"),
        ("GROUP", 2, 200, None),
        ("OTHER", 1, 100, "hb_type"),
    ],
)
def test_kind_people_and_amount_of_a_pre_order(hb_type: str, people: int, amount: int, field: str | None) -> None:
    request = pre_order(hb_type=hb_type, total_num=people, total_amount=amount)
    if field is None:
        assert ("hb_type", hb_type) in wire(request)
    else:
        assert refused(request).field == field


@pytest.mark.parametrize("word", ["NORMAL", "IGN_FREQ_LMT", "IGN_DAY_LMT", "IGN_FREQ_DAY_LMT"])
def test_risk_control_of_a_pre_order(word: str) -> None:
    assert wire(pre_order(risk_cntl=word))[-1] == ("risk_cntl", word)


def test_another_word_for_risk_control_is_refused() -> None:
    assert refused(pre_order(risk_cntl="IGN_ALL")).field == "risk_cntl"


@pytest.mark.parametrize(("sender_name", "agentid"), [(None, None), ("示例", 7), ("示例", 0)])
def test_an_enterprise_packet_has_exactly_one_sender(sender_name: str | None, agentid: int | None) -> None:
    assert refused(send_work(sender_name=sender_name, agentid=agentid)).field == "sender_name"


@pytest.mark.parametrize("agentid", [-1, True, "7", 7.0], ids=repr)
def test_an_agent_is_a_whole_number(agentid: Any) -> None:
    assert refused(send_work(sender_name=None, agentid=agentid)).field == "agentid"


PROVIDED = [name for name in MAKERS if "msgappid" in GIVEN[name]]


@pytest.mark.parametrize("name", PROVIDED)
@pytest.mark.parametrize(
    ("given", "missing"), [({"sub_mch_id": "1900000002"}, "msgappid"), ({"msgappid": "wx2"}, "sub_mch_id")]
)
def test_the_service_provider_fields_come_together(name: str, given: dict[str, str], missing: str) -> None:
    assert refused(MAKERS[name](**given)).field == missing


def test_the_form_of_2015_has_a_sub_merchant_alone() -> None:
    assert wire(send_red_pack_2015(sub_mch_id="1900000002"))[-1] == ("sub_mch_id", "1900000002")


# risk_info.


@pytest.mark.parametrize(
    ("risk", "text"),
    [
        (RiskInfo(posttime=0), "posttime%3D0"),
        (RiskInfo(mobile="86-13800000000"), "mobile%3D86-13800000000"),
        (
            RiskInfo(deviceid="00:11:22", clientversion="8.0 红"),
            "deviceid%3D00%3A11%3A22%26clientversion%3D8.0%20%E7%BA%A2",
        ),
        (RiskInfo(deviceid="a/b+c%3d"), "deviceid%3Da%2Fb%2Bc%253d"),
    ],
)
def test_risk_info_is_percent_encoded_from_its_parts(risk: RiskInfo, text: str) -> None:
    assert ("risk_info", text) in wire(send_red_pack(risk_info=risk))


@pytest.mark.parametrize(
    ("risk", "field"),
    [
        (RiskInfo(), "risk_info"),
        (RiskInfo(mobile="1&2"), "risk_info.mobile"),
        (RiskInfo(deviceid="a=b"), "risk_info.deviceid"),
        (RiskInfo(clientversion="\ud800"), "risk_info.clientversion"),
        (RiskInfo(posttime=-1), "risk_info.posttime"),
        (RiskInfo(posttime=1.5), "risk_info.posttime"),  # type: ignore[arg-type]
        (RiskInfo(posttime=True), "risk_info.posttime"),
        (RiskInfo(mobile=13800000000), "risk_info.mobile"),  # type: ignore[arg-type]
        ("posttime%3d1", "risk_info"),
        ({"posttime": 1}, "risk_info"),
    ],
    ids=str,
)
def test_risk_info_that_cannot_be_encoded(risk: Any, field: str) -> None:
    assert refused(send_red_pack(risk_info=risk)).field == field


def test_risk_info_is_taken_up_to_127_bytes_as_encoded() -> None:
    fits = "x" * (127 - len("deviceid%3D"))
    assert wire(send_red_pack(risk_info=RiskInfo(deviceid=fits)))[-1] == ("risk_info", f"deviceid%3D{fits}")
    assert refused(send_red_pack(risk_info=RiskInfo(deviceid=fits + "x"))).field == "risk_info"


def test_risk_info_shows_no_part() -> None:
    assert repr(RiskInfo(posttime=0, mobile="86-13800000000")) == "RiskInfo(posttime, mobile)"


# Limits.


@pytest.mark.parametrize(
    ("name", "value", "refused_before", "taken_before"),
    [
        ("amount_fen_min", 50, send_red_pack(total_amount=50), send_red_pack()),
        ("amount_fen_max", 30_000, send_red_pack(total_amount=30_000), send_red_pack()),
        ("scene_amount_fen_min", 1, send_red_pack(total_amount=1, scene_id="PRODUCT_1"), None),
        ("scene_amount_fen_max", 500_000, send_red_pack(total_amount=500_000, scene_id="PRODUCT_1"), None),
        ("group_people_min", 2, send_group(total_num=2), send_group()),
        ("group_people_max", 30, send_group(total_num=30, total_amount=3_000), send_group()),
        ("group_average_fen_min", 50, send_group(total_amount=150), send_group()),
        ("group_average_fen_max", 30_000, send_group(total_amount=90_000), send_group()),
        ("group_amount_fen_max", 200_000, send_group(total_num=20, total_amount=200_000), send_group()),
        ("preorder_amount_fen_min", 50, pre_order(total_amount=50), pre_order()),
        ("preorder_amount_fen_max", 499_900, pre_order(total_amount=499_900), pre_order()),
    ],
)
def test_a_limit_that_the_merchant_entered_changes_the_verdict(
    name: str, value: int, refused_before: Request[Any], taken_before: Request[Any] | None
) -> None:
    limits = LimitSet().entered(TODAY, **{name: value})
    refused(refused_before)
    wire(refused_before, limits)
    if taken_before is not None:
        wire(taken_before, limits)


def test_a_limit_can_be_made_tighter() -> None:
    wire(send_red_pack(total_amount=5_001))
    assert refused(send_red_pack(total_amount=5_001), LimitSet().entered(TODAY, amount_fen_max=5_000)).field == (
        "total_amount"
    )


def test_a_scene_with_its_own_range_overrides_the_common_one_for_itself_alone() -> None:
    limits = LimitSet().with_scene("PRODUCT_3", fen_min=1_000, fen_max=1_000_000, as_of=TODAY)
    wire(send_red_pack(total_amount=1_000_000, scene_id="PRODUCT_3"), limits)
    assert refused(send_red_pack(total_amount=999, scene_id="PRODUCT_3"), limits).field == "total_amount"
    assert refused(send_red_pack(total_amount=1_000_000, scene_id="PRODUCT_4"), limits).field == "total_amount"


def test_a_text_length_by_field_holds_everywhere() -> None:
    limits = LimitSet().with_text_bytes("act_name", 60, as_of=TODAY)
    wire(send_red_pack(act_name="红" * 20), limits)
    wire(send_group(act_name="红" * 20), limits)
    assert refused(send_red_pack(act_name="红" * 21), limits).field == "act_name"


def test_a_text_length_by_endpoint_and_field_holds_there_and_goes_before_the_field_alone() -> None:
    limits = (
        LimitSet().with_text_bytes("wishing", 9, as_of=TODAY).with_text_bytes("hbpreorder.wishing", 48, as_of=TODAY)
    )
    wire(pre_order(wishing="红" * 16), limits)
    assert refused(send_red_pack(wishing="红" * 4), limits).field == "wishing"


def test_overrides_do_not_change_the_set_they_started_from() -> None:
    limits = LimitSet()
    limits.entered(TODAY, amount_fen_max=1_000)
    limits.with_scene("PRODUCT_1", fen_min=1, fen_max=2, as_of=TODAY)
    limits.with_text_bytes("wishing", 1, as_of=TODAY)
    assert limits == LimitSet()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda limits: limits.entered(TODAY, amount_max=1), "amount_max"),
        (lambda limits: limits.entered(TODAY, scenes=1), "scenes"),
        (lambda limits: limits.entered(TODAY, amount_fen_max=-1), "amount_fen_max"),
        (lambda limits: limits.with_scene("PRODUCT_1", fen_min=0, fen_max=1, as_of=TODAY), "PRODUCT_1"),
        (lambda limits: limits.with_scene("PRODUCT_1", fen_min=2, fen_max=1, as_of=TODAY), "PRODUCT_1"),
        (lambda limits: limits.with_text_bytes("wishing", 0, as_of=TODAY), "wishing"),
        (lambda limits: limits.entered(TODAY, amount_fen_min="5"), "amount_fen_min"),
        (lambda limits: limits.entered(TODAY, amount_fen_min=5.0), "amount_fen_min"),
        (lambda limits: limits.entered(TODAY, amount_fen_min=True), "amount_fen_min"),
        (lambda limits: limits.entered(TODAY, amount_fen_max=10**5000), "amount_fen_max"),
        (lambda limits: limits.with_scene("PRODUCT_1", fen_min="1", fen_max=2, as_of=TODAY), "PRODUCT_1"),
        (lambda limits: limits.with_text_bytes("wishing", "9", as_of=TODAY), "wishing"),
        (lambda limits: replace(limits, amount_fen_max=Limit("1")), "amount_fen_max"),
    ],
)
def test_a_limit_that_is_none_is_refused(change: Any, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        change(LimitSet())
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "known"),
    [
        (lambda limits: limits.with_scene("PRODUKT_1", fen_min=1, fen_max=2, as_of=TODAY), "PRODUCT_1"),
        (lambda limits: limits.with_scene("PRODUCT_9", fen_min=1, fen_max=2, as_of=TODAY), "PRODUCT_8"),
        (lambda limits: limits.with_text_bytes("wishng", 9, as_of=TODAY), "wishing"),
        (lambda limits: limits.with_text_bytes("hbpreorder.wishng", 9, as_of=TODAY), "wishing"),
        (lambda limits: limits.with_text_bytes("hbpreordr.wishing", 9, as_of=TODAY), "wishing"),
        (lambda limits: limits.with_text_bytes("gethbinfo.wishing", 9, as_of=TODAY), "appid"),
        (lambda limits: limits.with_text_bytes("total_amount", 9, as_of=TODAY), "wishing"),
        (lambda limits: replace(limits, text_bytes_max={"wishng": Limit(9)}), "wishing"),
    ],
)
def test_a_limit_of_something_that_does_not_exist_is_refused_and_the_known_ones_named(change: Any, known: str) -> None:
    """It would never bind, and nobody would notice."""
    with pytest.raises(BadInput) as caught:
        change(LimitSet())
    assert known in caught.value.remedy


@pytest.mark.parametrize(
    "what", ["amount_fen", "scene_amount_fen", "group_people", "group_average_fen", "preorder_amount_fen"]
)
def test_a_smallest_value_above_its_largest_is_refused(what: str) -> None:
    largest = getattr(LimitSet(), f"{what}_max").value
    LimitSet().entered(TODAY, **{f"{what}_min": largest})
    with pytest.raises(BadInput) as caught:
        LimitSet().entered(TODAY, **{f"{what}_min": largest + 1})
    assert caught.value.field == f"{what}_min"


def test_the_texts_that_can_be_limited_are_those_of_the_request_types() -> None:
    found: dict[str, set[str]] = {}
    for maker in MAKERS.values():
        request = type(maker())
        sized = {name for name, kind in kinds_of(request).items() if hasattr(kind, "bytes_max")}
        found[request.endpoint] = found.get(request.endpoint, set()) | sized
    assert {endpoint: set(names) for endpoint, names in merchant.TEXTS.items()} == found


@pytest.mark.parametrize("amount", [10**15, 10**5000, -(10**5000)], ids=["16 digits", "5001 digits", "negative"])
def test_an_amount_that_python_cannot_write_is_refused(amount: int) -> None:
    assert refused(send_red_pack(total_amount=amount)).field == "total_amount"


# What shows, and what is signed.


@pytest.mark.parametrize("name", MAKERS)
def test_a_request_shows_itself_without_the_person(name: str) -> None:
    shown = repr(MAKERS[name]())
    assert OPENID not in shown
    assert NUMBER in shown


@pytest.mark.parametrize("name", [name for name in MAKERS if "re_openid" in GIVEN[name]])
def test_a_request_with_a_wrong_openid_can_still_be_shown(name: str) -> None:
    """A repr that raises hides the error it was asked for."""
    assert "re_openid=" in repr(MAKERS[name](re_openid=5))


class Scene(str, enum.Enum):  # noqa: UP042  the older spelling is the trap
    PRIZE = "PRODUCT_2"


def test_a_word_that_is_also_an_enum_is_sent_as_its_plain_text() -> None:
    """Such an enum is formatted as its name and joined as its value: the sign would not fit the body."""
    value = dict(wire(send_red_pack(scene_id=Scene.PRIZE)))["scene_id"]
    assert type(value) is str
    assert f"{value}" == "PRODUCT_2"
