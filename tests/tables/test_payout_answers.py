"""What every answer to a send leads to, as a table that reads without knowing the code.

Each line: the answer as WeChat gives it, on a first try; then what becomes of the grant, when the same number may be
sent again, when a query is made, and what it says about the merchant. Times are seconds after the answer.
"""

import pytest
from tests.factories import answered, begin, reply, send_red_pack

from hongbao.channel.wechat import outcome_of
from hongbao.ledger.grant import State, step
from hongbao.merchant import LimitSet
from hongbao.payout.followup import Facts, FollowUp, after_send
from hongbao.payout.outcome import No, Sent
from hongbao.wechat import CODES, CallError
from hongbao.wechat.flow import Failure

NOON_MS = 1_735_704_000_000  # 2025-01-01 12:00 Beijing time

FIRST_TRY = """
answer                                      becomes       send      look    also
sent                                        sent          -         600     -
nothing left                                due           1         -       -
timeout                                     unsure        -         5       -
HTTP 502                                    unsure        -         5       -
not XML                                     unsure        -         5       -
NEW_CODE                                    unsure        -         5       alarm
SYSTEMERROR                                 unsure        2         62      -
268458547                                   unsure        2         62      -
PROCESSING                                  unsure        -         1200    -
SEND_FAILED                                 doomed        -         61      -
FATAL_ERROR                                 needs_person  -         -       alarm
FREQ_LIMIT                                  due           2         -       brake pace
SECOND_OVER_LIMITED                         due           2         -       brake pace
TIME_LIMITED                                due           600       -       brake quiet
SENDNUM_LIMIT                               due           72005     -       full
RCVDAMOUNT_LIMIT                            due           72005     -       full
SENDAMOUNT_LIMIT                            due           72005     -       brake merchant_day
DAY_OVER_LIMITED                            due           72005     -       brake merchant_day
NO_AUTH                                     due           600       -       -
NOAUTH                                      due           2         -       brake setup
NOTENOUGH                                   due           2         -       brake balance
CA_ERROR                                    due           2         -       brake setup
SIGN_ERROR                                  due           2         -       brake setup
XML_ERROR                                   due           2         -       brake setup
ILLEGAL_APPID                               due           2         -       brake setup
API_METHOD_CLOSED                           due           2         -       brake setup
MSGAPPID_ERROR                              due           2         -       brake setup
ACCEPTMODE_ERROR                            due           2         -       brake setup
NO_CONSUME_COMPETENCE                       due           2         -       brake setup
PRODUCT_AUTHORITY_UNOPEN                    due           2         -       brake setup
PAYER_ACCOUNT_ABNORMAL                      due           2         -       brake setup
PARAM_ERROR 参数错误:商户号和wxappid不匹配  due           2         -       brake setup
PARAM_ERROR 参数错误:该场景未开通           due           2         -       brake setup
PARAM_ERROR 参数错误:红包金额参数错误       failed        -         -       -
PARAM_ERROR re_openid字段为必填并且少于32个字符  failed   -         -       -
MONEY_LIMIT                                 failed        -         -       -
OPENID_ERROR                                failed        -         -       -
"""

IN_DOUBT = """
answer                                      becomes       send      look    also
sent                                        sent          -         600     -
nothing left                                unsure        2         62      -
timeout                                     unsure        -         10      -
NEW_CODE                                    unsure        -         10      alarm
SYSTEMERROR                                 unsure        4         64      -
PROCESSING                                  unsure        -         1200    -
SEND_FAILED                                 doomed        -         61      -
FATAL_ERROR                                 needs_person  -         -       alarm
FREQ_LIMIT                                  unsure        -         10      brake pace
SENDNUM_LIMIT                               unsure        -         10      full
NO_AUTH                                     unsure        -         10      -
NOTENOUGH                                   unsure        -         10      brake balance
CA_ERROR                                    unsure        -         10      brake setup
MONEY_LIMIT                                 unsure        -         10      -
OPENID_ERROR                                unsure        -         10      -
PARAM_ERROR 参数错误:红包金额参数错误       unsure        -         10      -
"""


