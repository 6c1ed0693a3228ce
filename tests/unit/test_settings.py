"""Settings: a TOML file and the environment, one schema, faults that name the key and never the value."""

from dataclasses import fields
from pathlib import Path

import pytest

from hongbao import wiring
from hongbao.cli.merchant import PACED
from hongbao.errors import BadInput
from hongbao.merchant import Limit, LimitSet
from hongbao.settings import BadSettings, LimitSettings, MerchantSettings, Settings, read_settings, settings_file
from hongbao.wechat import HOSTS, Timeouts

KEY = "SecretKeyThatMustNotBeShown00000"
MAIN = f"""
[merchants.main]
mch_id = "1900000001"
api_key = "{KEY}"
p12 = "keys/apiclient_cert.p12"

[merchants.main.accounts]
shop = "wx0000000000000001"
"""
SECOND = """
[merchants.second]
mch_id = "1900000002"
api_key_file = "second_key"
certificate = "cert.pem"
key = "key.pem"

[merchants.second.accounts]
shop = "wx0000000000000003"
app = "wx0000000000000004"
"""


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the machine and no file of its working directory take part."""
    import os

    for name in list(os.environ):
        if name.upper().startswith("HONGBAO_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _read(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "hongbao.toml"
    file.write_text(text, encoding="utf-8")
    return read_settings(file)


def _faults(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    with pytest.raises(BadSettings) as caught:
        _read(tmp_path, text)
    assert KEY not in str(caught.value)
    return [(each.field, each.fault) for each in caught.value.faults]


def test_a_path_in_the_file_is_relative_to_the_file(tmp_path: Path) -> None:
    assert _read(tmp_path, MAIN).merchants["main"].p12 == tmp_path / "keys/apiclient_cert.p12"


def test_a_path_may_start_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    settings = _read(tmp_path, MAIN.replace("keys/", "~/keys/"))
    assert settings.merchants["main"].p12 == Path("/home/somebody/keys/apiclient_cert.p12")


def test_agents_are_files_relative_to_the_file(tmp_path: Path) -> None:
    settings = _read(tmp_path, MAIN + '[merchants.main.agents]\n1000002 = "agent"\n')
    assert settings.merchants["main"].agents == {1000002: tmp_path / "agent"}


def test_production_hosts_are_the_default(tmp_path: Path) -> None:
    assert _read(tmp_path, MAIN).merchants["main"].base_url == HOSTS


def test_one_base_url_may_be_a_plain_text(tmp_path: Path) -> None:
    settings = _read(tmp_path, MAIN.replace("p12 =", 'base_url = "https://127.0.0.1:8443"\np12 ='))
    assert settings.merchants["main"].base_url == ("https://127.0.0.1:8443",)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONGBAO_MERCHANTS__MAIN__MCH_ID", "1900000009")
    merchant = _read(tmp_path, MAIN).merchants["main"]
    assert (merchant.mch_id, merchant.p12) == ("1900000009", tmp_path / "keys/apiclient_cert.p12")


def test_the_environment_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MCH_ID": "1900000001",
        "API_KEY": "12345678901234567890123456789012",
        "P12": "keys.p12",
        "ACCOUNTS__SHOP": "wx0000000000000001",
        "AGENTS__1000002": "agent",
        "TIMEOUTS__READ_MS": "1000",
        "BASE_URL": '["https://one.example", "https://two.example"]',
    }.items():
        monkeypatch.setenv(f"HONGBAO_MERCHANTS__MAIN__{name}", value)
    merchant = read_settings(None).merchants["main"]
    assert merchant.model_dump(exclude_defaults=True, exclude={"api_key"}) == {
        "mch_id": "1900000001",
        "p12": Path("keys.p12"),
        "accounts": {"shop": "wx0000000000000001"},
        "agents": {1000002: Path("agent")},
        "timeouts": {"read_ms": 1000},
        "base_url": ("https://one.example", "https://two.example"),
    }
    assert wiring.api_key(merchant).reveal() == "12345678901234567890123456789012"


def test_an_empty_variable_counts_as_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONGBAO_MERCHANTS__MAIN__MCH_ID", "")
    assert _read(tmp_path, MAIN).merchants["main"].mch_id == "1900000001"


def test_the_named_file_comes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONGBAO_CONFIG", "variable.toml")
    assert settings_file(Path("named.toml")) == Path("named.toml")


def test_the_variable_comes_before_the_file_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hongbao.toml").write_text("")
    monkeypatch.setenv("HONGBAO_CONFIG", "variable.toml")
    assert settings_file(None) == Path("variable.toml")


def test_the_file_in_the_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "hongbao.toml").write_text("")
    assert settings_file(None) == Path("hongbao.toml")


def test_without_any_file_there_is_none() -> None:
    assert settings_file(None) is None


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    text = f"""
default_merchant = "main"
surprise = 1
[merchants.main]
mchid = "1900000001"
api_key = "{KEY}"
[merchants.main.limits]
amount_fen_max = "many"
"""
    assert _faults(tmp_path, text) == [
        ("merchants.main.mch_id", "is missing"),
        ("merchants.main.limits.as_of", "is missing"),
        (
            "merchants.main.limits.amount_fen_max",
            "input should be a valid integer, unable to parse string as an integer",
        ),
        ("merchants.main.mchid", "is not a key"),
        ("surprise", "is not a key"),
    ]


def test_a_mistyped_key_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="did you mean api_key_file"):
        _read(tmp_path, MAIN.replace("p12 =", 'api_key_fil = "x"\np12 ='))


def test_a_number_without_quotes_is_explained(tmp_path: Path) -> None:
    assert _faults(tmp_path, MAIN.replace('"1900000001"', "1900000001")) == [("merchants.main.mch_id", "is not a text")]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ((f'api_key = "{KEY}"', ""), ("merchants.main.api_key", "is missing")),
        (("p12 =", 'api_key_file = "k"\np12 ='), ("merchants.main.api_key", "is given beside api_key_file")),
        (('p12 = "keys/apiclient_cert.p12"', ""), ("merchants.main.p12", "is missing, and so is the PEM pair")),
        (("p12 =", 'key = "k"\np12 ='), ("merchants.main.p12", "is given beside the PEM pair")),
        (("p12 =", "certificate ="), ("merchants.main.key", "is missing: a PEM pair has two files")),
        (
            ("p12 =", 'p12_passphrase = "a"\np12_passphrase_file = "b"\np12 ='),
            ("merchants.main.p12_passphrase", "is given beside p12_passphrase_file"),
        ),
        (
            ("p12 =", 'workwx_secret = "a"\nworkwx_secret_file = "b"\np12 ='),
            ("merchants.main.workwx_secret", "is given beside workwx_secret_file"),
        ),
    ],
)
def test_parts_that_exclude_or_need_each_other(tmp_path: Path, change: tuple[str, str], fault: tuple[str, str]) -> None:
    """Each secret is given once, and the certificate as p12 or as a whole PEM pair."""
    assert _faults(tmp_path, MAIN.replace(*change)) == [fault]


@pytest.mark.parametrize(
    "url", ["http://a", "https://[::1", "https://a..b", "https://a/?x", "https://a/#x", "https://"]
)
def test_an_address_is_judged_as_the_client_judges_it(tmp_path: Path, url: str) -> None:
    """The doctor takes it apart before any client is made."""
    assert _faults(tmp_path, MAIN.replace("p12 =", f'base_url = "{url}"\np12 =')) == [
        ("merchants.main.base_url", "is not https://host, https://host:port or one of them with a path")
    ]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("~no.such.user/x", "begins with a home folder that this machine does not know"),
        ("a\\u0000b", "holds a NUL, which no path can"),
    ],
)
@pytest.mark.parametrize("source", ["file", "environment"])
def test_a_path_that_can_lead_nowhere_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, path: str, fault: str
) -> None:
    if source == "environment":
        merchant = f'{{"main": {{"mch_id": "1", "api_key": "{KEY}", "p12": "{path}"}}}}'
        monkeypatch.setenv("HONGBAO_MERCHANTS", merchant)
        assert _faults(tmp_path, "") == [("merchants.main.p12", fault)]
    else:
        assert _faults(tmp_path, MAIN.replace("keys/apiclient_cert.p12", path)) == [("merchants.main.p12", fault)]


@pytest.mark.parametrize(
    ("name", "value"),
    [("MERCHANTS", f'{{"{KEY}"'), ("MERCHANTS__SHOP__ACCOUNTS", KEY), ("MERCHANTS__SHOP__BASE_URL", f'["{KEY}')],
)
def test_a_variable_that_is_not_its_json_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Nor may what hangs on the error hold it: JSON's own error keeps the whole text."""
    monkeypatch.setenv(f"HONGBAO_{name}", value)
    with pytest.raises(BadInput) as caught:
        read_settings(None)
    assert (caught.value.field, KEY in str(caught.value), caught.value.__context__) == ("environment", False, None)


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ("[merchants.main.limits.scenes.PRODUKT_1]\nfen_min = 1\nfen_max = 2", "PRODUKT_1"),
        ("[merchants.main.limits.scenes.PRODUCT_1]\nfen_min = 2\nfen_max = 1", "PRODUCT_1"),
        ("[merchants.main.limits.text_bytes_max]\nwishng = 9", "wishng"),
        ("amount_fen_min = 30000", "amount_fen_min"),
        ("amount_fen_max = 1000000000000000", "amount_fen_max"),
    ],
)
def test_limits_that_would_never_bind_or_never_let_pass_are_refused(tmp_path: Path, limits: str, field: str) -> None:
    told = f"{MAIN}\n[merchants.main.limits]\nas_of = 2025-11-01\n{limits}\n"
    assert [name for name, _ in _faults(tmp_path, told)] == [f"merchants.main.limits.{field}"]


