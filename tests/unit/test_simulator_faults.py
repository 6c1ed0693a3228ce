"""Every kind of fault: what leaves the desk, and what has happened to the packet."""

import pytest
from tests.unit.simulator_desk import DAY, FRIENDS, MCH_ID, NUMBER, OPENID, SECOND, Desk, body_of

from hongbao.errors import BadInput
from hongbao.simulator.faults import KINDS
from hongbao.wechat import xml


def desk_with(kind: str, **rule: object) -> Desk:
    desk = Desk("2017")
    desk.world.add_fault(kind, **rule)
    return desk


def happened(desk: Desk) -> bool:
    return [packet.status for packet in desk.world.packets()] == ["SENT"]


@pytest.mark.parametrize(("kind", "effect"), [("no_answer_before", False), ("no_answer_after", True)])
def test_no_answer_before_or_after_processing(kind: str, effect: bool) -> None:
    desk = desk_with(kind, count=1)
    assert desk.send().departure.silent
    assert happened(desk) is effect
    assert desk.world.requests()[0].faults == (kind,)
    # The same number rescues it: one packet, debited once.
    assert desk.send().code == "SUCCESS"
    assert desk.balance_fen == 9_999_900


@pytest.mark.parametrize(("effect", "expected"), [(None, True), (True, True), (False, False)])
def test_a_cut_without_a_byte(effect: bool | None, expected: bool) -> None:
    desk = desk_with("cut_before_reply", effect=effect)
    assert desk.send().departure.cut_after == 0
    assert happened(desk) is expected


def test_a_cut_in_the_middle_of_the_reply() -> None:
    desk = desk_with("cut_mid_reply")
    departure = desk.send().departure
    assert departure.cut_after is not None
    assert 160 < departure.cut_after < 160 + len(departure.body)
    assert happened(desk)


def test_a_slow_reply() -> None:
    desk = desk_with("slow", wait_ms=1500)
    answer = desk.send()
    assert (answer.code, answer.departure.wait_ms) == ("SUCCESS", 1500)


@pytest.mark.parametrize(("status", "effect"), [(400, False), (502, True), (502, False), (504, True)])
def test_a_page_instead_of_a_reply(status: int, effect: bool) -> None:
    desk = desk_with("http_status", status=status, effect=effect)
    departure = desk.send().departure
    assert (departure.status, departure.content_type) == (status, "text/html")
    assert departure.body.startswith(b"<html>")
    assert happened(desk) is effect


@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize("echo", [None, False, True])
def test_a_system_error(effect: bool, echo: bool | None) -> None:
    desk = desk_with("system_error", effect=effect, echo=echo)
    answer = desk.send()
    assert answer.code == "SYSTEMERROR"
    assert ("mch_billno" in answer.fields) is (echo is not False)
    assert happened(desk) is effect
    desk.world.clear_faults()
    assert desk.query().code == ("SUCCESS" if effect else "NOT_FOUND")


@pytest.mark.parametrize("effect", [False, True])
def test_an_unknown_code(effect: bool) -> None:
    desk = desk_with("unknown_code", code="NEW_CODE", text="新错误", effect=effect)
    answer = desk.send()
    assert answer.words == ("NEW_CODE", "新错误")
    assert answer["mch_billno"] == NUMBER
    assert happened(desk) is effect


def test_processing_rests_as_sending_without_a_reason_and_fails_after_a_day() -> None:
    desk = desk_with("processing", count=1)
    assert desk.send().code == "PROCESSING"
    found = desk.query()
    assert (found["status"], "reason" in found.fields) == ("SENDING", False)
    desk.pass_ms(DAY)
    found = desk.query()
    assert (found["status"], "reason" in found.fields) == ("FAILED", False)
    assert desk.balance_fen == 10_000_000


def test_processing_is_answered_again_for_twenty_minutes_and_then_tried_afresh() -> None:
    desk = desk_with("processing", count=1)
    desk.send()
    desk.pass_ms(20 * 60 * SECOND - 1)
    assert desk.send().code == "PROCESSING"
    desk.pass_ms(1)
    assert desk.send().code == "SUCCESS"
    assert happened(desk)


