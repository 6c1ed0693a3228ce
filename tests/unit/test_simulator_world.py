"""The verbs of the world, its journal, its rules, and what they refuse."""

import json
from collections.abc import Callable

import pytest
from tests.unit.simulator_desk import APPID, FRIENDS, KEY, MCH_ID, NOON_MS, NUMBER, OPENID, SECOND, Desk

from hongbao.errors import BadInput
from hongbao.simulator.journal import BODIES_MAX, CHECKS
from hongbao.simulator.views import ClockView, Finding, MerchantView, PersonView, ShareView, to_json
from hongbao.simulator.world import World

# Merchants, people, packets


def test_a_merchant_is_shown_without_its_secrets() -> None:
    world = World(era="2017")
    view = world.add_merchant("1", api_key=KEY, balance_fen=5, settings={"work_secrets": {"": "s"}, "scenes": {"A": 1}})
    assert isinstance(view, MerchantView)
    assert (view.mch_id, view.balance_fen, view.funded_fen, view.accounts) == ("1", 5, 5, {})
    assert view.settings["scenes"] == {"A": 1}
    assert {"api_key", "work_secrets"} & set(view.settings) == set()
    assert world.merchant("1") == view


def test_a_merchants_money_is_shown_by_where_it_went() -> None:
    desk = Desk(balance_fen=100)
    desk.world.top_up(MCH_ID, 200)
    desk.send("n1")
    desk.send("n2")
    desk.world.open_packet(MCH_ID, "n1")
    desk.pass_ms(86_400_000 + 7_200_000)
    view = desk.world.merchant(MCH_ID)
    assert (view.funded_fen, view.paid_fen, view.refunded_fen, view.balance_fen) == (300, 200, 100, 200)


def test_an_appid_may_serve_several_merchants_but_has_one_kind() -> None:
    desk = Desk()
    desk.world.add_merchant("1", api_key=KEY)
    assert desk.world.bind_account("1", APPID).accounts == {APPID: "official"}
    with pytest.raises(BadInput, match="an appid has one kind"):
        desk.world.bind_account("1", APPID, kind="mini")


def test_people_become_known_by_being_sent_to() -> None:
    desk = Desk()
    desk.world.add_person("o_known", appid=APPID)
    desk.send()
    assert desk.world.people() == [PersonView("o_known", APPID, False), PersonView(OPENID, APPID, False)]
    assert desk.world.people(limit=1, offset=1) == [PersonView(OPENID, APPID, False)]


def test_packets_are_listed_oldest_first_by_status_and_page() -> None:
    desk = Desk()
    for number in range(5):
        desk.send(f"n{number}", re_openid=FRIENDS[number])
    desk.world.open_packet(MCH_ID, "n2")
    numbers: Callable[..., list[str]] = lambda **choice: [packet.number for packet in desk.world.packets(**choice)]  # noqa: E731
    assert numbers() == ["n0", "n1", "n2", "n3", "n4"]
    assert numbers(status="RECEIVED") == ["n2"]
    assert numbers(status="SENT", offset=1, limit=2) == ["n1", "n3"]
    assert numbers(mch_id="1") == []


def test_an_opened_packet_shows_its_share() -> None:
    desk = Desk()
    desk.send()
    view = desk.world.open_packet(MCH_ID, NUMBER)
    assert view.shares == (ShareView(OPENID, 100, NOON_MS),)
    assert (view.status, view.due_ms, view.send_name) == ("RECEIVED", None, "示例商户")