@pytest.mark.parametrize("value", ["0", "-1", "86400001", "1" + "0" * 400])
def test_a_timeout_that_cannot_be_waited_is_named(tmp_path: Path, value: str) -> None:
    told = f"{MAIN}\n[merchants.main.timeouts]\nread_ms = {value}\n"
    assert [name for name, _ in _faults(tmp_path, told)] == ["merchants.main.timeouts.read_ms"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"[[", "is not TOML"), (b"\xff\xfe", "is not UTF-8"), (None, "cannot be read")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, fault: str) -> None:
    file = tmp_path / "hongbao.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput, match=fault) as caught:
        read_settings(file)
    assert (caught.value.field, str(file) in str(caught.value)) == ("config", True)


def test_the_only_merchant_needs_no_name(tmp_path: Path) -> None:
    assert _read(tmp_path, MAIN).merchant()[0] == "main"


def test_one_of_several_merchants_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="main, second"):
        _read(tmp_path, MAIN + SECOND).merchant()


def test_the_default_merchant_is_taken(tmp_path: Path) -> None:
    settings = _read(tmp_path, 'default_merchant = "second"\n' + MAIN + SECOND)
    assert (settings.merchant()[0], settings.merchant("main")[0]) == ("second", "main")


def test_a_default_merchant_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert _faults(tmp_path, 'default_merchant = "third"\n' + MAIN) == [
        ("default_merchant", "'third' is not a merchant")
    ]


