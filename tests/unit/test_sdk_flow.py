"""The conversation of one call, driven by hand: what is posted, and what an answer means."""

import datetime as dt
import enum
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.factories import (
    API_KEY,
    APPID,
    CURRENT,
    HOSTS,
    MCH_ID,
    NUMBER,
    OPENID,
    WORKWX_SECRET,
    answered,
    begin,
    certificate,
    credentials,
    pre_order,
    query,
    query_work,
    reply,
    send_group,
    send_mini_program,
    send_red_pack,
    send_work,
)

from hongbao.clock import BEIJING, SeededDice
from hongbao.errors import BadInput
from hongbao.merchant import LimitSet
from hongbao.wechat import (
    CallError,
    FixAccount,
    NothingSent,
    OutcomeUnknown,
    PreOrdered,
    RedPackRecord,
    SameNumber,
    SameNumberAgain,
    SentMiniProgramRedPack,
    SentRedPack,
    SentWorkRedPack,
    Status,
    Taken,
    WorkRedPackRecord,
)
from hongbao.wechat.credentials import Credentials
from hongbao.wechat.flow import Answer, Failure, Post, converse_freely
from hongbao.wechat.signing import sign, workwx_sign
from hongbao.wechat.xml import read

SENT_2017 = """<xml>
<return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[发放成功]]></return_msg>
<result_code><![CDATA[SUCCESS]]></result_code>
<err_code><![CDATA[SUCCESS]]></err_code>
<err_code_des><![CDATA[发放成功]]></err_code_des>
<mch_billno><![CDATA[1900000001202501010000000001]]></mch_billno>
<mch_id><![CDATA[1900000001]]></mch_id>
<wxappid><![CDATA[wx0000000000000001]]></wxappid>
<re_openid><![CDATA[o000000000000000000000000001]]></re_openid>
<total_amount>100</total_amount>
<send_listid><![CDATA[1000041701202501013000000000001]]></send_listid>
</xml>"""
SENT_2015 = """<xml>
<return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[发放成功]]></return_msg>
<result_code><![CDATA[SUCCESS]]></result_code>
<mch_billno><![CDATA[1900000001202501010000000001]]></mch_billno>
<mch_id>1900000001</mch_id>
<wxappid><![CDATA[wx0000000000000001]]></wxappid>
<re_openid><![CDATA[o000000000000000000000000001]]></re_openid>
<total_amount>100</total_amount>
<send_listid><![CDATA[1000000000201504133108665667]]></send_listid>
<send_time><![CDATA[20150413153742]]></send_time>
</xml>"""
NOTENOUGH_2016 = """<xml>
<return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[帐号余额不足，请到商户平台充值后再重试]]></return_msg>
<result_code><![CDATA[FAIL]]></result_code>
<err_code><![CDATA[NOTENOUGH]]></err_code>
<err_code_des><![CDATA[帐号余额不足，请到商户平台充值后再重试]]></err_code_des>
<mch_billno><![CDATA[1900000001202501010000000001]]></mch_billno>
<mch_id><![CDATA[1900000001]]></mch_id>
<wxappid><![CDATA[wx0000000000000001]]></wxappid>
<re_openid><![CDATA[o000000000000000000000000001]]></re_openid>
<total_amount>100</total_amount>
</xml>"""
NOTENOUGH_2015 = NOTENOUGH_2016.replace("SUCCESS", "FAIL").replace("<![CDATA[1900000001]]>", "1900000001")
STUCK = """<xml>
<return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[OK]]></return_msg>
<result_code><![CDATA[SUCCESS]]></result_code>
<err_code><![CDATA[SUCCESS]]></err_code>
<err_code_des><![CDATA[OK]]></err_code_des>
<mch_billno><![CDATA[1900000001202501010000000001]]></mch_billno>
<mch_id><![CDATA[1900000001]]></mch_id>
<detail_id><![CDATA[1000041701202501013000000000001]]></detail_id>
<status><![CDATA[SENDING]]></status>
<send_type><![CDATA[API]]></send_type>
<hb_type><![CDATA[NORMAL]]></hb_type>
<total_num>1</total_num>
<total_amount>100</total_amount>
<reason><![CDATA[帐号余额不足，请到商户平台充值后再重试]]></reason>
<send_time><![CDATA[2025-01-01 12:00:00]]></send_time>
</xml>"""
HBLIST = """<hblist>
<hbinfo>
<openid><![CDATA[o000000000000000000000000001]]></openid>
<amount>100</amount>
<rcv_time><![CDATA[2025-01-01 12:00:23]]></rcv_time>
</hbinfo>
</hblist>
</xml>"""
SENT_RECORD = re.sub("<reason>.*</reason>\n", "", STUCK).replace("SENDING", "SENT")
RECEIVED = SENT_RECORD.replace("[SENT]", "[RECEIVED]").replace("</xml>", HBLIST)
NOT_FOUND = """<xml>
<return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[指定单号数据不存在]]></return_msg>
<result_code><![CDATA[FAIL]]></result_code>
<err_code><![CDATA[NOT_FOUND]]></err_code>
<err_code_des><![CDATA[指定单号数据不存在]]></err_code_des>
<mch_billno><![CDATA[1900000001202501010000000001]]></mch_billno>
<mch_id><![CDATA[1900000001]]></mch_id>
</xml>"""
PRE_ORDERED_2016 = """<xml>
<return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[发放成功]]></return_msg>
<result_code><![CDATA[SUCCESS]]></result_code>
<mch_billno><![CDATA[1900000001202501010000000001]]></mch_billno>
<mch_id>1900000001</mch_id>
<wxappid><![CDATA[wx0000000000000001]]></wxappid>
<total_amount>100</total_amount>
<sp_ticket><![CDATA[v1|AAAA/BBBB+CCCC==]]></sp_ticket>
<detail_id><![CDATA[0010819155201606130000000001]]></detail_id>
<send_time><![CDATA[20160613172938]]></send_time>
</xml>"""
PACKAGE = "sendid=242e8abd163d3000&ver=8&sign=4110d649a5aef52d&mchid=11475856&appid=wx0000000000000001"
SENT_MINI_PROGRAM = SENT_2017.replace("</xml>", f"<package><![CDATA[{PACKAGE}]]></package>\n</xml>")
SENT_WORK = """<xml>
<return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[ok]]></return_msg>
<sign><![CDATA[{sign}]]></sign>
<result_code><![CDATA[SUCCESS]]></result_code>
<mch_billno><![CDATA[1900000001202501010000000001]]></mch_billno>
<mch_id><![CDATA[1900000001]]></mch_id>
<wxappid><![CDATA[wx0000000000000001]]></wxappid>
<re_openid><![CDATA[o000000000000000000000000001]]></re_openid>
<total_amount><![CDATA[100]]></total_amount>
<send_listid><![CDATA[235785324578098]]></send_listid>
<sender_name><![CDATA[示例]]></sender_name>
<sender_header_media_id><![CDATA[1G6nrLmr5EC3MMb]]></sender_header_media_id>
</xml>"""
WORK_RECORD = """<xml>
<return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[ok]]></return_msg>
<result_code><![CDATA[SUCCESS]]></result_code>
<err_code><![CDATA[0]]></err_code>
<err_code_des><![CDATA[ok]]></err_code_des>
<mch_billno><![CDATA[1900000001202501010000000001]]></mch_billno>
<mch_id><![CDATA[1900000001]]></mch_id>
<detail_id><![CDATA[235785324578098]]></detail_id>
<status><![CDATA[RECEIVED]]></status>
<send_type><![CDATA[API]]></send_type>
<total_amount><![CDATA[100]]></total_amount>
<send_time><![CDATA[2025-01-01 12:00:00]]></send_time>
<wishing><![CDATA[节日快乐]]></wishing>
<openid><![CDATA[o000000000000000000000000001]]></openid>
<amount><![CDATA[100]]></amount>
<rcv_time><![CDATA[2025-01-01 12:00:23]]></rcv_time>
<sender_name><![CDATA[示例]]></sender_name>
</xml>"""