BAD_VERBS: list[tuple[str, Callable[[World], object]]] = [
    ("mch_id", lambda world: world.add_merchant("x", api_key=KEY)),
    ("mch_id", lambda world: world.add_merchant(MCH_ID, api_key=KEY)),
    ("mch_id", lambda world: world.merchant("1")),
    ("mch_id", lambda world: world.top_up("1", 1)),
    ("api_key", lambda world: world.add_merchant("1", api_key="")),
    ("balance_fen", lambda world: world.add_merchant("1", api_key=KEY, balance_fen=-1)),
    ("brush_level", lambda world: world.add_merchant("1", api_key=KEY, settings={"brush_level": 4})),
    ("colour", lambda world: world.change_merchant(MCH_ID, {"colour": "red"})),
    ("frozen", lambda world: world.change_merchant(MCH_ID, {"frozen": 1})),
    ("scenes", lambda world: world.change_merchant(MCH_ID, {"scenes": {"PRODUCT_1": -1}})),
    ("addresses", lambda world: world.change_merchant(MCH_ID, {"addresses": "192.0.2.1"})),
    ("rate_minute_max", lambda world: world.change_merchant(MCH_ID, {"rate_minute_max": True})),
    ("api_key", lambda world: world.change_merchant(MCH_ID, {"api_key": 7})),
    ("fen", lambda world: world.top_up(MCH_ID, 0)),
    ("appid", lambda world: world.bind_account(MCH_ID, "w x")),
    ("kind", lambda world: world.bind_account(MCH_ID, "wx", kind="shop")),
    ("openid", lambda world: world.add_person("", appid=APPID)),
    ("appid", lambda world: world.add_person("o_new", appid="")),
    ("openid", lambda world: world.change_person("o_nobody", flagged=True)),
    ("number", lambda world: world.packet(MCH_ID, "none")),
    ("number", lambda world: world.open_packet(MCH_ID, "none")),
    ("ticket", lambda world: world.bind_ticket("none", OPENID)),
    ("status", lambda world: world.packets(status="LOST")),
    ("limit", lambda world: world.packets(limit=-1)),
    ("limit", lambda world: world.people(limit=-1)),
    ("limit", lambda world: world.requests(limit=-1)),
    ("number", lambda world: world.request(99)),
    ("path", lambda world: world.arrivals(MCH_ID, NUMBER, path="pay")),
    ("speed", lambda world: world.clock_run(0)),
    ("by_ms", lambda world: world.clock_jump()),
    ("by_ms", lambda world: world.clock_jump(by_ms=1, to_ms=NOON_MS)),
    ("by_ms", lambda world: world.clock_jump(by_ms=-1)),
    ("to_ms", lambda world: world.clock_jump(to_ms=NOON_MS - 1)),
    ("era", lambda world: world.change_rules({"era": "2015"})),
    ("expiry", lambda world: world.change_rules({"expiry": 1})),
    ("expiry_ms", lambda world: world.change_rules({"expiry_ms": "1"})),
    ("bad_certificate", lambda world: world.change_rules({"bad_certificate": "shrug"})),
    ("brush_packets", lambda world: world.change_rules({"brush_packets": [1, "x"]})),
    ("extra_known_fields", lambda world: world.change_rules({"extra_known_fields": ["client_ip"]})),
    ("era", lambda _: World(era="2014")),
    ("colour", lambda _: World(rules={"colour": "red"})),
]


@pytest.mark.parametrize(("field", "verb"), BAD_VERBS, ids=[f"{n}-{row[0]}" for n, row in enumerate(BAD_VERBS)])
def test_a_refused_verb_names_the_value_and_changes_nothing(field: str, verb: Callable[[World], object]) -> None:
    desk = Desk()
    before = to_json([desk.world.merchants(), desk.world.people(), desk.world.rules(), desk.world.clock_view()])
    with pytest.raises(BadInput) as refused:
        verb(desk.world)
    assert refused.value.field == field
    assert to_json([desk.world.merchants(), desk.world.people(), desk.world.rules(), desk.world.clock_view()]) == before


def test_a_refused_setting_does_not_show_its_value() -> None:
    with pytest.raises(BadInput) as refused:
        Desk().world.change_merchant(MCH_ID, {"work_secrets": "my secret"})
    assert "my secret" not in str(refused.value)


# Clock and rules


def test_the_clock_is_shown_in_beijing_too() -> None:
    assert Desk().world.clock_view() == ClockView(NOON_MS, 0, "2025-01-01T12:00:00+08:00")


def test_the_clock_jumps_to_a_time_and_runs() -> None:
    desk = Desk()
    assert desk.world.clock_jump(to_ms=NOON_MS + 5).now_ms == NOON_MS + 5
    assert desk.world.clock_run(3).speed == 3
    assert desk.world.clock_stop().speed == 0


def test_rules_are_shown_and_changed_by_name() -> None:
    desk = Desk("2017")
    assert desk.world.rules()["expiry_ms"] == 86_400_000
    assert desk.world.change_rules({"expiry_ms": 5, "quiet_kinds": []})["expiry_ms"] == 5
    desk.send()
    desk.pass_ms(5)
    assert desk.packet().status == "RFUND_ING"


# The journal


def test_every_arrival_is_counted_for_its_number_also_when_refused_or_lost() -> None:
    desk = Desk("2017")
    desk.world.add_fault("no_answer_before", count=1)
    desk.send()
    desk.send(sign="0" * 32)
    desk.send()
    desk.query()
    desk.send("n2")
    assert desk.world.arrivals(MCH_ID, NUMBER) == 4
    assert desk.world.arrivals(MCH_ID, NUMBER, path="sendredpack") == 3
    assert desk.world.arrivals(MCH_ID, "n3") == 0
    assert [request.attempt for request in desk.world.requests(order=NUMBER)] == [1, 2, 3, 1]


def test_a_request_is_shown_with_a_verdict_per_check() -> None:
    desk = Desk(balance_fen=0)
    desk.send()
    view = desk.world.request(1)
    assert (view.mch_id, view.order, view.openid, view.err_code, view.status) == (
        MCH_ID,
        NUMBER,
        "o000…001",
        "NOTENOUGH",
        200,
    )
    verdicts = [(verdict.check, verdict.verdict) for verdict in view.verdicts]
    expected = [(check, "passed") for check in CHECKS[:-2]] + [("balance", "refused"), ("answered", "not reached")]
    assert verdicts == expected
    assert view.verdicts[-2].note == "帐号余额不足，请到商户平台充值后再重试"


