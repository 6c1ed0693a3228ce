"""Single answers and their share."""

from hongbao.payout.brakes import Ended, refuses_all, same_fault, wrong_list
from hongbao.payout.outcome import About


def refused(grant: int, about: About | None, text: str = "") -> Ended:
    return Ended(grant=grant, about=about, text=text)


def test_one_person_refused_often_is_one_person() -> None:
    """The same grant again and again is not everybody."""
    assert not refuses_all([refused(1, About.PERSON_OR_SETUP)] * 50)


def test_most_of_the_last_fifty_are_everybody() -> None:
    """Twenty-six of fifty are the merchant's; twenty-five are not."""
    paid = [refused(grant, None) for grant in range(100, 150)]
    no = [refused(grant, About.PERSON_OR_SETUP) for grant in range(26)]
    assert refuses_all([*no, *paid[:24]])
    assert not refuses_all([*no[:25], *paid[:25]])


def test_the_first_five_sends_of_a_merchant_are_enough() -> None:
    """A merchant whose every first send is refused is not set up."""
    no = [refused(grant, About.PERSON_OR_SETUP) for grant in range(5)]
    assert refuses_all(no)
    assert not refuses_all(no[:4])


def test_three_wrong_openids_of_the_last_ten_are_a_wrong_list() -> None:
    """Older results do not count."""
    paid = [refused(grant, None) for grant in range(100, 110)]
    wrong = [refused(grant, About.OPENID) for grant in range(3)]
    assert wrong_list([*wrong, *paid])
    assert not wrong_list([*wrong[:2], *paid])
    assert not wrong_list([*paid, *wrong])


def test_five_rows_with_the_same_fault_are_everybodys() -> None:
    """The same text from five rows; other texts and other kinds do not count."""
    rows = [refused(grant, About.ROW, "红包金额参数错误") for grant in range(5)]
    assert same_fault(rows, "红包金额参数错误")
    assert not same_fault([*rows[:4], refused(9, About.ROW, "wishing")], "红包金额参数错误")
    assert not same_fault([refused(grant, About.OPENID, "x") for grant in range(9)], "x")
