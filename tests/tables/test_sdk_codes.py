"""Every error code, from every endpoint, in the wire shape of every year, becomes the class that says who must act."""

import pytest
from tests.factories import CURRENT, NUMBER, answered, reply

from hongbao.wechat import (
    CODES,
    CallError,
    CodeRow,
    Final,
    FixAccount,
    FixRequest,
    OutcomeUnknown,
    SameNumber,
    SameNumberAgain,
    Turn,
    Wait,
)
from hongbao.wechat.codes import Order, find, rows
from hongbao.wechat.endpoints import ENDPOINTS

SEND = ("sendredpack", "sendgroupredpack", "sendminiprogramhb", "sendworkwxredpack", "hbpreorder")
QUERY = ("gethbinfo", "queryworkwxredpack")
DOCUMENTED: dict[str, tuple[tuple[str, ...], type[CallError]]] = {
    "NO_AUTH": (SEND + QUERY, FixAccount),
    "NOAUTH": (SEND, FixAccount),
    "SENDNUM_LIMIT": (SEND, Wait),
    "SENDAMOUNT_LIMIT": (SEND, Wait),
    "RCVDAMOUNT_LIMIT": (SEND, Wait),
    "ILLEGAL_APPID": (SEND, FixRequest),
    "MONEY_LIMIT": (SEND, FixRequest),
    "SEND_FAILED": (SEND, Final),
    "FATAL_ERROR": (SEND, FixRequest),
    "CA_ERROR": (SEND + QUERY, FixAccount),
    "SIGN_ERROR": (SEND + QUERY, FixAccount),
    "SYSTEMERROR": (SEND + QUERY, SameNumberAgain),
    "268458547": (SEND, SameNumberAgain),
    "XML_ERROR": (SEND + QUERY, FixRequest),
    "FREQ_LIMIT": (SEND + QUERY, Wait),
    "API_METHOD_CLOSED": (SEND, FixAccount),
    "NOTENOUGH": (SEND, FixAccount),
    "OPENID_ERROR": (SEND, FixRequest),
    "MSGAPPID_ERROR": (SEND, FixAccount),
    "ACCEPTMODE_ERROR": (SEND, FixAccount),
    "PROCESSING": (SEND, OutcomeUnknown),
    "PARAM_ERROR": (SEND + QUERY, FixRequest),
    "NO_CONSUME_COMPETENCE": (SEND, FixAccount),
    "PRODUCT_AUTHORITY_UNOPEN": (SEND, FixAccount),
    "PAYER_ACCOUNT_ABNORMAL": (SEND, FixAccount),
    "SECOND_OVER_LIMITED": (SEND, Wait),
    "DAY_OVER_LIMITED": (SEND, Wait),
    "TIME_LIMITED": (SEND, Wait),
    "NO_COMPETENCE": (("sendworkwxredpack",), FixAccount),
    "PSYSTEMERROR": (("queryworkwxredpack",), SameNumberAgain),
    "NOT_FOUND": (QUERY, OutcomeUnknown),
}
"""All codes of docs/reference/endpoints.md, typed again by hand: no row can vanish or change its class unseen."""

ROWS = [(row, endpoint) for row in CODES for endpoint in row.endpoints]
ECHOES: dict[str, str | int] = {
    "mch_billno": NUMBER,
    "mch_id": "1900000001",
    "wxappid": "wx0000000000000001",
    "re_openid": "o000000000000000000000000001",
    "total_amount": 100,
}


def failure(endpoint: str, code: str, text: str, *, era: str, echo: bool) -> bytes:
    """Write a failure: FAIL twice with a bare mch_id in 2015, SUCCESS and FAIL since."""
    echoes = {name: ECHOES[name] for name in ENDPOINTS[endpoint].echoes} if echo else {}
    if "total_amount" in echoes and endpoint == "sendgroupredpack":
        echoes["total_amount"] = 300
    if "mch_id" in echoes and era == "2015":
        echoes["mch_id"] = 1900000001
    return reply(
        ("return_code", "FAIL" if era == "2015" else "SUCCESS"),
        ("return_msg", text),
        ("result_code", "FAIL"),
        ("err_code", code),
        ("err_code_des", text),
        *echoes.items(),
    )


def error_of(endpoint: str, body: bytes) -> CallError:
    with pytest.raises(CallError) as caught:
        answered(CURRENT[endpoint], body)
    return caught.value


@pytest.mark.parametrize(("code", "endpoint"), [(code, each) for code, (on, _) in DOCUMENTED.items() for each in on])
@pytest.mark.parametrize("era", ["2015", "2016"])
@pytest.mark.parametrize("echo", [True, False], ids=["echo", "no echo"])
def test_a_documented_code_becomes_its_class(code: str, endpoint: str, era: str, echo: bool) -> None:
    error = error_of(endpoint, failure(endpoint, code, "文字", era=era, echo=echo))
    assert type(error) is DOCUMENTED[code][1]
    assert (error.code, error.text, error.endpoint, error.order_number) == (code, "文字", endpoint, NUMBER)
    assert error.sent is True


