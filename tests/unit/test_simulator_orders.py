"""Orders over time: limits, rolling windows, stuck and rescued orders, expiry, refunds, groups, pre-orders, payers."""

from dataclasses import replace

import pytest
from tests.unit.simulator_desk import (
    APPID,
    DAY,
    FRIENDS,
    HOUR,
    MCH_ID,
    NOON_MS,
    NUMBER,
    OPENID,
    OWN,
    SECOND,
    SENDS,
    Answer,
    Desk,
    body_of,
    md5_sign,
)

from hongbao.errors import BadInput
from hongbao.simulator.merchants import MerchantSettings
from hongbao.simulator.packets import Taken

SUB = "1900000002"


# Repeats


@pytest.mark.parametrize("api", SENDS)
def test_a_repeat_gets_the_same_bytes_and_no_second_packet(api: str) -> None:
    desk = Desk("2017")
    first = desk.call(api)
    desk.pass_ms(HOUR)
    again = desk.call(api, nonce_str="another")
    assert again.departure == first.departure
    assert len(desk.world.packets()) == 1
    assert desk.packet().tries == 2
    assert desk.world.audit() == []


def test_a_success_is_repeated_however_late() -> None:
    """A dead number here would tell a client that the packet never was."""
    desk = Desk("2017")
    first = desk.call("sendredpack")
    desk.pass_ms(40 * DAY)
    assert desk.call("sendredpack").departure == first.departure


def test_a_repeat_with_other_content_changes_nothing() -> None:
    desk = Desk("2017")
    desk.send()
    before = desk.packet()
    assert desk.send(re_openid=FRIENDS[0]).code == "FATAL_ERROR"
    assert desk.send(total_amount="200").code == "FATAL_ERROR"
    assert desk.packet() == before


def test_a_repeat_on_another_path_is_another_order() -> None:
    desk = Desk("2017")
    desk.send()
    assert desk.call("hbpreorder").words == ("FATAL_ERROR", "重复请求时，参数与原单不一致")


def test_a_repeat_may_change_the_wording() -> None:
    desk = Desk("2017")
    first = desk.send()
    assert desk.send(wishing="另一句", remark="r", client_ip="192.0.2.77").departure == first.departure


def test_tries_a_second_apart_are_allowed_and_a_refused_one_does_not_push_the_next_back() -> None:
    desk = Desk()
    desk.send()
    desk.pass_ms(600)
    assert desk.send().code == "FREQ_LIMIT"
    desk.pass_ms(400)
    assert desk.send().code == "SUCCESS"


def test_the_same_number_of_two_merchants_are_two_orders() -> None:
    desk = Desk()
    desk.world.add_merchant(SUB, api_key="k2", balance_fen=1000)
    desk.world.bind_account(SUB, APPID)
    desk.send()
    fields = desk.fields("sendredpack", mch_id=SUB, re_openid=FRIENDS[0], sign=None)
    answer = desk.post(
        "sendredpack",
        body_of({**fields, "sign": md5_sign(fields, "k2")}),
        certificate=replace(OWN, common_name=SUB),
    )
    assert answer.code == "SUCCESS"
    assert [packet.mch_id for packet in desk.world.packets()] == [MCH_ID, SUB]


# Stuck orders


def stuck(cause: str) -> tuple[Desk, str]:
    """A desk with one order held back by `cause`, and the reason shown."""
    if cause == "balance":
        desk = Desk("2017", balance_fen=50)
    elif cause == "risk":
        desk = Desk("2017")
        desk.world.add_person(OPENID, appid=APPID, flagged=True)
    else:
        desk = Desk("2017", settings={cause: 0})
    return desk, str(desk.send()["err_code_des"])


def cure(desk: Desk, cause: str) -> None:
    if cause == "balance":
        desk.world.top_up(MCH_ID, 50)
    elif cause == "risk":
        desk.world.change_person(OPENID, flagged=False)
    else:
        desk.world.change_merchant(MCH_ID, {cause: 1000})


CAUSES = ["balance", "risk", "person_packets_day_max", "person_fen_day_max", "fen_day_max"]


@pytest.mark.parametrize("cause", CAUSES)
def test_a_held_order_shows_its_reason_and_is_not_debited(cause: str) -> None:
    desk, reason = stuck(cause)
    before = desk.balance_fen
    found = desk.query()
    assert (found["status"], found["reason"]) == ("SENDING", reason)
    assert desk.balance_fen == before
    assert desk.world.audit() == []


