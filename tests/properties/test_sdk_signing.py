"""What holds for every sign."""

import re

from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import FIELDS

from hongbao.wechat.signing import SignType, explain_sign, sign

KEYS = st.text(alphabet="0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=32, max_size=32)
SIGN_TYPES: st.SearchStrategy[SignType] = st.sampled_from(["MD5", "HMAC-SHA256"])


@given(fields=FIELDS, key=KEYS, sign_type=SIGN_TYPES, data=st.data())
def test_the_order_of_fields_does_not_matter(
    fields: dict[str, str | int], key: str, sign_type: SignType, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(list(fields.items())))
    assert sign(shuffled, key, sign_type) == sign(fields.items(), key, sign_type)


@given(fields=FIELDS, key=KEYS, sign_type=SIGN_TYPES)
def test_a_sign_is_upper_case_hex_of_its_length(fields: dict[str, str | int], key: str, sign_type: SignType) -> None:
    length = 32 if sign_type == "MD5" else 64
    assert re.fullmatch(f"[0-9A-F]{{{length}}}", sign(fields.items(), key, sign_type))


@given(fields=FIELDS, key=KEYS)
def test_empty_fields_and_sign_change_nothing(fields: dict[str, str | int], key: str) -> None:
    more = {**fields, "empty field": "", "sign": "x"}
    less = {name: value for name, value in fields.items() if name != "sign"}
    assert sign(more.items(), key) == sign(less.items(), key)


@given(fields=FIELDS, key=KEYS)
def test_explain_sign_never_holds_the_key(fields: dict[str, str | int], key: str) -> None:
    values = "".join(str(value) for value in fields.values())
    assert key in values or key not in explain_sign(fields.items(), key)


@given(fields=FIELDS.filter(bool), key=KEYS, data=st.data())
def test_another_value_gives_another_sign(fields: dict[str, str | int], key: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(set(fields) - {"sign"}) or ["a"]))
    changed = {**fields, name: f"{fields.get(name, '')}+"}
    assert sign(changed.items(), key) != sign(fields.items(), key)