def test_an_order_rescued_from_processing_has_a_day_of_its_own_to_be_opened() -> None:
    """The deadline of the processing time is no longer its deadline."""
    desk = desk_with("processing", count=1)
    desk.send()
    desk.pass_ms(20 * 60 * SECOND)
    desk.send()
    desk.pass_ms(DAY - 1)
    assert desk.query()["status"] == "SENT"
    desk.pass_ms(1)
    assert desk.query()["status"] == "RFUND_ING"


def test_processing_that_is_sent_later() -> None:
    desk = desk_with("processing_then_sent", wait_ms=30 * 60 * SECOND)
    desk.send()
    desk.pass_ms(30 * 60 * SECOND - 1)
    assert (desk.send().code, desk.query()["status"]) == ("PROCESSING", "SENDING")
    desk.pass_ms(1)
    assert (desk.query()["status"], desk.send().code) == ("SENT", "SUCCESS")
    assert desk.world.audit() == []


def test_processing_that_fails_later() -> None:
    desk = desk_with("processing_then_failed", wait_ms=60 * SECOND)
    desk.send()
    desk.pass_ms(60 * SECOND)
    assert (desk.query()["status"], desk.send().code) == ("FAILED", "SEND_FAILED")
    assert desk.balance_fen == 10_000_000


def test_a_packet_hidden_from_queries_for_a_while_after_its_success() -> None:
    desk = desk_with("not_found_for", wait_ms=60 * SECOND)
    assert desk.send().code == "SUCCESS"
    desk.pass_ms(60 * SECOND - 1)
    assert desk.query().code == "NOT_FOUND"
    assert desk.note() == ("order", "refused", "hidden by a fault")
    desk.pass_ms(1)
    assert desk.query()["status"] == "SENT"


def test_a_received_packet_without_its_receivers() -> None:
    desk = desk_with("received_without_hblist", count=1)
    desk.send()
    desk.query()
    desk.world.open_packet(MCH_ID, NUMBER)
    found = desk.query()
    assert (found["status"], "hblist" in found.fields) == ("RECEIVED", False)
    assert "hblist" in desk.query().fields


def test_a_received_enterprise_packet_without_its_receiver() -> None:
    desk = desk_with("received_without_hblist", count=1)
    desk.call("sendworkwxredpack")
    desk.world.open_packet(MCH_ID, NUMBER)
    found = desk.call("queryworkwxredpack")
    assert (found["status"], {"openid", "amount", "rcv_time"} & set(found.fields)) == ("RECEIVED", set())
    assert desk.call("queryworkwxredpack")["amount"] == "100"


def test_reordered_elements_are_the_same_elements() -> None:
    plain = Desk("2017").send().fields
    desk = desk_with("reordered_elements")
    shuffled = desk.send().fields
    assert shuffled == plain
    assert list(shuffled) != list(plain)


def test_extra_elements_come_on_top() -> None:
    plain = Desk("2017").send().fields
    fields = desk_with("extra_elements").send().fields
    assert fields == {**plain, "new_element": "nobody knows it yet", "new_list": [("new_entry", [("new_count", "1")])]}


def test_several_faults_strike_together() -> None:
    desk = desk_with("slow", wait_ms=10)
    desk.world.add_fault("unknown_code", code="X", effect=True)
    desk.world.add_fault("no_answer_after")
    answer = desk.send()
    assert (answer.code, answer.departure.wait_ms, answer.departure.silent) == ("X", 10, True)
    assert desk.world.requests()[0].faults == ("slow", "unknown_code", "no_answer_after")


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ({"path": "sendredpack"}, True),
        ({"path": "/mmpaymkttransfers/sendredpack"}, True),
        ({"path": "gethbinfo"}, False),
        ({"mch_id": MCH_ID}, True),
        ({"mch_id": "1"}, False),
        ({"openid": OPENID}, True),
        ({"openid": FRIENDS[0]}, False),
        ({"number": NUMBER}, True),
        ({"number": "n2"}, False),
        ({"share": 0.0}, False),
        ({"count": 0}, False),
        ({"after": 1}, False),
        ({"path": "sendredpack", "mch_id": MCH_ID, "openid": OPENID, "number": NUMBER}, True),
        ({"openid": OPENID, "number": "n2"}, False),
    ],
)
def test_which_calls_a_rule_strikes(rule: dict[str, object], hit: bool) -> None:
    desk = desk_with("no_answer_before", **rule)
    assert desk.send().departure.silent is hit