@pytest.mark.parametrize("cause", CAUSES)
def test_a_held_order_goes_out_when_its_number_is_repeated_after_the_cure(cause: str) -> None:
    desk, _ = stuck(cause)
    listid = desk.packet().listid
    cure(desk, cause)
    assert desk.query()["status"] == "SENDING"
    desk.pass_ms(DAY)
    assert desk.send()["send_listid"] == listid
    found = desk.query()
    assert (found["status"], "reason" in found.fields) == ("SENT", False)
    assert desk.world.audit() == []


@pytest.mark.parametrize("cause", CAUSES)
def test_a_held_order_fails_after_three_days_and_keeps_its_reason(cause: str) -> None:
    desk, reason = stuck(cause)
    desk.pass_ms(3 * DAY - 1)
    assert desk.query()["status"] == "SENDING"
    desk.pass_ms(1)
    assert (desk.query()["status"], desk.query()["reason"]) == ("FAILED", reason)
    cure(desk, cause)
    assert desk.send().code == "SEND_FAILED"


def test_a_repeat_of_a_held_order_does_not_prolong_its_life() -> None:
    desk, _ = stuck("balance")
    desk.pass_ms(2 * DAY)
    assert desk.send().code == "NOTENOUGH"
    desk.pass_ms(DAY)
    assert desk.query()["status"] == "FAILED"


def test_a_number_refused_for_risk_twice_dies_at_the_third_such_try() -> None:
    desk, _ = stuck("risk")
    assert [desk.send().code, desk.send().code, desk.query()["status"]] == ["NO_AUTH", "SEND_FAILED", "FAILED"]


def test_a_number_refused_for_risk_twice_still_goes_out_when_cured() -> None:
    desk, _ = stuck("risk")
    desk.send()
    cure(desk, "risk")
    assert desk.send().code == "SUCCESS"


# Limits


def test_thirty_a_second_and_1800_a_minute_are_judged_in_rolling_windows() -> None:
    desk = Desk(settings={"person_packets_day_max": None, "person_fen_day_max": None})
    codes: list[str] = []
    for number in range(1801):
        if number and number % 30 == 0:
            desk.pass_ms(1000)
        codes.append(desk.send(f"n{number}").code)
    # 60 seconds have passed since the first thirty, so they have left the window.
    assert codes == ["SUCCESS"] * 1801
    assert [desk.send(f"m{number}").code for number in range(30)] == ["SUCCESS"] * 29 + ["FREQ_LIMIT"]


def test_the_second_rolls() -> None:
    desk = Desk(settings={"rate_second_max": 2})
    seen: list[str] = []
    for wait_ms in (0, 600, 300, 99, 1, 0, 600):
        desk.pass_ms(wait_ms)
        seen.append(desk.send(f"n{len(seen)}").code)
    # At 0, 600, 900, 999, 1000, 1000, 1600 ms.
    assert seen == ["SUCCESS", "SUCCESS", "FREQ_LIMIT", "FREQ_LIMIT", "SUCCESS", "FREQ_LIMIT", "SUCCESS"]


def test_the_minute_rolls() -> None:
    desk = Desk("2017", settings={"rate_minute_max": 2})
    seen: list[str] = []
    for wait_ms in (0, 30_000, 29_999, 1, 0, 30_000):
        desk.pass_ms(wait_ms)
        seen.append(desk.send(f"n{len(seen)}").code)
    assert seen == ["SUCCESS", "SUCCESS", "FREQ_LIMIT", "SUCCESS", "FREQ_LIMIT", "SUCCESS"]


def test_a_call_above_the_rate_leaves_no_record() -> None:
    desk = Desk("2017", settings={"rate_minute_max": 0})
    assert desk.send().code == "FREQ_LIMIT"
    assert desk.query().code == "NOT_FOUND"


def test_repeats_of_a_sent_number_do_not_use_up_the_rate() -> None:
    desk = Desk("2017", settings={"rate_minute_max": 2})
    assert [desk.send("n1").code for _ in range(5)] == ["SUCCESS"] * 5
    assert [desk.send("n2").code, desk.send("n3").code] == ["SUCCESS", "FREQ_LIMIT"]


def test_the_limits_of_a_person_end_at_midnight_in_beijing() -> None:
    desk = Desk("2017", settings={"person_packets_day_max": 1}, start_ms=NOON_MS + 12 * HOUR - 2000)
    desk.send("n1")
    desk.pass_ms(1999)
    assert desk.send("n2").code == "SENDNUM_LIMIT"
    desk.pass_ms(1)
    assert desk.send("n2").code == "SUCCESS"


