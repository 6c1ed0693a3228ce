"""`hongbao doctor`: a sound desk, and each thing that can be wrong with one."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import CommandLine

from hongbao.cli.doctor import Verdict, check_clock, check_dates
from hongbao.simulator.certificates import Authority
from hongbao.wechat import ClientCertificate


class FixedClock:
    """Shows one time for ever."""

    def __init__(self, time: datetime) -> None:
        self._ms = int(time.timestamp()) * 1000

    def now_ms(self) -> int:
        return self._ms


def _verdicts(ran: Any) -> dict[str, str]:
    return {each["check"]: each["verdict"] for each in ran.json["findings"]}


def _finding(ran: Any, check: str) -> dict[str, Any]:
    return next(each for each in ran.json["findings"] if each["check"] == check)


SOUND = {
    "settings": "ok",
    "file modes": "ok",
    "API key": "ok",
    "enterprise secrets": "ok",
    "certificate opens": "ok",
    "key fits": "ok",
    "certificate's owner": "ok",
    "certificate's dates": "ok",
    "reach 127.0.0.1": "ok",
    "clock": "ok",
    "query as shop": "ok",
    "query as app": "ok",
    "query as company": "ok",
}


def test_a_sound_desk_has_no_fault(command_line: CommandLine) -> None:
    ran = command_line("doctor", "--json")
    assert (ran.code, ran.json["verdict"], _verdicts(ran)) == (0, "ok", SOUND)


def test_the_check_moves_no_money(command_line: CommandLine) -> None:
    command_line("doctor")
    assert command_line.control.packets() == []


def test_offline_leaves_out_the_network(command_line: CommandLine) -> None:
    ran = command_line("doctor", "--offline", "--json")
    network = {"reach 127.0.0.1", "clock", "query as shop", "query as app", "query as company"}
    assert _verdicts(ran) == {name: verdict for name, verdict in SOUND.items() if name not in network}


def test_a_report_for_people_names_remedies(command_line: CommandLine) -> None:
    command_line.write(api_key="TooShort")
    ran = command_line("doctor", "--offline")
    assert ran.code == 20
    assert "✗ fail main: API key: has 8 characters, not 32\n" in ran.out
    assert "→ copy the APIv2 key from the portal, whole\n" in ran.out


def test_a_report_in_chinese(command_line: CommandLine) -> None:
    command_line.write(api_key="TooShort")
    ran = command_line("doctor", "--offline", "--lang", "zh")
    assert "✗ fail main：API 密钥：长度为 8，应为 32\n" in ran.out


def test_no_settings_is_a_fault(command_line: CommandLine) -> None:
    command_line.file.unlink()
    ran = command_line("doctor", "--json")
    assert (ran.code, _verdicts(ran)) == (20, {"settings": "fail"})


def test_each_fault_of_the_settings_is_a_finding(command_line: CommandLine) -> None:
    command_line.write(mch_id=None, surprise="x")
    ran = command_line("doctor", "--json")
    assert [each["fact"] for each in ran.json["findings"]] == [
        "merchants.main.mch_id: is missing",
        "merchants.main.surprise: is not a key",
    ]


def test_an_unknown_merchant_is_bad_input(command_line: CommandLine) -> None:
    assert command_line("doctor", "--merchant", "other").code == 2


def test_secrets_that_others_can_read_are_a_warning(command_line: CommandLine) -> None:
    command_line.file.chmod(0o644)
    ran = command_line("doctor", "--offline", "--json")
    finding = _finding(ran, "file modes")
    assert (ran.code, finding["verdict"], str(command_line.file.name) in finding["fact"]) == (0, "warn", True)


@pytest.mark.parametrize(
    ("changes", "check", "fact"),
    [
        ({"p12": "nowhere.p12"}, "certificate opens", "p12: cannot be read: No such file or directory"),
        ({"p12_passphrase": "wrong"}, "certificate opens", "p12: does not open: the passphrase is wrong"),
        ({"p12": "hongbao.toml"}, "certificate opens", "p12: does not open: the passphrase is wrong"),
        ({"api_key": None, "api_key_file": "nowhere"}, "API key", "api_key_file: cannot be read"),
        (
            {"workwx_secret": None, "workwx_secret_file": "nowhere"},
            "enterprise secrets",
            "workwx_secret_file: cannot be read",
        ),
    ],
)
def test_a_file_that_does_not_open_is_a_fault_of_its_own(
    command_line: CommandLine, changes: dict[str, object], check: str, fact: str
) -> None:
    """The other checks go on."""
    command_line.write(**changes)
    ran = command_line("doctor", "--json")
    finding = _finding(ran, check)
    assert (ran.code, finding["verdict"], finding["fact"].startswith(fact)) == (20, "fail", True)
    assert _verdicts(ran)["reach 127.0.0.1"] == "ok"


def test_a_key_of_another_certificate_is_a_fault(command_line: CommandLine) -> None:
    merchant = command_line.merchant
    other = command_line.simulator.flawed_certificate(merchant.mch_id, "other-ca")
    command_line.write(p12=None, certificate=merchant.certificate, key=other.key)
    assert _finding(command_line("doctor", "--offline", "--json"), "key fits")["verdict"] == "fail"


def test_a_pem_pair_is_as_good_as_a_p12(command_line: CommandLine) -> None:
    merchant = command_line.merchant
    command_line.write(p12=None, certificate=merchant.certificate, key=merchant.key)
    ran = command_line("doctor", "--json")
    assert (ran.code, _verdicts(ran)) == (0, SOUND)


def test_another_merchants_certificate_is_a_fault(command_line: CommandLine) -> None:
    """Twice: by its name, and by what WeChat answers."""
    other = command_line.control.certificates("1900000002")
    command_line.write(p12=other["p12"], p12_passphrase="1900000002")
    ran = command_line("doctor", "--json")
    verdicts = _verdicts(ran)
    assert (ran.code, verdicts["certificate's owner"], verdicts["query as shop"]) == (20, "fail", "fail")
    assert _finding(ran, "query as shop")["fact"].startswith("CA_ERROR")


def test_an_expired_certificate_is_a_fault(command_line: CommandLine) -> None:
    expired = command_line.simulator.flawed_certificate("1900000001", "expired")
    command_line.write(p12=expired.p12)
    ran = command_line("doctor", "--json")
    assert (ran.code, _verdicts(ran)["certificate's dates"], _verdicts(ran)["query as shop"]) == (20, "fail", "fail")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ClientCertificate:
    pair = Authority(tmp_path_factory.mktemp("ca"), FixedClock(datetime(2025, 1, 1, tzinfo=UTC))).merchant_pair("1")
    return ClientCertificate.from_pem(pair.certificate, pair.key)


@pytest.mark.parametrize(
    ("before_end", "verdict"),
    [
        (timedelta(days=31), Verdict.OK),
        (timedelta(days=30), Verdict.OK),
        (timedelta(days=29), Verdict.WARN),
        (timedelta(0), Verdict.WARN),
        (timedelta(seconds=-1), Verdict.FAIL),
        (timedelta(days=10_000), Verdict.FAIL),
    ],
)
def test_a_certificate_is_judged_by_its_dates(
    certificate: ClientCertificate, before_end: timedelta, verdict: Verdict
) -> None:
    """A warning in the last thirty days; a fault after its end and before its beginning."""
    assert check_dates(certificate, FixedClock(certificate.not_after - before_end)).verdict is verdict


@pytest.mark.parametrize(
    ("skew_ms", "verdict"),
    [
        (0, Verdict.OK),
        (5_000, Verdict.OK),
        (-5_000, Verdict.OK),
        (5_001, Verdict.WARN),
        (60_000, Verdict.WARN),
        (60_001, Verdict.FAIL),
        (-60_001, Verdict.FAIL),
    ],
)
def test_the_clock_is_judged_by_its_skew(skew_ms: int, verdict: Verdict) -> None:
    """A Date header stands for the middle of its second."""
    assert check_clock("Wed, 01 Jan 2025 04:00:00 GMT", 1_735_704_000_500 + skew_ms).verdict is verdict


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_a_server_without_a_time_is_a_warning(date: str | None) -> None:
    assert check_clock(date, 0).verdict is Verdict.WARN


def test_a_clock_that_is_behind_is_a_fault(command_line: CommandLine) -> None:
    command_line.control.jump(minutes=10)
    ran = command_line("doctor", "--json")
    finding = _finding(ran, "clock")
    assert (ran.code, finding["verdict"], "behind the server" in finding["fact"]) == (20, "fail", True)


def test_an_unreachable_host_is_a_fault(command_line: CommandLine) -> None:
    """Nobody listens; and nothing is queried there."""
    command_line.write(base_url="https://127.0.0.1:1")
    ran = command_line("doctor", "--json")
    assert (ran.code, _verdicts(ran)["reach 127.0.0.1"], "query as shop" in _verdicts(ran)) == (20, "fail", False)


def test_a_name_that_does_not_exist_is_a_fault(command_line: CommandLine) -> None:
    command_line.write(base_url="https://nowhere.invalid")
    finding = _finding(command_line("doctor", "--json"), "reach nowhere.invalid")
    assert (finding["verdict"], finding["fact"].startswith("name not found")) == ("fail", True)


def test_a_server_that_cannot_be_verified_is_a_fault(command_line: CommandLine, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", FixedClock(datetime.now(tz=UTC)))
    command_line.write(ca_file=other.ca_file)
    finding = _finding(command_line("doctor", "--json"), "reach 127.0.0.1")
    assert (finding["verdict"], finding["fact"].startswith("server certificate refused")) == ("fail", True)


def test_a_ca_file_that_is_not_there_is_named(command_line: CommandLine) -> None:
    command_line.write(ca_file="nowhere.pem")
    finding = _finding(command_line("doctor", "--json"), "reach 127.0.0.1")
    assert (finding["verdict"], "nowhere.pem" in finding["fact"]) == ("fail", True)


def test_a_ca_file_without_certificates_is_named(command_line: CommandLine) -> None:
    command_line.write(ca_file=command_line.file)
    finding = _finding(command_line("doctor", "--json"), "reach 127.0.0.1")
    assert (finding["verdict"], finding["fact"].startswith("ca_file")) == ("fail", True)


def test_a_wrong_key_is_explained(command_line: CommandLine) -> None:
    command_line.write(api_key="A" * 32)
    ran = command_line("doctor", "--json")
    finding = _finding(ran, "query as shop")
    assert (ran.code, finding["fact"].startswith("SIGN_ERROR: The sign does not fit.")) == (20, True)


def test_an_address_that_is_not_allowed_is_explained(command_line: CommandLine) -> None:
    command_line.control.change_merchant("1900000001", addresses=["192.0.2.1"])
    finding = _finding(command_line("doctor", "--json"), "query as shop")
    assert (finding["verdict"], finding["fact"].startswith("NO_AUTH")) == ("fail", True)


def test_trouble_that_passes_by_itself_is_a_warning(command_line: CommandLine) -> None:
    command_line.control.add_fault("system_error", path="gethbinfo", count=1)
    ran = command_line("doctor", "--json")
    assert (ran.code, _verdicts(ran)["query as shop"], _verdicts(ran)["query as app"]) == (0, "warn", "ok")


def test_an_answer_that_is_not_wechats_is_a_fault(command_line: CommandLine) -> None:
    command_line.control.add_fault("http_status", path="gethbinfo", status=502)
    finding = _finding(command_line("doctor", "--json"), "query as shop")
    assert (finding["verdict"], "HTTP status 502" in finding["fact"]) == ("fail", True)


def test_without_an_account_there_is_nothing_to_query(command_line: CommandLine) -> None:
    text = command_line.file.read_text()
    start, end = text.index("[merchants.main.accounts]"), text.index("[merchants.main.wording]")
    command_line.file.write_text(text[:start] + text[end:])
    ran = command_line("doctor", "--json")
    assert (ran.code, _verdicts(ran)["query"]) == (0, "warn")


def test_the_server_is_always_verified() -> None:
    """The doctor's own connection is no weaker than the client's."""
    context = ssl.create_default_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
