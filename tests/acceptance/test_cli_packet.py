"""`hongbao packet` against the simulator: what it sends, what it says, which code it ends with."""

import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from typing import Any

import pytest
from tests.acceptance.conftest import OPENID, CommandLine

from hongbao.cli.packet import send
from hongbao.wechat import OrderIntent, SendRedPack, order_number

PROGRAM = "import sys; from hongbao.cli.main import main; sys.exit(main())"
LISTID = re.compile(r"1000041701[0-9]{21}")


def _without_times(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if "time" not in name and "list" not in name}


def test_send_tells_the_packet(command_line: CommandLine) -> None:
    ran = command_line.send("--json")
    assert ran.code == 0
    sent = ran.json["sent"]
    assert LISTID.fullmatch(sent["send_listid"])
    assert _without_times(sent) == {
        "endpoint": "sendredpack",
        "order_number": "A1",
        "mch_id": "1900000001",
        "appid": command_line.merchant.official_appid,
        "openid": "o000…001",
        "amount_fen": 188,
    }


def test_the_packet_is_what_was_said(command_line: CommandLine) -> None:
    command_line.send("--wishing", "一路平安", "--send-name", "别家")
    packet = command_line.control.packet("1900000001", "A1")
    assert (packet.fen, packet.openid, packet.wishing, packet.send_name) == (188, OPENID, "一路平安", "别家")


def test_fen_and_yuan_are_the_same_amount(command_line: CommandLine) -> None:
    assert command_line.send("--fen", "188", "--json").json["sent"]["amount_fen"] == 188


def test_the_number_is_on_the_screen_before_anything_is_sent(command_line: CommandLine) -> None:
    """Nothing answers, so nothing but what was said beforehand is left."""
    command_line.write(base_url="https://127.0.0.1:1")
    ran = command_line.send("--number", "SavedBefore1")
    assert ran.err.splitlines()[0] == (
        "sending ¥1.88 to o000…001 as order number SavedBefore1 "
        f"(merchant 1900000001, account {command_line.merchant.official_appid})"
    )


def test_what_cannot_be_sent_is_not_announced(command_line: CommandLine) -> None:
    ran = command_line.send("--yuan", "0.99")
    assert (ran.code, "sending" in ran.err, "total_amount: 99 fen" in ran.err) == (2, False, True)


def test_an_intent_has_one_number_for_ever(command_line: CommandLine) -> None:
    merchant = command_line.merchant
    intent = OrderIntent(
        mch_id=merchant.mch_id, appid=merchant.official_appid, campaign="spring", openid=OPENID, occasion="order/7"
    )
    first = command_line.send("--intent", "spring/order/7", "--json").json["sent"]
    command_line.control.jump(seconds=2)
    again = command_line.send("--intent", "spring/order/7", "--json").json["sent"]
    assert (first["order_number"], again["send_listid"]) == (order_number(intent), first["send_listid"])


def test_a_renewed_intent_has_another_number(command_line: CommandLine) -> None:
    first = command_line.send("--intent", "spring/1", "--json").json["sent"]["order_number"]
    renewed = command_line.send("--intent", "spring/1", "--renewal", "1", "--json").json["sent"]["order_number"]
    assert first != renewed