def noon(minute: int = 0, second: int = 0) -> dt.datetime:
    return dt.datetime(2025, 1, 1, 12, minute, second, tzinfo=BEIJING)


def signed(body: str, key: str = API_KEY) -> bytes:
    """Fill the sign of a reply in."""
    fields = [(name, value) for name, value in read(body.encode()).items() if isinstance(value, str)]
    return body.replace("{sign}", sign(fields, key)).encode()


def unknown(request: Any, body: bytes | str, status: int = 200) -> OutcomeUnknown:
    """Return the doubt that an answer leaves. It must be nothing else."""
    with pytest.raises(CallError) as caught:
        answered(request, body if isinstance(body, bytes) else body.encode(), status)
    assert type(caught.value) is OutcomeUnknown
    assert caught.value.sent is True
    assert caught.value.same_number is SameNumber.QUERY
    assert caught.value.order_number == NUMBER
    return caught.value


# Success, endpoint by endpoint, era by era.

SENT = SentRedPack(
    mch_billno=NUMBER,
    mch_id=MCH_ID,
    wxappid=APPID,
    re_openid=OPENID,
    total_amount=100,
    send_listid="1000041701202501013000000000001",
    send_time=None,
    fields=read(SENT_2017.encode()),
)


def test_a_red_pack_was_sent_in_the_form_since_2017() -> None:
    assert answered(send_red_pack(), SENT_2017.encode()) == SENT


def test_a_red_pack_was_sent_in_the_form_of_2015_and_2016() -> None:
    assert answered(send_red_pack(), SENT_2015.encode()) == replace(
        SENT,
        send_listid="1000000000201504133108665667",
        send_time=dt.datetime(2015, 4, 13, 15, 37, 42, tzinfo=BEIJING),
        fields=read(SENT_2015.encode()),
    )