def test_a_query_skips_the_checks_of_sending() -> None:
    desk = Desk()
    desk.send()
    desk.query()
    skipped = [verdict.check for verdict in desk.world.request(2).verdicts if verdict.verdict == "skipped"]
    assert skipped == ["amount", "created", "limits", "risk", "balance"]
    assert desk.world.request(2).verdicts[-1].verdict == "passed"


def test_a_repeat_says_so() -> None:
    desk = Desk("2017")
    desk.send()
    desk.send()
    assert desk.note() == ("order", "passed", "a repeat: the first answer again")


def test_bodies_are_shown_masked() -> None:
    desk = Desk()
    desk.call("hbpreorder")
    desk.send("n2")
    ticket = desk.world.packet(MCH_ID, NUMBER).ticket
    for number in (1, 2):
        view = desk.world.request(number)
        assert view.request is not None
        assert view.response is not None
        assert "<sign>…</sign>" in view.request
        assert OPENID not in view.request + view.response
        assert ticket not in view.response
    assert "<re_openid><![CDATA[o000…001]]></re_openid>" in str(desk.world.request(2).request)


def test_requests_are_listed_after_a_number_and_by_merchant() -> None:
    desk = Desk()
    for number in range(5):
        desk.query(f"n{number}")
    desk.post("sendredpack", b"")
    assert [request.number for request in desk.world.requests(after=2, limit=2)] == [3, 4]
    assert [request.number for request in desk.world.requests(mch_id="")] == [6]


def test_bodies_of_old_requests_are_forgotten_their_entries_stay() -> None:
    desk = Desk()
    for _ in range(BODIES_MAX + 1):
        desk.post("sendredpack", b"")
    assert desk.world.request(1).request is None
    assert desk.world.request(2).request == ""
    assert desk.world.arrivals(MCH_ID, NUMBER) == 0


# The world as a whole


def test_a_reset_forgets_what_happened_and_keeps_the_merchants() -> None:
    desk = Desk("2017", rules={"refund_ms": 1})
    before = desk.world.merchants()
    desk.send()
    desk.world.top_up(MCH_ID, 5)
    desk.world.add_fault("slow", wait_ms=1)
    desk.pass_ms(7)
    desk.world.reset()
    assert desk.world.merchants() == before
    assert (desk.world.packets(), desk.world.people(), desk.world.faults(), desk.world.requests()) == ([], [], [], [])
    assert desk.world.clock_view().now_ms == NOON_MS + 7
    assert desk.world.rules()["refund_ms"] == 1
    desk.pass_ms(10 * 86_400_000)
    assert desk.world.audit() == []


def test_a_reset_may_forget_the_merchants_too() -> None:
    desk = Desk()
    desk.world.reset(merchants=False)
    assert desk.world.merchants() == []


def test_a_reset_keeps_the_seed_unless_another_is_given() -> None:
    desk = Desk(seed=3)
    desk.world.reset()
    assert desk.world.state.seed == 3
    desk.world.reset(seed=4)
    assert desk.world.state.seed == 4


def test_the_same_seed_and_the_same_calls_give_the_same_bytes() -> None:
    def bytes_of(seed: int) -> list[bytes]:
        desk = Desk("2017", seed=seed)
        desk.world.add_fault("reordered_elements", share=0.5)
        calls = [("sendminiprogramhb", "n1"), ("hbpreorder", "n2"), ("sendgroupredpack", "n3"), ("sendredpack", "n4")]
        bodies = [desk.call(api, mch_billno=number).departure.body for api, number in calls]
        desk.world.open_packet(MCH_ID, "n3")
        return [*bodies, desk.query("n3").departure.body]

    assert bytes_of(3) == bytes_of(3)
    assert bytes_of(3) != bytes_of(4)


def test_every_view_has_a_json_form() -> None:
    desk = Desk()
    desk.send()
    desk.world.add_fault("slow", wait_ms=1)
    world = desk.world
    views = [world.merchants(), world.people(), world.packets(), world.requests(), world.faults(), world.rules()]
    text = json.dumps(to_json([*views, world.clock_view(), Finding("1", "", "x")]), ensure_ascii=False)
    assert KEY not in text
    assert json.loads(text)[2][0]["status"] == "SENT"


def test_what_has_no_json_form_is_a_fault_of_ours() -> None:
    with pytest.raises(TypeError, match="bytes has no JSON form"):
        to_json(b"")


def test_time_that_passes_outside_settles_what_is_due_before_an_answer() -> None:
    desk = Desk("2017")
    desk.send()
    desk.world.clock.jump_by(86_400_000 + 2 * 3600 * SECOND)
    assert desk.query()["status"] == "REFUND"
