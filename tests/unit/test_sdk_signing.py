"""The rules of signing, one by one: a digest pins them together, these say which one broke."""

import hashlib

import pytest

from hongbao.errors import BadInput
from hongbao.wechat.signing import SignType, explain_sign, pay_sign, sign

KEY = "192006250b4c09247ec02edce69f6a2d"


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest().upper()


def test_empty_values_are_left_out() -> None:
    assert sign([("a", "1"), ("b", ""), ("c", "2")], KEY) == md5(f"a=1&c=2&key={KEY}")


def test_nought_and_blank_are_not_empty() -> None:
    assert sign([("a", 0), ("b", " ")], KEY) == md5(f"a=0&b= &key={KEY}")


def test_upper_case_names_come_before_lower_case() -> None:
    assert sign([("a", "1"), ("B", "2"), ("_c", "3")], KEY) == md5(f"B=2&_c=3&a=1&key={KEY}")


def test_names_are_sorted_and_not_the_pairs_as_text() -> None:
    """ "=" sorts after digits: as text, "a=..." would come after "a1=..."."""
    assert sign([("a1", "x"), ("a", "x")], KEY) == md5(f"a=x&a1=x&key={KEY}")


def test_a_field_named_sign_is_left_out() -> None:
    assert sign([("a", "1"), ("sign", "whatever")], KEY) == md5(f"a=1&key={KEY}")


def test_values_are_neither_url_encoded_nor_xml_escaped() -> None:
    assert sign([("a", "1&b=2 <红包>%3d")], KEY) == md5(f"a=1&b=2 <红包>%3d&key={KEY}")


def test_md5_has_32_upper_case_digits_and_hmac_64() -> None:
    fields = [("a", "1")]
    assert [len(sign(fields, KEY)), len(sign(fields, KEY, "HMAC-SHA256"))] == [32, 64]
    assert sign(fields, KEY, "HMAC-SHA256") == sign(fields, KEY, "HMAC-SHA256").upper()


def test_pay_sign_encodes_everything_outside_the_unreserved() -> None:
    encoded, _ = pay_sign(appid="wx", timestamp="1", nonce="n", package="a=1/2&b=~红", key=KEY)
    assert encoded == "a%3D1%2F2%26b%3D~%E7%BA%A2"


def test_explain_sign_is_what_is_hashed_but_for_the_key() -> None:
    fields = [("b", "2"), ("a", "红"), ("empty", ""), ("sign", "x")]
    explained = explain_sign(fields, KEY)
    assert explained == "a=红&b=2&key=19…(32 characters)"
    assert md5(explained.replace("19…(32 characters)", KEY)) == sign(fields, KEY)


def test_explain_sign_shows_nothing_of_a_key_too_short_to_be_one() -> None:
    assert explain_sign([("a", "1")], "ab") == "a=1&key=…(2 characters)"


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
@pytest.mark.parametrize(("value", "key"), [("\ud800", "the key"), ("1", "the key\ud800")], ids=["value", "key"])
def test_what_cannot_be_encoded_is_refused_without_the_key(value: str, key: str, sign_type: SignType) -> None:
    """Python's own error would hold the whole string, and so would the context of ours."""
    with pytest.raises(BadInput) as caught:
        sign([("a", value)], key, sign_type)
    assert (caught.value.field, "the key" in str(caught.value), caught.value.__context__) == ("sign", False, None)