def test_a_group_was_sent() -> None:
    body = SENT_2017.replace(">100<", ">300<").encode()
    assert answered(send_group(), body) == replace(SENT, total_amount=300, fields=read(body))


def test_a_mini_program_packet_comes_with_its_package() -> None:
    body = SENT_MINI_PROGRAM.encode()
    sent = answered(send_mini_program(), body)
    assert type(sent) is SentMiniProgramRedPack
    assert (sent.package, sent.send_listid, sent.fields) == (PACKAGE, SENT.send_listid, read(body))


def test_an_enterprise_packet_was_sent_with_everything_in_cdata_and_a_sign() -> None:
    sent = answered(send_work(), signed(SENT_WORK))
    assert type(sent) is SentWorkRedPack
    assert (sent.total_amount, sent.send_listid, sent.sender_name) == (100, "235785324578098", "示例")


def test_a_pre_order_gives_a_ticket_in_the_form_of_2016() -> None:
    assert answered(pre_order(), PRE_ORDERED_2016.encode()) == PreOrdered(
        mch_billno=NUMBER,
        mch_id=MCH_ID,
        wxappid=APPID,
        total_amount=100,
        sp_ticket="v1|AAAA/BBBB+CCCC==",
        detail_id="0010819155201606130000000001",
        send_time=dt.datetime(2016, 6, 13, 17, 29, 38, tzinfo=BEIJING),
        fields=read(PRE_ORDERED_2016.encode()),
    )


STUCK_RECORD = RedPackRecord(
    mch_billno=NUMBER,
    mch_id=MCH_ID,
    detail_id="1000041701202501013000000000001",
    status=Status.SENDING,
    send_type="API",
    hb_type="NORMAL",
    total_num=1,
    total_amount=100,
    reason="帐号余额不足，请到商户平台充值后再重试",
    send_time=noon(),
    refund_time=None,
    refund_amount=None,
    taken=(),
    fields=read(STUCK.encode()),
)


def test_a_query_finds_an_order_stuck_with_a_reason() -> None:
    assert answered(query(), STUCK.encode()) == STUCK_RECORD


def test_a_query_finds_a_packet_waiting() -> None:
    assert answered(query(), SENT_RECORD.encode()) == replace(
        STUCK_RECORD, status=Status.SENT, reason=None, fields=read(SENT_RECORD.encode())
    )


def test_a_query_finds_a_packet_received() -> None:
    assert answered(query(), RECEIVED.encode()) == replace(
        STUCK_RECORD,
        status=Status.RECEIVED,
        reason=None,
        taken=(Taken(openid=OPENID, amount=100, rcv_time=noon(0, 23)),),
        fields=read(RECEIVED.encode()),
    )


def test_a_query_finds_a_group_of_three_newest_first() -> None:
    infos = "".join(
        f"<hbinfo><openid>o{person:027d}</openid><amount>{amount}</amount>"
        f"<rcv_time>2025-01-01 12:0{person}:00</rcv_time></hbinfo>"
        for person, amount in ((3, 1), (2, 102), (1, 197))
    )
    body = SENT_RECORD.replace("NORMAL", "GROUP").replace(">1<", ">3<").replace(">100<", ">300<")
    record = answered(query(), body.replace("</xml>", f"<hblist>{infos}</hblist></xml>").encode())
    assert (record.hb_type, record.total_num, record.total_amount) == ("GROUP", 3, 300)
    assert record.taken == (
        Taken(openid=f"o{3:027d}", amount=1, rcv_time=noon(3)),
        Taken(openid=f"o{2:027d}", amount=102, rcv_time=noon(2)),
        Taken(openid=f"o{1:027d}", amount=197, rcv_time=noon(1)),
    )


def test_a_query_finds_a_refund() -> None:
    refund = "<refund_time><![CDATA[2025-01-02 12:00:01]]></refund_time>\n<refund_amount>100</refund_amount>\n</xml>"
    record = answered(query(), SENT_RECORD.replace("[SENT]", "[REFUND]").replace("</xml>", refund).encode())
    assert (record.status, record.refund_amount) == (Status.REFUND, 100)
    assert record.refund_time == dt.datetime(2025, 1, 2, 12, 0, 1, tzinfo=BEIJING)


def test_a_query_finds_an_enterprise_packet_received() -> None:
    record = answered(query_work(), WORK_RECORD.encode())
    assert record == WorkRedPackRecord(
        mch_billno=NUMBER,
        mch_id=MCH_ID,
        detail_id="235785324578098",
        status=Status.RECEIVED,
        send_type="API",
        hb_type=None,
        total_num=1,
        total_amount=100,
        reason=None,
        send_time=noon(),
        refund_time=None,
        refund_amount=None,
        taken=(Taken(openid=OPENID, amount=100, rcv_time=noon(0, 23)),),
        fields=read(WORK_RECORD.encode()),
        sender_name="示例",
    )