def test_the_form_of_2015_is_another_request(command_line: CommandLine) -> None:
    """Today's server does not know nick_name: it makes another sign of it, which proves that it was sent."""
    ran = command_line.send("--era", "2015", "--nick-name", "示例", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (11, "SIGN_ERROR")


def test_risk_info_is_built_from_its_parts(command_line: CommandLine) -> None:
    assert command_line.send("--risk", "mobile=86-13800000000", "--risk", "posttime=1700000000").code == 0


def test_a_scene_opens_other_amounts(command_line: CommandLine) -> None:
    assert command_line.send("--yuan", "0.50", "--scene", "PRODUCT_2").code == 0


def test_a_group_packet_where_it_is_still_open(command_line: CommandLine) -> None:
    command_line.control.change_merchant("1900000001", group_open=True)
    ran = command_line.send("--people", "3", "--yuan", "9", "--json", kind="send-group")
    assert (ran.code, ran.json["sent"]["endpoint"], ran.json["sent"]["amount_fen"]) == (0, "sendgroupredpack", 900)


def test_own_amounts_of_2015_must_add_up(command_line: CommandLine) -> None:
    ran = command_line.send(
        *("--people", "3", "--yuan", "4", "--era", "2015"),
        *("--amount-type", "ALL_SPECIFIED", "--amounts", "200|100|50"),
        kind="send-group",
    )
    assert (ran.code, "3 amounts that sum to 350 fen" in ran.err) == (2, True)


def test_a_mini_program_packet_hides_what_opens_it(command_line: CommandLine) -> None:
    ran = command_line.send("--json", kind="send-mini-program", account="app")
    assert (ran.code, "package" in ran.out, "sendid" in ran.out) == (0, False, False)


def test_a_mini_program_packet_reveals_what_opens_it_when_asked(command_line: CommandLine) -> None:
    ran = command_line.send("--json", "--reveal", kind="send-mini-program", account="app")
    assert set(ran.json["sent"]["biz_red_packet"]) == {"timeStamp", "nonceStr", "package", "signType", "paySign"}


def test_an_enterprise_packet_is_sent_and_queried(command_line: CommandLine) -> None:
    sent = command_line.send("--sender-name", "人事部", "--json", kind="send-work", account="company")
    asked = command_line("packet", "query", "--work", "--account", "company", "--number", "A1", "--json")
    assert (sent.json["sent"]["endpoint"], asked.json["record"]["status"]) == ("sendworkwxredpack", "SENT")


def test_an_agent_without_a_secret_is_bad_input(command_line: CommandLine) -> None:
    ran = command_line.send("--agentid", "5", kind="send-work", account="company")
    assert (ran.code, "lacks the secret of agent 5" in ran.err, "sending" in ran.err) == (2, True, False)


def _preorder(command_line: CommandLine, *arguments: str) -> Any:
    return command_line("packet", "preorder", "--account", "shop", "--number", "P1", "--yuan", "9", *arguments)


def test_a_preorder_hides_its_ticket(command_line: CommandLine) -> None:
    ran = _preorder(command_line, "--json")
    ticket = command_line.control.packet("1900000001", "P1").ticket
    assert (ran.code, ran.json["ordered"]["amount_fen"], ticket in ran.out) == (0, 900, False)


def test_a_preorder_reveals_its_ticket_when_asked(command_line: CommandLine) -> None:
    ran = _preorder(command_line, "--json", "--reveal")
    assert ran.json["ordered"]["sp_ticket"] == command_line.control.packet("1900000001", "P1").ticket


def _query(command_line: CommandLine, *arguments: str) -> Any:
    return command_line("packet", "query", "--account", "shop", "--number", "A1", *arguments)


def test_a_query_tells_who_took_the_packet(command_line: CommandLine) -> None:
    command_line.send()
    command_line.control.open_packet("1900000001", "A1")
    record = _query(command_line, "--json").json["record"]
    (taken,) = record.pop("taken")
    assert (_without_times(record), _without_times(taken)) == (
        {
            "order_number": "A1",
            "mch_id": "1900000001",
            "detail_id": record["detail_id"],
            "status": "RECEIVED",
            "reason": None,
            "hb_type": "NORMAL",
            "send_type": "API",
            "people": 1,
            "amount_fen": 188,
            "refund_fen": None,
        },
        {"openid": "o000…001", "amount_fen": 188},
    )


def test_a_query_says_what_follows_from_being_stuck(command_line: CommandLine) -> None:
    command_line.control.change_merchant("1900000001", person_packets_day_max=0)
    command_line.send()
    ran = _query(command_line)
    assert "failed for now, nothing debited" in ran.out
    assert "该用户今日操作次数超过限制" in ran.out


def test_a_query_that_finds_nothing_is_no_failure(command_line: CommandLine) -> None:
    ran = _query(command_line, "--json")
    error = ran.json["error"]
    assert (ran.code, error["class"], error["code"]) == (14, "outcome unknown", "NOT_FOUND")


# Exit codes, by who must act


def _fault(command_line: CommandLine, kind: str, **settings: Any) -> None:
    command_line.control.add_fault(kind, path="sendredpack", **settings)


def _lost_answer(command_line: CommandLine, kind: str) -> None:
    command_line.write(read_ms=300)
    _fault(command_line, kind, count=1)


def _same_number_other_amount(command_line: CommandLine) -> None:
    command_line.send("--yuan", "1.99")
    command_line.control.jump(seconds=2)


def _dead_number(command_line: CommandLine) -> None:
    command_line.control.change_merchant("1900000001", person_packets_day_max=0)
    command_line.send()
    command_line.control.jump(days=4)


@pytest.mark.parametrize(
    ("arrange", "code", "named"),
    [
        (_same_number_other_amount, 10, "FATAL_ERROR"),
        (lambda line: line.control.change_merchant("1900000001", api_open=False), 11, "API_METHOD_CLOSED"),
        (lambda line: line.control.change_merchant("1900000001", person_packets_day_max=0), 12, "SENDNUM_LIMIT"),
        (lambda line: _fault(line, "system_error"), 13, "SYSTEMERROR"),
        (lambda line: line.write(base_url="https://127.0.0.1:1"), 13, None),
        (lambda line: _fault(line, "processing"), 14, "PROCESSING"),
        (lambda line: _lost_answer(line, "no_answer_before"), 14, None),
        (lambda line: _lost_answer(line, "no_answer_after"), 14, None),
        (lambda line: _fault(line, "cut_mid_reply"), 14, None),
        (lambda line: _fault(line, "http_status", status=502), 14, None),
        (lambda line: _fault(line, "unknown_code", code="BRAND_NEW"), 14, "BRAND_NEW"),
        (_dead_number, 15, "SEND_FAILED"),
    ],
    ids=[
        "other amount",
        "API closed",
        "limit",
        "SYSTEMERROR",
        "nothing sent",
        "PROCESSING",
        "no answer before",
        "no answer after",
        "cut",
        "HTML",
        "unknown code",
        "dead number",
    ],
)
def test_the_exit_code_says_who_must_act(command_line: CommandLine, arrange: Any, code: int, named: str | None) -> None:
    """The JSON of the error says the same, and names the number."""
    arrange(command_line)
    ran = command_line.send("--json")
    error = ran.json["error"]
    assert (ran.code, error["exit_code"], error["code"], error["order_number"]) == (code, code, named, "A1")


def test_nothing_sent_says_so(command_line: CommandLine) -> None:
    command_line.write(base_url="https://127.0.0.1:1")
    assert (command_line.send("--json").json["error"]["sent"], "nothing was sent" in command_line.send().err) == (
        False,
        True,
    )


def test_an_unknown_outcome_says_how_to_go_on(command_line: CommandLine) -> None:
    """The command it prints can be typed as it stands."""
    _lost_answer(command_line, "no_answer_after")
    ran = command_line.send()
    assert "Never take a new number" in ran.err
    asked = ran.err.splitlines()[-1].strip()
    assert asked.startswith("hongbao packet query --number A1 ")
    assert command_line(*asked.split()[1:], "--json").json["record"]["status"] == "SENT"


def test_the_same_command_rescues_a_lost_answer(command_line: CommandLine) -> None:
    """One packet after two requests."""
    _lost_answer(command_line, "no_answer_after")
    assert command_line.send("--intent", "spring/1").code == 14
    command_line.write()
    command_line.control.jump(seconds=2)
    assert command_line.send("--intent", "spring/1").code == 0
    assert len(command_line.control.packets()) == 1


def test_an_interrupted_send_has_an_unknown_outcome(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hongbao.wechat.client.Client.call", interrupt)
    ran = command_line.send("--json")
    error = ran.json["error"]
    assert (ran.code, error["outcome"], error["order_number"], "--number A1" in error["query"]) == (
        130,
        "unknown",
        "A1",
        True,
    )


# Bad input


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--yuan", "1.888"), "yuan: '1.888' is not an amount"),
        (("--yuan", "1,000"), "yuan: '1,000' is not an amount"),
        (("--fen", "0"), "total_amount: 0 is below 1"),
        (("--fen", "188", "--yuan", "1.88"), "amount: is given twice"),
        (("--number", "A1", "--intent", "a/b"), "number: and intent are both given"),
        (("--intent", "spring"), "intent: 'spring' is not CAMPAIGN/OCCASION"),
        (("--renewal", "1"), "renewal: is given without an intent"),
        (("--number", "a-b"), "mch_billno: 'a-b' is not 1 to 28 characters"),
        (("--wishing", "恭" * 43), "wishing: has 129 bytes"),
        (("--client-ip", "::1"), "client_ip: '::1' is not a dotted IPv4 address"),
        (("--scene", "PRODUCT_9"), "scene_id: 'PRODUCT_9' is not known"),
        (("--risk", "shoe=43"), "risk: 'shoe' is no part of risk_info"),
        (("--risk", "posttime=now"), "risk: posttime is not a Unix timestamp"),
        (("--nick-name", "x"), "nick_name: belongs to the form of 2015"),
        (("--era", "2015"), "nick_name: is missing in the form of 2015"),
        (("--era", "2015", "--nick-name", "x", "--scene", "PRODUCT_2"), "scene: is unknown to the form of 2015"),
        (("--sub-mch-id", "1900000009"), "msgappid: is missing in service-provider mode"),
        (("--merchant", "other"), "merchant: 'other' is not in the settings"),
        (("--config", "nowhere.toml"), "config: nowhere.toml cannot be read"),
        (("--fen", "many"), "Invalid value for '--fen'"),
        (("--nonsense",), "No such option: --nonsense"),
    ],
)
def test_bad_input_is_named_and_nothing_is_sent(
    command_line: CommandLine, arguments: tuple[str, ...], says: str
) -> None:
    ran = command_line.send(*arguments)
    assert (ran.code, says in ran.err, ran.out) == (2, True, "")
    assert command_line.control.requests() == []