def test_the_limits_of_a_person_count_each_person_apart() -> None:
    desk = Desk("2017", settings={"person_packets_day_max": 1})
    assert [desk.send(f"n{number}", re_openid=FRIENDS[number]).code for number in range(3)] == ["SUCCESS"] * 3


def test_a_held_order_does_not_count_for_the_day() -> None:
    desk = Desk("2017", balance_fen=100, settings={"person_packets_day_max": 1})
    assert desk.send("n1", total_amount="101").code == "NOTENOUGH"
    assert desk.send("n2").code == "SUCCESS"


def test_the_amount_limits_may_be_used_up_exactly() -> None:
    desk = Desk("2017", settings={"person_fen_day_max": 300, "fen_day_max": 400})
    assert desk.send("n1", total_amount="300").code == "SUCCESS"
    assert desk.send("n2", total_amount="100").code == "RCVDAMOUNT_LIMIT"
    assert desk.send("n3", re_openid=FRIENDS[0]).code == "SUCCESS"
    assert desk.send("n4", re_openid=FRIENDS[1]).code == "SENDAMOUNT_LIMIT"


@pytest.mark.parametrize(
    ("era", "api", "hour", "code"),
    [
        ("2015", "sendredpack", 0, "TIME_LIMITED"),
        ("2015", "sendredpack", 8, "SUCCESS"),
        ("2015", "hbpreorder", 7, "TIME_LIMITED"),
        ("2016", "sendredpack", 3, "SUCCESS"),
        ("2016", "sendgroupredpack", 3, "TIME_LIMITED"),
        ("2017", "hbpreorder", 3, "TIME_LIMITED"),
        ("2017", "sendgroupredpack", 23, "SUCCESS"),
        ("2025", "sendredpack", 3, "SUCCESS"),
        ("2025", "hbpreorder", 3, "SUCCESS"),
        ("2025", "sendworkwxredpack", 3, "SUCCESS"),
    ],
)
def test_quiet_hours_by_era(era: str, api: str, hour: int, code: str) -> None:
    desk = Desk(era, start_ms=NOON_MS + (hour - 12) * HOUR)
    assert desk.call(api).code == code


def test_a_merchant_may_be_freed_of_quiet_hours() -> None:
    desk = Desk("2015", start_ms=NOON_MS - 9 * HOUR, settings={"quiet_hours": False})
    assert desk.send().code == "SUCCESS"


def test_one_packet_per_person_and_minute_in_2016() -> None:
    desk = Desk("2016")
    assert desk.send("n1").code == "SUCCESS"
    assert desk.send("n2", re_openid=FRIENDS[0]).code == "SUCCESS"
    desk.pass_ms(59_999)
    assert desk.send("n3").code == "FREQ_LIMIT"
    desk.pass_ms(1)
    assert desk.send("n3").code == "SUCCESS"


@pytest.mark.parametrize(("level", "allowed"), [(0, 10), (1, 6), (2, 4), (3, 2)])
def test_anti_brush_levels_refuse_a_person_after_so_many_packets_in_ten_minutes(level: int, allowed: int) -> None:
    desk = Desk("2017", settings={"brush_level": level, "person_packets_day_max": None})
    codes = [desk.send(f"n{number}").code for number in range(10)]
    assert codes == ["SUCCESS"] * allowed + ["NO_AUTH"] * (10 - allowed)
    desk.pass_ms(10 * 60 * SECOND)
    assert desk.send("later").code == "SUCCESS"


@pytest.mark.parametrize(
    ("era", "expected"),
    [
        ("2015", (1800, None, None, None, None, 10_000)),
        ("2016", (1800, None, 10, None, None, 10_000)),
        ("2017", (1800, None, 10, None, None, 10_000)),
        ("2025", (1800, 30, 10, 100_000, 100_000_000, 10_000)),
    ],
)
def test_the_limits_a_merchant_starts_with(era: str, expected: tuple[int | None, ...]) -> None:
    settings: MerchantSettings = Desk(era).world.state.merchants[MCH_ID].settings
    assert (
        settings.rate_minute_max,
        settings.rate_second_max,
        settings.person_packets_day_max,
        settings.person_fen_day_max,
        settings.fen_day_max,
        settings.packets_day_max,
    ) == expected


# Expiry and refund