@pytest.mark.parametrize("status", Status)
def test_every_status_is_read(status: Status) -> None:
    assert answered(query(), SENT_RECORD.replace("[SENT]", f"[{status}]").encode()).status is status


def test_a_status_that_no_document_has_leaves_the_state_unknown() -> None:
    assert "'LOST' is not known" in str(unknown(query(), SENT_RECORD.replace("[SENT]", "[LOST]")))


@pytest.mark.parametrize("hblist", ["", "<hblist></hblist>", "<hblist>\n</hblist>", "<hblist><hbinfo/></hblist>"])
def test_received_without_a_list_is_received_all_the_same(hblist: str) -> None:
    body = RECEIVED.replace(HBLIST, f"{hblist}</xml>")
    record = answered(query(), body.encode())
    assert (record.status, record.taken) == (Status.RECEIVED, ())


def test_an_entry_of_the_list_may_hold_more_and_lack_its_time() -> None:
    body = RECEIVED.replace("<hbinfo>", "<other/><hbinfo><status>RECEIVED</status>")
    body = re.sub("<rcv_time>.*</rcv_time>", "", body)
    assert answered(query(), body.encode()).taken == (Taken(openid=OPENID, amount=100, rcv_time=None),)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-01-01 12:00:23", noon(0, 23)),
        ("20250101120023", noon(0, 23)),
        ("2025-01-01", None),
        ("2025-13-01 12:00:00", None),
        ("0000-00-00 00:00:00", None),
        ("1735704023", None),
        ("soon", None),
        ("", None),
        ("99999999999999999999999", None),
    ],
)
def test_an_odd_time_is_left_out_and_does_not_make_the_outcome_unknown(text: str, time: dt.datetime | None) -> None:
    record = answered(query(), SENT_RECORD.replace("2025-01-01 12:00:00", text).encode())
    assert (record.status, record.send_time) == (Status.SENT, time)


# What may differ in a success, and what may not.


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(SENT_2017.replace("<err_code><![CDATA[SUCCESS]]>", "<err_code>0"), id="err_code 0"),
        pytest.param(re.sub("<err_code>.*</err_code>\n", "", SENT_2017), id="no err_code"),
        pytest.param(SENT_2017.replace("<err_code><![CDATA[SUCCESS]]>", "<err_code>"), id="empty err_code"),
        pytest.param(
            "<xml>" + "".join(reversed(SENT_2017[5:-6].strip().splitlines(keepends=True))) + "</xml>", id="reversed"
        ),
        pytest.param(SENT_2017.replace("</xml>", "<new>1</new><more><a>1</a></more></xml>"), id="more elements"),
        pytest.param(SENT_2017.replace("\n", ""), id="one line"),
        pytest.param("\ufeff" + SENT_2017, id="byte order mark"),
        pytest.param('<?xml version="1.0" encoding="UTF-8"?>\n' + SENT_2017, id="declaration"),
        pytest.param(re.sub(r"<!\[CDATA\[(.*?)\]\]>", r"\1", SENT_2017), id="no CDATA"),
        pytest.param(SENT_2017.replace(">100<", "><![CDATA[100]]><"), id="all CDATA"),
        pytest.param(SENT_2017.replace("</xml>", "<sign></sign></xml>"), id="empty sign"),
    ],
)
def test_a_success_in_other_clothes(body: str) -> None:
    assert replace(answered(send_red_pack(), body.encode()), fields=SENT.fields) == SENT


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("mch_billno", "1900000001202501010000000002"),
        ("mch_id", "1900000002"),
        ("wxappid", "wx0000000000000002"),
        ("re_openid", "o000000000000000000000000002"),
        ("total_amount", "101"),
        ("total_amount", "0100"),
        ("total_amount", "1.00"),
    ],
)
@pytest.mark.parametrize("body", [SENT_2017, SENT_2015, NOTENOUGH_2016, NOTENOUGH_2015])
def test_an_answer_that_echoes_another_request_is_not_ours(body: str, field: str, other: str) -> None:
    """Neither a success nor a failure of somebody else's may decide over our number."""
    changed = re.sub(f"<{field}>.*</{field}>", f"<{field}>{other}</{field}>", body)
    error = unknown(send_red_pack(), changed)
    assert f"its {field} is not ours" in str(error)


@pytest.mark.parametrize("field", ["mch_billno", "mch_id", "wxappid", "re_openid", "total_amount"])
def test_an_echo_that_nests_is_not_ours(field: str) -> None:
    changed = re.sub(f"<{field}>.*</{field}>", f"<{field}><a>1</a></{field}>", SENT_2017)
    assert f"its {field} is not ours" in str(unknown(send_red_pack(), changed))