def test_neither_number_nor_intent_is_bad_input(command_line: CommandLine) -> None:
    ran = command_line("packet", "send", "--account", "shop", "--openid", OPENID, "--yuan", "1.88")
    assert (ran.code, "number: is missing and never made up" in ran.err) == (2, True)


def test_no_amount_is_bad_input(command_line: CommandLine) -> None:
    ran = command_line("packet", "send", "--account", "shop", "--openid", OPENID, "--number", "A1")
    assert (ran.code, "amount: is missing" in ran.err) == (2, True)


def test_one_of_several_accounts_must_be_named(command_line: CommandLine) -> None:
    ran = command_line("packet", "query", "--number", "A1")
    assert (ran.code, "shop, app, company" in ran.err) == (2, True)


def test_a_text_that_nobody_gave_is_bad_input(command_line: CommandLine) -> None:
    command_line.file.write_text(command_line.file.read_text().replace('wishing = "恭喜发财"\n', ""))
    ran = command_line.send()
    assert (ran.code, "wishing: is missing; give --wishing, or merchants.main.wording.wishing" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"p12": "nowhere.p12"}, "p12"),
        ({"p12_passphrase": "wrong"}, "p12"),
        ({"ca_file": "nowhere.pem"}, "ca_file"),
        ({"api_key": None, "api_key_file": "nowhere"}, "api_key_file"),
        ({"mch_id": None}, "merchants.main.mch_id"),
    ],
)
def test_settings_that_lead_nowhere_are_bad_input(
    command_line: CommandLine, changes: dict[str, object], field: str
) -> None:
    command_line.write(**changes)
    ran = command_line.send("--json")
    assert (ran.code, ran.json["error"]["class"], ran.json["error"]["field"]) == (2, "bad input", field)


