"""The same intent has the same number for ever; another intent has another."""

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import pytest

from hongbao.errors import BadInput
from hongbao.number import OrderIntent, classic_order_number, order_number

INTENT = OrderIntent(
    mch_id="1900000001",
    appid="wx0000000000000001",
    campaign="spring",
    openid="o000000000000000000000000001",
    occasion="welcome",
)
DAY = dt.date(2025, 1, 1)


@pytest.mark.parametrize(
    ("intent", "number"),
    [
        (INTENT, "rFBI9F8prWDxcjbGLAtLpFjz7RCy"),
        (replace(INTENT, renewal=1), "KOlCNtFfwnbtnHRyIaRzYm5fDnaW"),
        (replace(INTENT, campaign="春节", occasion="订单 42"), "C84zVyldnxocNBakWcr4J4hU9orP"),
        (
            OrderIntent(mch_id="1", appid="a", campaign="b", openid="c", occasion="d", renewal=10),
            "P6kvCq1SGkBpLj0OOhVXKV8ywj5b",
        ),
    ],
)
def test_the_derivation_never_changes_between_releases(intent: OrderIntent, number: str) -> None:
    """These literals are in databases by now: another number for the same intent pays a person twice."""
    assert order_number(intent) == number


def test_a_number_is_28_characters_that_wechat_takes() -> None:
    assert all(
        re.fullmatch("[0-9A-Za-z]{28}", order_number(replace(INTENT, occasion=str(each)))) for each in range(1000)
    )


@pytest.mark.parametrize("position", range(28))
def test_every_position_uses_the_whole_alphabet(position: int) -> None:
    """A position stuck at few characters would carry fewer bits than promised."""
    seen = {order_number(replace(INTENT, occasion=str(each)))[position] for each in range(2000)}
    # The first of seven characters is the top of a 41.7-bit word and as even as the others.
    assert len(seen) == 62


@pytest.mark.parametrize("part", ["mch_id", "appid", "campaign", "openid", "occasion"])
def test_each_part_of_the_intent_matters(part: str) -> None:
    changed: dict[str, Any] = {part: getattr(INTENT, part) + "0"}
    assert order_number(replace(INTENT, **changed)) != order_number(INTENT)


def test_renewal_matters() -> None:
    assert len({order_number(replace(INTENT, renewal=count)) for count in range(20)}) == 20


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"campaign": "a", "occasion": "bc"}, {"campaign": "ab", "occasion": "c"}),
        ({"campaign": "a", "occasion": "b"}, {"campaign": "b", "occasion": "a"}),
        ({"mch_id": "1", "appid": "1:2"}, {"mch_id": "11:", "appid": "2"}),
        ({"occasion": "a", "renewal": 11}, {"occasion": "a1", "renewal": 1}),
        ({"occasion": "a1:0", "renewal": 0}, {"occasion": "a", "renewal": 0}),
        ({"campaign": "é"}, {"campaign": "e\u0301"}),
    ],
)
def test_parts_that_run_together_stay_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert order_number(replace(INTENT, **one)) != order_number(replace(INTENT, **other))


@pytest.mark.parametrize("part", ["mch_id", "appid", "campaign", "openid", "occasion"])
@pytest.mark.parametrize("value", ["", "\ud800"], ids=["empty", "no character"])
def test_a_part_that_says_nothing_is_refused(part: str, value: str) -> None:
    changed: dict[str, Any] = {part: value}
    with pytest.raises(BadInput) as caught:
        order_number(replace(INTENT, **changed))
    assert caught.value.field == part


@pytest.mark.parametrize("part", ["mch_id", "appid", "campaign", "openid", "occasion"])
@pytest.mark.parametrize("value", [42, 0, None, b"42"], ids=repr)
def test_a_part_that_is_no_text_is_refused(part: str, value: Any) -> None:
    """42 and "42" would be the same intent to whoever wrote it."""
    changed: dict[str, Any] = {part: value}
    with pytest.raises(BadInput) as caught:
        order_number(replace(INTENT, **changed))
    assert caught.value.field == part


@pytest.mark.parametrize("renewal", [-1, True, 1.0, "1", None])
def test_renewal_is_a_count(renewal: Any) -> None:
    """True equals 1 and would be written differently: one intent, two numbers."""
    with pytest.raises(BadInput) as caught:
        order_number(replace(INTENT, renewal=renewal))
    assert caught.value.field == "renewal"


def test_an_intent_does_not_show_the_person() -> None:
    shown = repr(INTENT)
    assert INTENT.openid not in shown
    assert "o000…001" in shown
    assert "campaign='spring'" in shown


@pytest.mark.parametrize(
    ("mch_id", "count", "number"),
    [
        ("1900000001", 1, "1900000001202501010000000001"),
        ("1900000001", 0, "1900000001202501010000000000"),
        ("10000098", 9_999_999_999, "10000098202501019999999999"),
    ],
)
def test_the_classic_form_is_merchant_day_and_ten_digits(mch_id: str, count: int, number: str) -> None:
    assert classic_order_number(mch_id, DAY, count) == number


@pytest.mark.parametrize(
    ("mch_id", "count", "field"),
    [
        ("", 1, "mch_id"),
        ("12345678901", 1, "mch_id"),
        ("19000000a1", 1, "mch_id"),
        ("１９", 1, "mch_id"),
        ("-1", 1, "mch_id"),
        ("1900000001", -1, "count"),
        ("1900000001", 10**10, "count"),
        pytest.param("1900000001", 10**5000, "count", id="5001 digits"),
        ("1900000001", 1.0, "count"),
        ("1900000001", True, "count"),
        ("1900000001", "1", "count"),
        (1900000001, 1, "mch_id"),
        (None, 1, "mch_id"),
    ],
)
def test_a_classic_number_that_would_not_fit_is_refused(mch_id: Any, count: Any, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        classic_order_number(mch_id, DAY, count)
    assert caught.value.field == field


def test_a_classic_number_needs_a_date() -> None:
    day: Any = "2025-01-01"
    with pytest.raises(BadInput) as caught:
        classic_order_number("1900000001", day, 1)
    assert caught.value.field == "day"