@pytest.mark.parametrize(
    ("request_", "body"),
    [(send_red_pack(), SENT_2017), (pre_order(), PRE_ORDERED_2016), (query(), STUCK), (query_work(), WORK_RECORD)],
    ids=["sendredpack", "hbpreorder", "gethbinfo", "queryworkwxredpack"],
)
def test_a_success_must_echo_everything(request_: Any, body: str) -> None:
    echoes = {"mch_billno", "mch_id", "wxappid", "re_openid", "total_amount"} & set(read(body.encode()))
    if request_.endpoint in {"gethbinfo", "queryworkwxredpack"}:
        echoes -= {"total_amount"}
    assert echoes
    for field in echoes:
        lacking = re.sub(f"<{field}>.*</{field}>\n", "", body)
        assert f"lacks {field}" in str(unknown(request_, lacking))


@pytest.mark.parametrize(
    ("request_", "body", "field"),
    [
        (send_red_pack(), SENT_2017, "send_listid"),
        (send_mini_program(), SENT_MINI_PROGRAM, "package"),
        (pre_order(), PRE_ORDERED_2016, "sp_ticket"),
        (pre_order(), PRE_ORDERED_2016, "detail_id"),
        (query(), STUCK, "detail_id"),
        (query(), STUCK, "status"),
        (query(), STUCK, "total_amount"),
        (query(), RECEIVED, "openid"),
        (query(), RECEIVED, "amount"),
    ],
)
@pytest.mark.parametrize("form", ["", "<{0}></{0}>", "<{0}><a>1</a></{0}>"], ids=["absent", "empty", "nested"])
def test_a_success_without_what_it_must_give_is_unknown(request_: Any, body: str, field: str, form: str) -> None:
    changed = re.sub(f"<{field}>.*</{field}>", form.format(field), body)
    assert f"the element {field} is missing or empty" in str(unknown(request_, changed))


@pytest.mark.parametrize("amount", ["-1", "1.5", "1e2", "١", "1 ", "9" * 16])
def test_an_amount_in_a_record_that_is_no_whole_number_is_unknown(amount: str) -> None:
    changed = STUCK.replace("<total_amount>100<", f"<total_amount>{amount}<")
    assert "total_amount is not a whole number" in str(unknown(query(), changed))


# Failure.


@pytest.mark.parametrize("body", [NOTENOUGH_2015, NOTENOUGH_2016], ids=["2015", "2016"])
def test_a_failure_of_any_year_is_its_code(body: str) -> None:
    with pytest.raises(FixAccount) as caught:
        answered(send_red_pack(), body.encode())
    error = caught.value
    assert (error.code, error.text) == ("NOTENOUGH", "帐号余额不足，请到商户平台充值后再重试")
    assert (error.endpoint, error.order_number, error.sent) == ("sendredpack", NUMBER, True)
    assert error.same_number is SameNumber.YES
    assert str(error) == (
        f"sendredpack {NUMBER}: NOTENOUGH 帐号余额不足，请到商户平台充值后再重试. "
        "Top up the account that pays, then repeat with the same number within three days."
    )


def test_the_error_keeps_the_body_without_the_person() -> None:
    with pytest.raises(FixAccount) as caught:
        answered(send_red_pack(), NOTENOUGH_2016.encode())
    assert caught.value.raw == NOTENOUGH_2016.replace(OPENID, "o000…001")


def test_a_systemerror_without_any_echo_is_still_systemerror() -> None:
    text = "系统错误,请稍后使用原单号重试,请勿更换单号"
    body = reply(
        ("return_code", "SUCCESS"),
        ("return_msg", text),
        ("result_code", "FAIL"),
        ("err_code", "SYSTEMERROR"),
        ("err_code_des", text),
    )
    with pytest.raises(SameNumberAgain) as caught:
        answered(send_work(), body)
    assert (caught.value.code, caught.value.text, caught.value.same_number) == ("SYSTEMERROR", text, SameNumber.QUERY)


def test_not_found_is_no_failure() -> None:
    error = unknown(query(), NOT_FOUND)
    assert (error.code, error.text) == ("NOT_FOUND", "指定单号数据不存在")


def test_return_msg_stands_in_for_a_missing_text() -> None:
    body = re.sub("<err_code_des>.*</err_code_des>\n", "", NOTENOUGH_2016)
    with pytest.raises(FixAccount) as caught:
        answered(send_red_pack(), body.encode())
    assert caught.value.text == "帐号余额不足，请到商户平台充值后再重试"


def codes(return_code: str | None, result_code: str | None, err_code: str | None) -> bytes:
    given = (("return_code", return_code), ("result_code", result_code), ("err_code", err_code))
    return reply(*[(name, value) for name, value in given if value is not None], ("return_msg", "签名失败"))


