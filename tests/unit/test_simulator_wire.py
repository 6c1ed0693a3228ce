"""The simulator's replies, byte for byte against literal files, in every era."""

from pathlib import Path

import pytest
from tests.unit.simulator_desk import CORP_ID, DAY, HOUR, MCH_ID, NOON_MS, OPENID, SECOND, Desk, md5_sign

from hongbao.simulator.rules import Era

GOLDEN = Path(__file__).parents[1] / "golden" / "simulator"


def literal(name: str) -> bytes:
    return (GOLDEN / f"{name}.xml").read_bytes()


def send(desk: Desk) -> bytes:
    era = "_2015" if desk.world.state.rules.era == "2015" else ""
    return desk.post("sendredpack", literal(f"request_sendredpack{era}")).departure.body


def query(desk: Desk) -> bytes:
    return desk.post("gethbinfo", literal("request_gethbinfo")).departure.body


@pytest.mark.parametrize(("era", "file"), [("2015", "2015"), ("2016", "2016"), ("2017", "2017"), ("2025", "2017")])
def test_a_sent_packet_is_reported_in_the_bytes_of_its_era(era: Era, file: str) -> None:
    assert send(Desk(era)) == literal(f"sent_{file}")


@pytest.mark.parametrize(("era", "file"), [("2015", "2015"), ("2016", "2016"), ("2017", "2017"), ("2025", "2017")])
def test_an_empty_balance_is_reported_in_the_bytes_of_its_era(era: Era, file: str) -> None:
    assert send(Desk(era, balance_fen=99)) == literal(f"refused_{file}")


def test_a_stuck_order_shows_its_reason() -> None:
    desk = Desk(balance_fen=0)
    send(desk)
    assert query(desk) == literal("found_stuck")


def test_a_sent_packet_shows_neither_reason_nor_receiver() -> None:
    desk = Desk()
    send(desk)
    assert query(desk) == literal("found_sent")


def test_an_opened_packet_shows_who_received_it() -> None:
    desk = Desk()
    send(desk)
    desk.pass_ms(23 * SECOND)
    desk.world.open_packet(MCH_ID, "1900000001202501010000000001")
    assert query(desk) == literal("found_received")


def test_a_refunded_packet_shows_when_and_how_much() -> None:
    desk = Desk()
    send(desk)
    desk.pass_ms(DAY + 2 * HOUR)
    assert query(desk) == literal("found_refunded")


def test_an_unknown_number_is_not_found() -> None:
    assert query(Desk()) == literal("not_found")


def test_an_enterprise_packet_is_reported_all_in_cdata() -> None:
    desk = Desk(settings={"work_secrets": {"": "work-secret"}})
    answer = desk.post("sendworkwxredpack", literal("request_sendworkwxredpack"))
    assert answer.departure.body == literal("sent_work")


def test_an_enterprise_system_error_comes_without_echo() -> None:
    desk = Desk()
    desk.world.add_fault("system_error", path="sendworkwxredpack")
    answer = desk.post("sendworkwxredpack", literal("request_sendworkwxredpack"))
    assert answer.departure.body == literal("system_error_without_echo")


def test_a_pre_order_of_2016_carries_its_ticket() -> None:
    desk = Desk("2016", start_ms=1_465_790_400_000)
    answer = desk.post("hbpreorder", literal("request_hbpreorder"))
    ticket = str(answer["sp_ticket"])
    assert len(ticket) == 155
    assert ticket.startswith("v1|")
    assert answer.departure.body == literal("preordered_2016").replace(b"TICKET", ticket.encode())