@pytest.mark.parametrize(("era", "expiry_ms"), [("2015", 3 * DAY), ("2016", 3 * DAY), ("2017", DAY), ("2025", DAY)])
def test_an_unopened_packet_goes_back_after_the_time_of_its_era(era: str, expiry_ms: int) -> None:
    desk = Desk(era)
    before = desk.balance_fen
    desk.send()
    desk.pass_ms(expiry_ms - 1)
    assert (desk.packet().status, desk.balance_fen) == ("SENT", before - 100)
    desk.pass_ms(1)
    if era == "2015":
        assert (desk.packet().status, desk.balance_fen) == ("REFUND", before)
        return
    assert (desk.packet().status, desk.balance_fen) == ("RFUND_ING", before - 100)
    desk.pass_ms(2 * HOUR)
    assert (desk.packet().status, desk.balance_fen) == ("REFUND", before)
    assert desk.world.audit() == []


def test_a_jump_of_forty_days_does_each_thing_at_its_own_time() -> None:
    desk = Desk("2017", balance_fen=100)
    desk.send("n1")
    desk.pass_ms(HOUR)
    desk.send("n2")
    desk.pass_ms(40 * DAY)
    first, second = desk.packet("n1"), desk.packet("n2")
    assert (first.status, first.refund_ms) == ("REFUND", NOON_MS + DAY + 2 * HOUR)
    assert (second.status, second.reason) == ("FAILED", "帐号余额不足，请到商户平台充值后再重试")
    assert desk.balance_fen == 100


def test_what_is_due_happens_in_order() -> None:
    """A scheduled completion finds the money that a refund before it has brought back."""
    desk = Desk("2017", balance_fen=100)
    desk.send("n1")
    desk.world.add_fault("processing_then_sent", wait_ms=DAY + 2 * HOUR + 1)
    assert desk.send("n2", re_openid=FRIENDS[0]).code == "PROCESSING"
    desk.pass_ms(40 * DAY)
    assert desk.packet("n2").sent_ms == NOON_MS + DAY + 2 * HOUR + 1
    assert desk.world.audit() == []


def test_what_is_due_before_the_money_is_back_is_held() -> None:
    desk = Desk("2017", balance_fen=100)
    desk.send("n1")
    desk.world.add_fault("processing_then_sent", wait_ms=DAY + 2 * HOUR - 1)
    desk.send("n2", re_openid=FRIENDS[0])
    desk.pass_ms(2 * DAY)
    assert (desk.packet("n2").status, desk.packet("n2").reason) == ("SENDING", "帐号余额不足，请到商户平台充值后再重试")


# Groups


def group(desk: Desk, **changes: str) -> Answer:
    return desk.call("sendgroupredpack", **changes)


def test_a_group_is_taken_share_by_share() -> None:
    desk = Desk("2017")
    group(desk)
    desk.world.open_packet(MCH_ID, NUMBER)
    desk.world.take_share(MCH_ID, NUMBER, FRIENDS[0])
    assert desk.query()["status"] == "SENT"
    packet = desk.world.take_share(MCH_ID, NUMBER, FRIENDS[1])
    assert [share.openid for share in packet.shares] == [OPENID, FRIENDS[0], FRIENDS[1]]
    assert sum(share.fen for share in packet.shares) == 600
    found = desk.query()
    assert (found["status"], found["hb_type"], found["total_num"]) == ("RECEIVED", "GROUP", "3")
    assert desk.world.audit() == []


def test_what_is_left_of_a_group_goes_back() -> None:
    desk = Desk("2017")
    before = desk.balance_fen
    group(desk)
    taken = desk.world.open_packet(MCH_ID, NUMBER).shares[0].fen
    desk.pass_ms(DAY + 2 * HOUR)
    found = desk.query()
    assert (found["status"], found["refund_amount"]) == ("REFUND", str(600 - taken))
    assert len(found["hblist"]) == 1
    assert desk.balance_fen == before - taken
    assert desk.world.audit() == []


@pytest.mark.parametrize(
    ("openid", "fault"), [(FRIENDS[0], "is not the recipient"), ("again", "has already taken a share")]
)
def test_the_seed_user_comes_first_and_nobody_twice(openid: str, fault: str) -> None:
    desk = Desk("2017")
    group(desk)
    if openid == "again":
        desk.world.open_packet(MCH_ID, NUMBER)
        openid = OPENID
    with pytest.raises(BadInput, match=fault):
        desk.world.take_share(MCH_ID, NUMBER, openid)