@pytest.mark.parametrize(
    ("return_code", "result_code", "err_code"),
    [
        ("FAIL", None, None),
        ("FAIL", "FAIL", None),
        ("FAIL", "FAIL", ""),
        ("SUCCESS", "FAIL", None),
        ("FAIL", "FAIL", "SUCCESS"),
        ("SUCCESS", "FAIL", "SUCCESS"),
        ("SUCCESS", "FAIL", "0"),
        ("FAIL", "SUCCESS", "NOTENOUGH"),
        ("FAIL", "SUCCESS", "SUCCESS"),
        ("SUCCESS", "SUCCESS", "NOTENOUGH"),
        ("SUCCESS", None, "NOTENOUGH"),
        ("SUCCESS", None, "SUCCESS"),
        ("SUCCESS", None, None),
        (None, "FAIL", None),
        (None, None, "NOTENOUGH"),
        (None, None, None),
        ("", "", "NOTENOUGH"),
        ("success", "success", "SUCCESS"),
        ("OK", "fail", "NOTENOUGH"),
    ],
)
def test_codes_that_contradict_each_other_or_say_too_little(
    return_code: str | None, result_code: str | None, err_code: str | None
) -> None:
    unknown(send_red_pack(), codes(return_code, result_code, err_code))


def test_a_protocol_failure_alone_keeps_its_text() -> None:
    assert unknown(send_red_pack(), codes("FAIL", None, None)).text == "签名失败"


def test_success_with_a_code_of_failure_keeps_the_code() -> None:
    body = SENT_2017.replace("<err_code><![CDATA[SUCCESS]]>", "<err_code><![CDATA[NOTENOUGH]]>")
    assert unknown(send_red_pack(), body).code == "NOTENOUGH"


# The sign of a reply.


def test_an_unsigned_reply_is_taken_for_its_echo() -> None:
    assert "sign" not in answered(send_red_pack(), SENT_2017.encode()).fields


@pytest.mark.parametrize("body", [SENT_2017, SENT_2015])
def test_a_sign_that_fits_is_taken(body: str) -> None:
    answered(send_red_pack(), signed(body.replace("</xml>", "<sign>{sign}</sign><x>1</x></xml>")))


@pytest.mark.parametrize("body", [SENT_2017, NOTENOUGH_2016, NOT_FOUND])
@pytest.mark.parametrize("key", ["0" * 32, "workwx"])
def test_a_sign_that_does_not_fit_makes_any_reply_unknown(body: str, key: str) -> None:
    """A failure too: who can forge a failure makes us pay again under a new number."""
    request = query() if body is NOT_FOUND else send_red_pack()
    error = unknown(request, signed(body.replace("</xml>", "<sign>{sign}</sign></xml>"), key))
    assert "sign of the answer does not fit" in str(error)


def test_a_signed_failure_that_fits_is_that_failure() -> None:
    with pytest.raises(FixAccount):
        answered(send_red_pack(), signed(NOTENOUGH_2016.replace("</xml>", "<sign>{sign}</sign></xml>")))


def test_a_field_changed_after_signing_is_found_out() -> None:
    unknown(send_work(), signed(SENT_WORK).replace(b"[235785324578098]", b"[235785324578099]"))


def test_the_sign_of_a_nested_reply_is_not_judged() -> None:
    """How hblist would enter a sign is not documented."""
    answered(query(), RECEIVED.replace("</xml>", "<sign>whatever</sign></xml>").encode())


# What is no answer at all.