def test_count_and_after_choose_which_calls_are_hit() -> None:
    desk = desk_with("no_answer_before", after=2, count=3)
    hits = [desk.send(f"n{number}").departure.silent for number in range(8)]
    assert hits == [False, False, True, True, True, False, False, False]
    assert [(rule.matched, rule.applied) for rule in desk.world.faults()] == [(8, 3)]


def test_a_share_of_calls_is_decided_by_the_seed() -> None:
    def hits(seed: int) -> list[bool]:
        desk = Desk(seed=seed)
        desk.world.add_fault("no_answer_before", share=0.25)
        return [desk.send(f"n{number}").departure.silent for number in range(400)]

    assert hits(1) == hits(1)
    assert hits(1) != hits(2)
    assert 60 < sum(hits(1)) < 140


def test_a_refused_call_is_not_struck_where_a_packet_would_be_made() -> None:
    desk = desk_with("processing", count=1)
    assert desk.send(sign="0" * 32).code == "SIGN_ERROR"
    assert desk.world.faults()[0].applied == 0


def test_a_client_without_certificate_gets_no_fault() -> None:
    desk = desk_with("no_answer_before")
    answer = desk.post("sendredpack", body_of(desk.fields("sendredpack")), certificate=None)
    assert answer.code == "CA_ERROR"


def test_a_fault_strikes_a_body_that_cannot_be_read() -> None:
    desk = desk_with("no_answer_before")
    assert desk.post("sendredpack", b"<xml>").departure.silent


@pytest.mark.parametrize(
    ("kind", "rule", "field"),
    [
        ("lost", {}, "kind"),
        ("slow", {}, "wait_ms"),
        ("slow", {"wait_ms": -1}, "wait_ms"),
        ("processing_then_sent", {}, "wait_ms"),
        ("processing_then_failed", {}, "wait_ms"),
        ("not_found_for", {}, "wait_ms"),
        ("http_status", {"status": 200}, "status"),
        ("unknown_code", {}, "code"),
        ("no_answer_before", {"share": 1.5}, "share"),
        ("no_answer_before", {"share": -0.1}, "share"),
        ("no_answer_before", {"count": -1}, "count"),
        ("no_answer_before", {"after": -1}, "after"),
        ("no_answer_before", {"path": "pay"}, "path"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(kind: str, rule: dict[str, object], field: str) -> None:
    desk = Desk()
    with pytest.raises(BadInput) as refused:
        desk.world.add_fault(kind, **rule)
    assert refused.value.field == field
    assert desk.world.faults() == []


def test_faults_are_cleared_one_by_one_or_together() -> None:
    desk = Desk()
    for _ in range(3):
        desk.world.add_fault("no_answer_before", count=0)
    assert [rule.id for rule in desk.world.clear_faults(2)] == [1, 3]
    with pytest.raises(BadInput, match="no fault 2"):
        desk.world.clear_faults(2)
    assert desk.world.clear_faults() == []
    assert desk.world.add_fault("no_answer_before").id == 4


def test_every_kind_of_fault_can_be_added() -> None:
    desk = Desk()
    for kind in KINDS:
        desk.world.add_fault(kind, wait_ms=1, code="X")
    assert [rule.kind for rule in desk.world.faults()] == list(KINDS)


def test_a_struck_reply_is_still_xml() -> None:
    desk = desk_with("reordered_elements")
    desk.world.add_fault("extra_elements")
    assert xml.read(desk.send().departure.body)["err_code"] == "SUCCESS"