def test_the_table_has_exactly_the_documented_codes_and_endpoints() -> None:
    assert {(row.code, endpoint) for row, endpoint in ROWS} == {
        (code, endpoint) for code, (endpoints, _) in DOCUMENTED.items() for endpoint in endpoints
    }


def test_no_code_stands_twice_for_an_endpoint() -> None:
    assert len(ROWS) == len({(row.code, endpoint) for row, endpoint in ROWS})


@pytest.mark.parametrize(("row", "endpoint"), ROWS, ids=[f"{row.code} {endpoint}" for row, endpoint in ROWS])
def test_the_error_carries_what_the_table_says(row: CodeRow, endpoint: str) -> None:
    error = error_of(endpoint, failure(endpoint, row.code, row.texts[0], era="2016", echo=True))
    assert (error.row, error.turn, error.same_number) == (row, row.turn, row.same_number)
    assert str(error) == f"{endpoint} {NUMBER}: {row.code} {row.texts[0]}. {row.remedy}"


@pytest.mark.parametrize("row", CODES, ids=[f"{row.code} {row.endpoints[0]}" for row in CODES])
def test_a_row_says_everything(row: CodeRow) -> None:
    assert row.endpoints
    assert row.texts
    assert all(text.strip() == text != "" for text in (*row.texts, row.meaning, row.cause, row.remedy, row.remedy_zh))
    assert not row.remedy_zh.isascii()
    assert row.remedy.isprintable()
    assert set(row.endpoints) <= set(ENDPOINTS)
    assert len(set(row.endpoints)) == len(row.endpoints)


@pytest.mark.parametrize("row", CODES, ids=[f"{row.code} {row.endpoints[0]}" for row in CODES])
def test_a_number_is_dead_only_where_the_class_is_final(row: CodeRow) -> None:
    """To take a new number after anything else may pay twice."""
    assert (row.turn is Turn.FINAL) == (row.same_number is SameNumber.NEW) == (row.order is Order.DEAD)


@pytest.mark.parametrize("row", CODES, ids=[f"{row.code} {row.endpoints[0]}" for row in CODES])
def test_an_unknown_outcome_forbids_a_new_number(row: CodeRow) -> None:
    if row.turn in {Turn.OUTCOME_UNKNOWN, Turn.SAME_NUMBER_AGAIN}:
        assert row.same_number is SameNumber.QUERY


@pytest.mark.parametrize(
    ("code", "plain"),
    [("TIME _LIMITED", "TIME_LIMITED"), ("DAY_ OVER_LIMITED", "DAY_OVER_LIMITED"), (" NOTENOUGH\n", "NOTENOUGH")],
)
def test_a_stray_blank_in_a_code_is_taken_out(code: str, plain: str) -> None:
    error = error_of("sendredpack", failure("sendredpack", code, "文字", era="2015", echo=True))
    assert type(error) is DOCUMENTED[plain][1]
    assert error.code == plain


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("era", ["2015", "2016"])
@pytest.mark.parametrize("code", ["NEW_CODE_OF_TOMORROW", "notenough", "-1", "x" * 500])
def test_a_code_that_no_document_has_leaves_the_outcome_unknown(endpoint: str, era: str, code: str) -> None:
    error = error_of(endpoint, failure(endpoint, code, "文字", era=era, echo=True))
    assert type(error) is OutcomeUnknown
    assert (error.code, error.text, error.row, error.same_number) == (code, "文字", None, SameNumber.QUERY)


@pytest.mark.parametrize(
    ("code", "endpoint"),
    [(code, each) for code, (endpoints, _) in DOCUMENTED.items() for each in ENDPOINTS if each not in endpoints],
)
def test_a_code_of_other_endpoints_leaves_the_outcome_unknown(code: str, endpoint: str) -> None:
    error = error_of(endpoint, failure(endpoint, code, "文字", era="2016", echo=True))
    assert type(error) is OutcomeUnknown
    assert (error.code, error.row) == (code, None)


def test_rows_finds_a_code_whatever_its_endpoint_case_or_blanks() -> None:
    assert rows(" system error ") == (find("SYSTEMERROR", "sendredpack"), find("SYSTEMERROR", "gethbinfo"))
    assert rows("NO_SUCH_CODE") == ()


def test_a_failed_query_says_nothing_of_the_packet() -> None:
    sending, asking = rows("SYSTEMERROR")
    assert (sending.order, asking.order) == (Order.UNKNOWN, Order.UNCHANGED)