NGINX_400 = (
    "<html>\r\n<head><title>400 The SSL certificate error</title></head>\r\n<body>\r\n"
    "<center><h1>400 Bad Request</h1></center>\r\n</body>\r\n</html>\r\n"
)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, NGINX_400),
        (502, "<html><body>Bad Gateway</body></html>"),
        (500, ""),
        (302, ""),
        (204, ""),
        (201, SENT_2017),
        (500, SENT_2017),
        (404, NOTENOUGH_2016),
        (200, ""),
        (200, "OK"),
        (200, NGINX_400),
        (200, '{"return_code": "SUCCESS", "result_code": "SUCCESS"}'),
        (200, SENT_2017[:-1]),
        (200, SENT_2017[:200]),
        (200, '<!DOCTYPE xml [<!ENTITY a "b">]>' + SENT_2017),
        (200, SENT_2017.replace("<xml>", "<xml>text")),
        (200, SENT_2017.replace("</xml>", "<result_code>FAIL</result_code></xml>")),
        (200, SENT_2017 + " " * 1_000_000),
        (200, "<xml></xml>"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(status: int, body: str) -> None:
    error = unknown(send_red_pack(), body, status)
    assert "never take a new one" in str(error)
    assert error.code is None
    assert error.raw == body.replace(OPENID, "o000…001")[:4000]


def test_an_unreadable_answer_in_another_encoding_is_kept_as_well_as_may_be() -> None:
    assert unknown(send_red_pack(), "<xml>红包</xml>".encode("gbk")).raw.startswith("<xml>\ufffd")


def test_a_proxy_that_answers_too_many_requests_says_nothing_of_the_packet() -> None:
    assert "HTTP status 429" in str(unknown(send_red_pack(), "slow down", 429))


# What is posted.


@pytest.mark.parametrize("endpoint", CURRENT)
def test_each_call_goes_to_its_path_with_all_fields_signed(endpoint: str) -> None:
    request = CURRENT[endpoint]
    _, post = begin(request)
    document = read(post.body)
    assert post.url == f"https://one.example/mmpaymkttransfers/{endpoint}"
    names = [name for name, _ in request.wire(LimitSet())]
    extra = ["workwx_sign"] if endpoint == "sendworkwxredpack" else []
    assert list(document) == [*names, "mch_id", "nonce_str", *extra, "sign"]
    assert document["mch_id"] == MCH_ID
    assert document["sign"] == sign([(name, str(value)) for name, value in document.items()], API_KEY)


def test_a_whole_body_literally() -> None:
    _, post = begin(query())
    assert post == Post(
        "https://one.example/mmpaymkttransfers/gethbinfo",
        b"<xml>\n<mch_billno><![CDATA[1900000001202501010000000001]]></mch_billno>\n"
        b"<appid><![CDATA[wx0000000000000001]]></appid>\n<bill_type><![CDATA[MCHT]]></bill_type>\n"
        b"<mch_id><![CDATA[1900000001]]></mch_id>\n<nonce_str><![CDATA[4ur9hgns31ufr0gp8yw10jxd7f17fh88]]></nonce_str>\n"
        b"<sign><![CDATA[F72213C83BF44B5960E18303F9D7BB0F]]></sign>\n</xml>",
    )


def test_the_nonce_comes_from_the_dice() -> None:
    nonce = SeededDice(7).token(32)
    for _ in range(2):
        _, post = begin(query(), dice=SeededDice(7))
        assert read(post.body)["nonce_str"] == nonce


@pytest.mark.parametrize(
    ("request_", "secret"),
    [(send_work(), WORKWX_SECRET), (send_work(sender_name=None, agentid=7), "secret-of-agent-7")],
    ids=["pay app", "agent"],
)
def test_an_enterprise_packet_is_signed_with_the_secret_of_its_sender(request_: Any, secret: str) -> None:
    _, post = begin(request_)
    document = {name: str(value) for name, value in read(post.body).items()}
    assert document["workwx_sign"] == workwx_sign(document.items(), secret)


def test_no_other_call_carries_workwx_sign() -> None:
    assert all(
        b"workwx_sign" not in begin(each)[1].body for each in CURRENT.values() if each != CURRENT["sendworkwxredpack"]
    )


def test_a_missing_enterprise_secret_is_named_before_anything_is_posted() -> None:
    bare = Credentials(mch_id=MCH_ID, api_key=API_KEY, certificate=certificate())
    for request, owner in ((send_work(), "enterprise-pay app"), (send_work(sender_name=None, agentid=8), "agent 8")):
        with pytest.raises(BadInput, match=owner) as caught:
            begin(request, credentials=bare)
        assert caught.value.field == "workwx_secrets"


def test_a_bad_value_is_refused_before_anything_is_posted() -> None:
    with pytest.raises(BadInput):
        begin(send_red_pack(total_amount=1))


@pytest.mark.parametrize("host", ["https://one.example/", "https://one.example"])
def test_a_base_url_may_end_in_a_slash(host: str) -> None:
    _, post = begin(query(), hosts=(host,))
    assert post.url == "https://one.example/mmpaymkttransfers/gethbinfo"


# The second host.


def test_the_second_host_gets_the_identical_bytes_when_nothing_was_sent() -> None:
    conversation, first = begin(send_red_pack())
    second = conversation.send(Failure(sent=False, what="no route"))
    assert second == Post("https://two.example/mmpaymkttransfers/sendredpack", first.body)
    with pytest.raises(StopIteration) as end:
        conversation.send(Answer(200, SENT_2017.encode()))
    assert end.value.value == SENT


def test_nothing_is_posted_again_once_something_may_have_been_sent() -> None:
    conversation, _ = begin(send_red_pack())
    with pytest.raises(OutcomeUnknown) as caught:
        conversation.send(Failure(sent=True, what="the connection broke"))
    assert caught.value.sent is True
    assert "the connection broke" in str(caught.value)


def test_the_second_host_may_leave_the_outcome_unknown_too() -> None:
    conversation, _ = begin(send_red_pack())
    conversation.send(Failure(sent=False, what="no route"))
    with pytest.raises(OutcomeUnknown) as caught:
        conversation.send(Failure(sent=True, what="timeout"))
    assert caught.value.sent is True


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, NOTENOUGH_2016.encode()),
        Answer(502, b""),
        Answer(200, b""),
        Answer(200, codes("SUCCESS", "FAIL", "SYSTEMERROR")),
    ],
    ids=["NOTENOUGH", "502", "empty", "SYSTEMERROR"],
)
def test_no_answer_at_all_leads_to_the_second_host(answer: Answer) -> None:
    conversation, _ = begin(send_red_pack())
    with pytest.raises(CallError):
        conversation.send(answer)