def lines(table: str) -> list[tuple[str, ...]]:
    rows = table.strip().splitlines()[1:]
    return [tuple(cell.strip() for cell in line.split("  ") if cell.strip()) for line in rows]


def sent_error(answer: str) -> CallError:
    """Make the call that ends so, through the SDK."""
    request = send_red_pack()
    try:
        match answer:
            case "nothing left" | "timeout":
                conversation, _ = begin(request, hosts=("https://one.example",))
                conversation.send(Failure(sent=answer == "timeout", what=answer))
            case "HTTP 502":
                answered(request, b"<html/>", 502)
            case "not XML":
                answered(request, b"busy")
            case _:
                code, _, text = answer.partition(" ")
                body = reply(
                    ("return_code", "SUCCESS"), ("return_msg", text), ("result_code", "FAIL"), ("err_code", code),
                    ("err_code_des", text), ("mch_billno", request.mch_billno),
                )  # fmt: skip
                answered(request, body)
    except CallError as error:
        return error
    raise AssertionError("it ended well")


def follow(answer: str, facts: Facts) -> FollowUp:
    outcome = Sent(list_id="1") if answer == "sent" else outcome_of(sent_error(answer))
    return after_send(outcome, facts, NOON_MS, LimitSet(), quiet=True)


def shown(follow_up: FollowUp, state: State) -> tuple[str, str, str, str]:
    for event in follow_up.events:
        after = step(state, event)
        assert after is not None, f"{state} forbids {event}"
        state = after
    times = tuple(
        "-" if at_ms is None else f"{(at_ms - NOON_MS) / 1000:g}" for at_ms in (follow_up.send_ms, follow_up.look_ms)
    )
    also = (
        "alarm"
        if follow_up.alarm
        else "full"
        if follow_up.full
        else f"brake {follow_up.brake}"
        if follow_up.brake
        else "-"
    )
    return (str(state), *times, also)


@pytest.mark.parametrize("line", lines(FIRST_TRY), ids=lambda line: line[0])
def test_a_first_try(line: tuple[str, ...]) -> None:
    """The answer to a first try leads where the table says."""
    facts = Facts(state=State.SENDING, fen=100, tries=1, first_try_ms=NOON_MS, last_try_ms=NOON_MS)
    assert shown(follow(line[0], facts), State.SENDING) == line[1:]


@pytest.mark.parametrize("line", lines(IN_DOUBT), ids=lambda line: line[0])
def test_a_repetition_in_doubt(line: tuple[str, ...]) -> None:
    """While an earlier try is in doubt, a definite no ends nothing: only a query does."""
    facts = Facts(state=State.RESENDING, fen=100, tries=2, first_try_ms=NOON_MS - 60_000, last_try_ms=NOON_MS)
    assert shown(follow(line[0], facts), State.RESENDING) == line[1:]


def test_every_documented_code_of_a_send_has_its_line() -> None:
    """A code that comes into the SDK's table must be decided here too."""
    codes = {row.code for row in CODES if "sendredpack" in row.endpoints}
    assert codes - {line[0].split(" ")[0] for line in lines(FIRST_TRY)} == set()


@pytest.mark.parametrize(
    "row",
    [row for row in CODES if "gethbinfo" not in row.endpoints or row.code != "NOT_FOUND"],
    ids=lambda row: f"{row.code}-{row.endpoints[0]}",
)
def test_a_definite_no_is_said_only_where_the_code_table_allows_it(row) -> None:
    """A code whose outcome the documents call open never becomes a definite no, whatever the endpoint."""
    error = CallError("x", endpoint=row.endpoints[0], order_number="1", code=row.code, text="x", row=row)
    if row.same_number in {"query", "new"}:
        assert not isinstance(outcome_of(error), No)
    else:
        assert isinstance(outcome_of(error), No)


def test_what_may_have_left_an_order_is_not_failed_by_itself() -> None:
    """A row's own fault after an earlier try that may have left an order goes to a person."""
    facts = Facts(state=State.SENDING, fen=100, tries=2, first_try_ms=NOON_MS, last_try_ms=NOON_MS, left_order=True)
    assert shown(follow("OPENID_ERROR", facts), State.SENDING) == ("needs_person", "-", "-", "-")
