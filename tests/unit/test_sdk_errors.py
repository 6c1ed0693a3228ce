"""An error says who must act, and keeps nothing that belongs to a person."""

import pickle

import pytest

from hongbao.errors import BadInput, HongbaoError
from hongbao.wechat import CallError, NothingSent, OutcomeUnknown, SameNumber, SameNumberAgain, Turn, Wait
from hongbao.wechat.errors import BY_TURN, RAW_CHARACTERS_MAX, masked_body

OPENID = "oxTWIuGaIt6gTKsQRLau2M0yL16E"


def test_every_turn_has_its_class() -> None:
    assert {turn: kind.turn for turn, kind in BY_TURN.items()} == {turn: turn for turn in Turn}


def test_nothing_sent_is_a_case_of_same_number_again() -> None:
    assert issubclass(NothingSent, SameNumberAgain)
    assert not issubclass(OutcomeUnknown, SameNumberAgain)


def test_bad_input_is_a_value_error_and_one_of_ours() -> None:
    assert issubclass(BadInput, ValueError)
    assert issubclass(BadInput, HongbaoError)
    assert issubclass(CallError, HongbaoError)
    assert not issubclass(CallError, ValueError)


@pytest.mark.parametrize("turn", Turn)
def test_an_error_without_a_row_still_says_what_to_do(turn: Turn) -> None:
    error = BY_TURN[turn]("it broke", endpoint="sendredpack", order_number=None)
    message = str(error)
    assert message.startswith("sendredpack: it broke. ")
    assert len(message) > len("sendredpack: it broke. ")


@pytest.mark.parametrize(("sent", "same_number"), [(True, SameNumber.QUERY), (False, SameNumber.YES)])
def test_what_may_be_done_with_the_number_hangs_on_whether_anything_was_sent(
    sent: bool, same_number: SameNumber
) -> None:
    error = OutcomeUnknown("it broke", endpoint="sendredpack", order_number="1", sent=sent)
    assert error.same_number is same_number


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            f"<xml><re_openid><![CDATA[{OPENID}]]></re_openid></xml>",
            "<xml><re_openid><![CDATA[oxTW…16E]]></re_openid></xml>",
        ),
        (f"<openid>{OPENID}</openid><amount>1</amount>", "<openid>oxTW…16E</openid><amount>1</amount>"),
        (f"<openid>\n <![CDATA[{OPENID}]]>\n</openid>", "<openid>\n <![CDATA[oxTW…16E]]>\n</openid>"),
        (f"<openid >{OPENID}</openid >", "<openid >oxTW…16E</openid >"),
        (f'<openid a="1">{OPENID}</openid>', '<openid a="1">oxTW…16E</openid>'),
        ("<sign>C380BEC2BFD727A4B6845133519F3AD6</sign>", "<sign>C380…AD6</sign>"),
        ("<sign_type>MD5</sign_type>", "<sign_type>MD5</sign_type>"),
        ("<workwx_sign>99BCDAFF065A4B95628E3DB468A874A8</workwx_sign>", "<workwx_sign>99BC…4A8</workwx_sign>"),
        ("<package><![CDATA[sendid=24&sign=41&appid=wx]]></package>", "<package><![CDATA[send…=wx]]></package>"),
        ("<sp_ticket>v1|AAAABBBB</sp_ticket>", "<sp_ticket>v1|A…BBB</sp_ticket>"),
        ("<openid>short</openid>", "<openid>…</openid>"),
        ("<mch_billno>1900000001202501010000000001</mch_billno>",) * 2,
        ("", ""),
    ],
)
def test_a_body_is_kept_without_persons_and_signs(body: str, shown: str) -> None:
    assert masked_body(body.encode()) == shown


@pytest.mark.parametrize(
    "body",
    [
        f"<openid><![CDATA[{OPENID[:9]}]]><![CDATA[{OPENID[9:]}]]></openid>",
        f"<openid><x>{OPENID}</x></openid>",
        f"<hblist><hbinfo><openid>{OPENID}</openid></hbinfo><hbinfo><openid>{OPENID}</openid></hbinfo></hblist>",
        f"<openid>{OPENID}",
        f"<openid><![CDATA[{OPENID}",
    ],
    ids=["CDATA in two", "nested", "several", "cut", "cut in CDATA"],
)
def test_no_form_of_an_element_lets_an_openid_through(body: str) -> None:
    shown = masked_body(body.encode())
    assert OPENID not in shown
    assert OPENID[9:] not in shown


def test_an_openid_at_the_cut_is_masked_too() -> None:
    """Cutting first and masking later would show what stands before the cut."""
    start = "x" * (RAW_CHARACTERS_MAX - 20) + "<openid>"
    shown = masked_body(f"{start}{OPENID}</openid>".encode())
    assert shown == f"{start}oxTW…16E</openid>"[:RAW_CHARACTERS_MAX]


def test_a_body_of_a_megabyte_is_kept_in_part() -> None:
    assert masked_body("红".encode() * 300_000) == "红" * RAW_CHARACTERS_MAX


def test_an_error_comes_whole_out_of_another_process() -> None:
    error = Wait("FREQ_LIMIT", endpoint="sendredpack", order_number="n1", code="FREQ_LIMIT", sent=True)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.__dict__) == (type(error), str(error), error.__dict__)
    fault = BadInput(field="total_amount", fault="is 0", remedy="give 1 or more")
    assert pickle.loads(pickle.dumps(fault)).__dict__ == fault.__dict__