def test_a_mistyped_command_is_json_when_json_is_asked_for(command_line: CommandLine) -> None:
    ran = command_line("packet", "send", "--json")
    assert (ran.code, ran.json) == (
        2,
        {
            "error": {
                "class": "bad input",
                "exit_code": 2,
                "field": "command line",
                "fault": "Missing option '--openid'.",
                "remedy": "see --help",
            }
        },
    )


def test_an_openid_in_the_wrong_place_is_not_quoted_back(command_line: CommandLine) -> None:
    """The runner sees that the openid is in no output."""
    assert "o000…001" in command_line("packet", "query", "--number", "A1", OPENID).err


# Languages


def test_everything_is_said_in_chinese(command_line: CommandLine) -> None:
    sent = command_line.send("--lang", "zh")
    asked = _query(command_line, "--lang", "zh")
    assert sent.err == (
        "正在发放 ¥1.88，用户 o000…001，商户订单号 A1（商户 1900000001，"
        f"公众号 {command_line.merchant.official_appid}）\n"
    )
    assert [line.split()[0] for line in sent.out.splitlines()] == ["已发放", "微信单号", "金额", "用户"]
    assert "SENT  已发放，待领取" in asked.out


def test_an_error_in_chinese_has_the_chinese_remedy(command_line: CommandLine) -> None:
    command_line.control.change_merchant("1900000001", api_open=False)
    ran = command_line.send("--lang", "zh")
    text = "你的商户号API发放方式已关闭，请联系管理员在商户平台开启"
    assert ran.err.splitlines()[1:] == [
        f"请处理商户账户或证书：sendredpack A1 API_METHOD_CLOSED {text}",
        "请管理员在商户平台开启 API 发放，然后用原单号重试。",
    ]


def test_the_variable_chooses_the_language(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONGBAO_LANG", "zh")
    assert "已发放" in command_line.send().out


def test_the_system_chooses_the_language_when_nobody_else_does(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HONGBAO_LANG")
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "已发放" in command_line.send().out


# As a program of its own


def test_the_installed_command_sends(command_line: CommandLine) -> None:
    """Once as a real process: arguments, output, exit code."""
    line = f"packet send --account shop --openid {OPENID} --yuan 1.88 --number A1 --json"
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *line.split()],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )
    assert (ran.returncode, json.loads(ran.stdout)["sent"]["order_number"]) == (0, "A1")
    assert command_line.control.packet("1900000001", "A1").status == "SENT"


def test_a_terminal_without_chinese_still_shows_the_result(command_line: CommandLine) -> None:
    line = f"packet send --account shop --openid {OPENID} --yuan 1.88 --number A1 --lang zh"
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *line.split()],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
    )
    assert (ran.returncode, b"A1" in ran.stdout) == (0, True)
    assert command_line.control.packet("1900000001", "A1").status == "SENT"


def test_the_commands_know_every_sdk_field() -> None:
    """What the SDK can send in an ordinary packet, the command line can say."""
    options = set(inspect.signature(send).parameters)
    names = {"mch_billno": "number", "wxappid": "account", "re_openid": "openid", "total_amount": "fen"}
    names |= {"scene_id": "scene", "risk_info": "risk"}
    known = {each.name for each in fields(SendRedPack) if each.init}
    assert {names.get(each, each) for each in known} <= options