def test_nothing_sent_when_no_host_could_be_reached() -> None:
    conversation, _ = begin(send_red_pack())
    conversation.send(Failure(sent=False, what="no route to one"))
    with pytest.raises(NothingSent) as caught:
        conversation.send(Failure(sent=False, what="no route to two"))
    error = caught.value
    assert isinstance(error, SameNumberAgain)
    assert (error.sent, error.same_number, error.raw, error.code) == (False, SameNumber.YES, "", None)
    assert str(error) == (
        f"sendredpack {NUMBER}: no route to one; no route to two. Repeat the identical request with the same number."
    )


# The generic door.


def free(path: str, fields: dict[str, Any], **given: Any) -> tuple[Any, Post]:
    options: dict[str, Any] = {
        "credentials": credentials(),
        "hosts": HOSTS,
        "dice": SeededDice(1),
        "sign_type": "MD5",
        **given,
    }
    conversation = converse_freely(path, fields, **options)
    return conversation, next(conversation)


@pytest.mark.parametrize("path", ["v2/pay/orderquery", "pay/orderquery", "/v2/pay/orderquery/", "v2//pay//orderquery"])
def test_the_generic_door_finds_the_path_with_or_without_v2(path: str) -> None:
    assert free(path, {})[1].url == "https://one.example/pay/orderquery"


@pytest.mark.parametrize(
    "path",
    ["", "/", "v2", "v2/", "pay/../secapi", "pay/.", "pay?x=1", "pay#x", "pay/a b", "pay/\r\nX: 1", "pay/红", "a\\b"],
)
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(BadInput) as caught:
        free(path, {})
    assert caught.value.field == "path"


def test_the_generic_door_adds_nonce_and_sign_and_nothing_else() -> None:
    _, post = free("pay/orderquery", {"mch_id": MCH_ID, "total_fee": 5, "sign": "mine"})
    document = read(post.body)
    assert list(document) == ["mch_id", "total_fee", "nonce_str", "sign"]
    assert document["nonce_str"] == SeededDice(1).token(32)
    assert document["sign"] == sign([(name, str(value)) for name, value in document.items()], API_KEY)


def test_a_nonce_that_is_given_stays() -> None:
    assert read(free("pay/orderquery", {"nonce_str": "mine"})[1].body)["nonce_str"] == "mine"


def test_the_generic_door_signs_with_hmac_where_asked_and_judges_the_reply_by_it() -> None:
    conversation, post = free("pay/orderquery", {"sign_type": "HMAC-SHA256"}, sign_type="HMAC-SHA256")
    assert len(str(read(post.body)["sign"])) == 64
    answer = [("return_code", "SUCCESS"), ("a", "1")]
    body = reply(*answer, ("sign", sign(answer, API_KEY, "HMAC-SHA256")))
    with pytest.raises(StopIteration) as end:
        conversation.send(Answer(200, body))
    assert end.value.value == read(body)


class Word(str, enum.Enum):  # noqa: UP042  the older spelling is the trap
    ONE = "one"


def test_a_typed_word_is_signed_as_it_is_written() -> None:
    document = read(free("pay/orderquery", {"a": Word.ONE})[1].body)
    assert document["a"] == "one"
    assert document["sign"] == sign([(name, str(value)) for name, value in document.items()], API_KEY)


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"a b": "1"}, "a b"), ({"a": "\x00"}, "a"), ({"a": 1.5}, "a"), ({"a": None}, "a"), ({"a": True}, "a")],
)
def test_a_field_that_cannot_be_written_is_refused_at_the_generic_door(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        free("pay/orderquery", fields)
    assert caught.value.field == field


def test_the_generic_door_returns_a_failure_like_any_other_reply() -> None:
    conversation, _ = free("pay/orderquery", {})
    with pytest.raises(StopIteration) as end:
        conversation.send(Answer(200, NOTENOUGH_2016.encode()))
    assert end.value.value == read(NOTENOUGH_2016.encode())


def test_an_unreadable_reply_at_the_generic_door_is_unknown_and_names_path_and_number() -> None:
    conversation, _ = free("v2/secapi/pay/refund", {"mch_billno": NUMBER})
    with pytest.raises(OutcomeUnknown) as caught:
        conversation.send(Answer(502, b"Bad Gateway"))
    assert (caught.value.endpoint, caught.value.order_number) == ("secapi/pay/refund", NUMBER)


def test_a_wrong_sign_at_the_generic_door_is_unknown() -> None:
    conversation, _ = free("pay/orderquery", {})
    with pytest.raises(OutcomeUnknown):
        conversation.send(Answer(200, reply(("return_code", "SUCCESS"), ("sign", "0" * 32))))


def test_the_generic_door_goes_to_the_second_host_with_the_identical_bytes() -> None:
    conversation, first = free("pay/orderquery", {})
    assert conversation.send(Failure(sent=False, what="no route")) == Post(
        "https://two.example/pay/orderquery", first.body
    )