def test_the_same_seed_splits_the_same_order_the_same_way() -> None:
    def shares(seed: int, number: str) -> list[int]:
        desk = Desk("2017", seed=seed)
        group(desk, mch_billno=number, total_num="20", total_amount="9999")
        return desk.world.state.packets[MCH_ID, number].shares

    assert shares(1, "n1") == shares(1, "n1")
    assert shares(1, "n1") != shares(2, "n1")
    assert shares(1, "n1") != shares(1, "n2")


@pytest.mark.parametrize(
    ("split", "amounts", "expected"),
    [("ALL_SPECIFIED", "200|100|300", [200, 100, 300]), ("SEED_SPECIFIED", "598", [598, 1, 1])],
)
def test_own_splits_of_2015_are_taken_in_their_order(split: str, amounts: str, expected: list[int]) -> None:
    desk = Desk("2015")
    group(desk, amt_type=split, amt_list=amounts)
    desk.world.open_packet(MCH_ID, NUMBER)
    desk.world.take_share(MCH_ID, NUMBER, FRIENDS[0])
    packet = desk.world.take_share(MCH_ID, NUMBER, FRIENDS[1])
    assert [share.fen for share in packet.shares] == expected


def test_withdrawn_groups_answer_as_configured() -> None:
    desk = Desk(rules={"group_withdrawn_code": "API_METHOD_CLOSED", "group_withdrawn_text": "已下线"})
    assert group(desk).words == ("API_METHOD_CLOSED", "已下线")
    desk.world.change_merchant(MCH_ID, {"group_open": True})
    assert group(desk).code == "SUCCESS"


def test_an_ordinary_packet_has_no_shares_to_take() -> None:
    desk = Desk()
    desk.send()
    with pytest.raises(BadInput, match="is not a group packet"):
        desk.world.take_share(MCH_ID, NUMBER, OPENID)


def test_an_ordinary_packet_is_opened_by_its_recipient_alone() -> None:
    desk = Desk()
    desk.send()
    with pytest.raises(BadInput, match="is not the recipient"):
        desk.world.open_packet(MCH_ID, NUMBER, FRIENDS[0])
    assert desk.world.open_packet(MCH_ID, NUMBER, OPENID).status == "RECEIVED"


# Pre-orders


def ticket(desk: Desk, **changes: str) -> str:
    return str(desk.call("hbpreorder", **changes)["sp_ticket"])


def test_a_drawn_ticket_is_opened_by_who_drew_it() -> None:
    desk = Desk()
    one = ticket(desk)
    with pytest.raises(BadInput, match="nobody has drawn this ticket"):
        desk.world.open_packet(MCH_ID, NUMBER)
    assert desk.world.bind_ticket(one, OPENID).openid == OPENID
    assert desk.world.open_packet(MCH_ID, NUMBER).status == "RECEIVED"
    assert desk.query()["status"] == "RECEIVED"


@pytest.mark.parametrize("drawn", [False, True])
def test_a_ticket_goes_back_after_72_hours(drawn: bool) -> None:
    desk = Desk()
    before = desk.balance_fen
    one = ticket(desk)
    if drawn:
        desk.world.bind_ticket(one, OPENID)
    desk.pass_ms(3 * DAY - 1)
    assert desk.packet().status == "SENT"
    desk.pass_ms(1 + 2 * HOUR)
    assert (desk.packet().status, desk.balance_fen) == ("REFUND", before)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"auth_mchid": "10000098"}, "lacks auth_mchid"),
        ({"auth_appid": "wx7777777"}, "lacks auth_mchid"),
        ({"total_amount": "99"}, "below 1 yuan"),
    ],
)
def test_a_pre_order_that_cannot_be_drawn(changes: dict[str, str], fault: str) -> None:
    desk = Desk()
    one = ticket(desk, **changes)
    with pytest.raises(BadInput, match=fault):
        desk.world.bind_ticket(one, OPENID)


def test_a_ticket_is_drawn_once() -> None:
    desk = Desk()
    one = ticket(desk)
    desk.world.bind_ticket(one, OPENID)
    with pytest.raises(BadInput, match="bound already"):
        desk.world.bind_ticket(one, FRIENDS[0])


def test_an_expired_ticket_is_not_drawn() -> None:
    desk = Desk()
    one = ticket(desk)
    desk.pass_ms(3 * DAY)
    with pytest.raises(BadInput, match="the ticket is RFUND_ING"):
        desk.world.bind_ticket(one, OPENID)