def test_an_unknown_merchant_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'third' is not in the settings"):
        _read(tmp_path, MAIN).merchant("third")


def test_no_merchant_says_what_to_write() -> None:
    with pytest.raises(BadInput, match=r"write hongbao\.toml"):
        read_settings(None).merchant()


@pytest.mark.parametrize(
    ("account", "appid"),
    [("app", "wx0000000000000004"), ("wx0000000000000003", "wx0000000000000003"), ("ww9", "ww9")],
)
def test_an_account_is_a_name_or_an_appid(tmp_path: Path, account: str, appid: str) -> None:
    assert _read(tmp_path, SECOND).merchants["second"].appid(account) == appid


@pytest.mark.parametrize("account", [None, "shopp"])
def test_an_account_that_cannot_be_told_is_bad_input(tmp_path: Path, account: str | None) -> None:
    with pytest.raises(BadInput, match="shop, app"):
        _read(tmp_path, SECOND).merchants["second"].appid(account)


def test_no_secret_shows_in_a_repr(tmp_path: Path) -> None:
    settings = _read(tmp_path, MAIN.replace("p12 =", f'workwx_secret = "{KEY}"\np12_passphrase = "{KEY}"\np12 ='))
    assert KEY not in repr(settings) + str(settings)


def test_settings_do_not_change(tmp_path: Path) -> None:
    merchant = _read(tmp_path, MAIN).merchants["main"]
    with pytest.raises(ValueError, match="frozen"):
        merchant.mch_id = "2"  # type: ignore[misc]


def test_the_limits_are_those_of_the_sdk() -> None:
    """Whatever the SDK checks can be overridden here, and nothing else. What paces sending is kept with the books."""
    paces = {*PACED, "retry_ms_min"}
    assert set(LimitSettings.model_fields) - {"as_of"} == {each.name for each in fields(LimitSet)} - paces


def test_limits_become_entered_limits(tmp_path: Path) -> None:
    limits = """
[merchants.main.limits]
as_of = 2025-11-01
amount_fen_max = 50000
[merchants.main.limits.scenes.PRODUCT_2]
fen_min = 30
fen_max = 100000
[merchants.main.limits.text_bytes_max]
wishing = 100
"""
    merchant = _read(tmp_path, MAIN + limits).merchants["main"]
    assert merchant.limits is not None
    day = merchant.limits.as_of
    assert wiring.limits(merchant) == LimitSet(
        amount_fen_max=Limit(50_000, day, "entered"),
        scenes={"PRODUCT_2": (Limit(30, day, "entered"), Limit(100_000, day, "entered"))},
        text_bytes_max={"wishing": Limit(100, day, "entered")},
    )


def test_the_default_timeouts_are_those_of_the_sdk(tmp_path: Path) -> None:
    timeouts = _read(tmp_path, MAIN).merchants["main"].timeouts
    assert Timeouts(**timeouts.model_dump()) == Timeouts()


def test_a_secret_file_may_end_with_a_line_break(tmp_path: Path) -> None:
    (tmp_path / "second_key").write_text(f"{KEY}\n")
    assert wiring.api_key(_read(tmp_path, SECOND).merchants["second"]).reveal() == KEY


@pytest.mark.parametrize(
    ("content", "fault"), [(None, "cannot be read"), (b" \n", "is empty"), (b"\xff", "is not UTF-8")]
)
def test_a_secret_file_that_holds_no_secret_is_named(tmp_path: Path, content: bytes | None, fault: str) -> None:
    if content is not None:
        (tmp_path / "second_key").write_bytes(content)
    with pytest.raises(BadInput, match=fault) as caught:
        wiring.api_key(_read(tmp_path, SECOND).merchants["second"])
    assert caught.value.field == "api_key_file"


def test_every_key_is_described() -> None:
    """The reference page is made of these descriptions."""
    sections = [Settings, MerchantSettings, LimitSettings]
    assert [name for section in sections for name, each in section.model_fields.items() if not each.description] == []