def test_an_enterprise_query_is_flat_and_all_in_cdata() -> None:
    desk = Desk()
    desk.call("sendworkwxredpack", mch_billno="w1")
    desk.world.open_packet(MCH_ID, "w1")
    answer = desk.call("queryworkwxredpack", mch_billno="w1")
    assert b"<total_amount><![CDATA[100]]></total_amount>\n" in answer.departure.body
    assert b"<amount><![CDATA[100]]></amount>\n" in answer.departure.body
    assert answer.fields == {
        "return_code": "SUCCESS",
        "return_msg": "OK",
        "result_code": "SUCCESS",
        "err_code": "SUCCESS",
        "err_code_des": "OK",
        "mch_billno": "w1",
        "mch_id": MCH_ID,
        "detail_id": "1000041701202501013000000000001",
        "status": "RECEIVED",
        "send_type": "API",
        "total_amount": "100",
        "send_time": "2025-01-01 12:00:00",
        "wishing": "节日快乐",
        "remark": "备注",
        "act_name": "节日活动",
        "openid": "o_work",
        "amount": "100",
        "rcv_time": "2025-01-01 12:00:00",
        "sender_name": "示例商户",
    }


def test_a_mini_program_packet_carries_a_package_of_the_public_shape() -> None:
    answer = Desk().call("sendminiprogramhb")
    names = ["sendid", "ver", "sign", "mchid", "appid"]
    package = dict(part.split("=") for part in str(answer["package"]).split("&"))
    assert list(package) == names
    assert [len(package[name]) for name in names] == [64, 1, 128, 8, 18]
    assert list(answer.fields)[-1] == "package"


@pytest.mark.parametrize(("era", "bare"), [("2015", True), ("2016", True), ("2017", False), ("2025", False)])
def test_mch_id_is_bare_until_2016(era: Era, bare: bool) -> None:
    body = query(Desk(era))
    assert (f"<mch_id>{MCH_ID}</mch_id>".encode() in body) is bare


def test_a_query_of_2015_has_no_err_code_on_success() -> None:
    desk = Desk("2015")
    send(desk)
    answer = desk.query()
    assert list(answer.fields)[:5] == ["return_code", "return_msg", "result_code", "mch_billno", "mch_id"]


def test_no_reply_carries_a_sign_unless_a_rule_says_so() -> None:
    desk = Desk()
    assert "sign" not in desk.send().fields
    desk.world.change_rules({"signed_replies": ["gethbinfo"]})
    assert list(desk.query().fields)[:3] == ["return_code", "return_msg", "sign"]


def test_a_signed_reply_is_signed_with_the_merchants_key() -> None:
    desk = Desk(rules={"signed_replies": ["sendworkwxredpack"]})
    answer = desk.call("sendworkwxredpack")
    assert answer["sign"] == md5_sign({name: str(value) for name, value in answer.fields.items()})


def test_a_list_of_receivers_starts_with_the_newest() -> None:
    desk = Desk("2017", start_ms=NOON_MS)
    desk.call("sendgroupredpack")
    desk.world.open_packet(MCH_ID, desk.packet().number)
    desk.pass_ms(SECOND)
    desk.world.take_share(MCH_ID, desk.packet().number, "o_friend")
    hblist = desk.query()["hblist"]
    assert [dict(info)["openid"] for _, info in hblist] == ["o_friend", OPENID]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/mmpaymkttransfers/sendredpack", "GET", 405),
        ("/mmpaymkttransfers/sendredpack", "PUT", 405),
        ("/mmpaymkttransfers/transfers", "POST", 404),
        ("/sandboxnew/mmpaymkttransfers/sendredpack", "POST", 404),
        ("/", "GET", 404),
    ],
)
def test_other_methods_and_paths_get_a_page(path: str, method: str, status: int) -> None:
    desk = Desk()
    departure = desk.post(path, b"", method=method).departure
    assert desk.note()[:2] == ("transport", "refused")
    assert (departure.status, departure.content_type) == (status, "text/html")
    assert b"<hr><center>nginx</center>" in departure.body


def test_a_query_string_does_not_hide_the_path() -> None:
    assert Desk().post("/mmpaymkttransfers/sendredpack?a=1", literal("request_sendredpack")).code == "SUCCESS"


def test_an_enterprise_id_counts_as_an_account_for_ordinary_packets() -> None:
    assert Desk().send(wxappid=CORP_ID, re_openid="o_corp").code == "SUCCESS"