@pytest.mark.parametrize(
    ("risk_cntl", "day", "brush"),
    [
        ("NORMAL", True, True),
        ("IGN_DAY_LMT", False, True),
        ("IGN_FREQ_LMT", True, False),
        ("IGN_FREQ_DAY_LMT", False, False),
    ],
)
@pytest.mark.parametrize("limit", ["day", "brush"])
def test_risk_cntl_switches_limits_of_a_person_off(limit: str, risk_cntl: str, day: bool, brush: bool) -> None:
    settings = {"person_packets_day_max": 2} if limit == "day" else {"brush_level": 3}
    desk = Desk(settings=settings)
    for number in ("n1", "n2"):
        desk.world.bind_ticket(ticket(desk, mch_billno=number), OPENID)
    last = ticket(desk, mch_billno="n3", risk_cntl=risk_cntl)
    if day if limit == "day" else brush:
        with pytest.raises(BadInput, match="may not draw"):
            desk.world.bind_ticket(last, OPENID)
    else:
        assert desk.world.bind_ticket(last, OPENID).openid == OPENID


def test_a_shared_pre_order_is_split_among_its_people() -> None:
    desk = Desk()
    one = ticket(desk, hb_type="GROUP", total_num="2", total_amount="200")
    desk.world.bind_ticket(one, OPENID)
    desk.world.open_packet(MCH_ID, NUMBER)
    packet = desk.world.take_share(MCH_ID, NUMBER, FRIENDS[0])
    assert (packet.status, sum(share.fen for share in packet.shares)) == ("RECEIVED", 200)
    assert desk.query()["hb_type"] == "GROUP"


def test_a_pre_order_may_be_hidden_from_queries_by_a_rule() -> None:
    desk = Desk(rules={"preorder_queryable": False})
    ticket(desk)
    assert desk.query().code == "NOT_FOUND"


# Who pays


def provider(**settings: object) -> Desk:
    desk = Desk(settings={"sub_merchants": [SUB]})
    desk.world.add_merchant(SUB, api_key="k", balance_fen=1000)
    desk.world.bind_account(SUB, "wx_sub")
    desk.world.add_merchant("1900000003", api_key="k", balance_fen=1000, settings=settings)
    return desk


@pytest.mark.parametrize(
    ("fields", "payer"),
    [
        ({}, MCH_ID),
        ({"consume_mch_id": "1900000003"}, MCH_ID),
        ({"sub_mch_id": SUB, "msgappid": "wx_sub"}, SUB),
        ({"sub_mch_id": SUB, "msgappid": APPID}, SUB),
        ({"sub_mch_id": SUB, "msgappid": APPID, "consume_mch_id": MCH_ID}, MCH_ID),
        ({"sub_mch_id": SUB, "msgappid": APPID, "consume_mch_id": "1900000003"}, "1900000003"),
    ],
)
def test_who_is_debited_and_gets_the_money_back(fields: dict[str, str], payer: str) -> None:
    desk = provider(pays_for=[MCH_ID])
    before = desk.world.merchant(payer).balance_fen
    assert desk.send(**fields).code == "SUCCESS"
    assert desk.packet().payer == payer
    assert desk.world.merchant(payer).balance_fen == before - 100
    desk.pass_ms(DAY + 2 * HOUR)
    assert desk.world.merchant(payer).balance_fen == before
    assert desk.world.audit() == []


def test_a_frozen_payer_does_not_pay() -> None:
    desk = provider(pays_for=[MCH_ID], frozen=True)
    answer = desk.send(sub_mch_id=SUB, msgappid=APPID, consume_mch_id="1900000003")
    assert answer.code == "PAYER_ACCOUNT_ABNORMAL"


# The audit


def test_the_audit_first_does_what_is_due() -> None:
    desk = Desk("2017")
    desk.send()
    desk.world.clock.jump_by(2 * DAY)
    assert desk.world.audit() == []
    assert desk.world.state.packets[MCH_ID, NUMBER].status == "REFUND"


def test_the_audit_finds_money_that_moved_without_a_packet() -> None:
    desk = Desk()
    desk.send()
    desk.world.state.merchants[MCH_ID].balance_fen += 1
    assert [finding.fault for finding in desk.world.audit()] == ["balance_fen is 9999901, the packets say 9999900"]


def test_the_audit_finds_a_packet_that_gave_more_than_it_had() -> None:
    desk = Desk()
    desk.send()
    desk.world.open_packet(MCH_ID, NUMBER)
    desk.world.state.packets[MCH_ID, NUMBER].taken.append(Taken(OPENID, 1, 0))
    assert [finding.fault for finding in desk.world.audit()] == [
        "more was taken than was put in",
        "somebody took two shares",
        "RECEIVED, but something is left",
    ]
