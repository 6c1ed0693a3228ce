"""The SDK and the simulator read the protocol apart; here stands every place where their tables differ, and why.

A difference that is not listed fails, and so does a listed one that is gone.
"""

from dataclasses import fields
from typing import Any

import pytest

from hongbao.simulator.fields import PREFIX, endpoints_under
from hongbao.simulator.rules import ERAS, Era
from hongbao.simulator.texts import PARAM_PREFIX, Cause, words_for
from hongbao.wechat import (
    PreOrder,
    QueryRedPack,
    QueryWorkRedPack,
    Request,
    SendGroupRedPack,
    SendGroupRedPack2015,
    SendMiniProgramRedPack,
    SendRedPack,
    SendRedPack2015,
    SendWorkRedPack,
)
from hongbao.wechat.codes import find
from hongbao.wechat.fields import kinds_of

FORMS: list[tuple[Era, type[Request[Any]]]] = [
    ("2025", SendRedPack),
    ("2025", SendGroupRedPack),
    ("2025", QueryRedPack),
    ("2025", PreOrder),
    ("2025", SendMiniProgramRedPack),
    ("2025", SendWorkRedPack),
    ("2025", QueryWorkRedPack),
    ("2015", SendRedPack2015),
    ("2015", SendGroupRedPack2015),
]

# What the simulator knows to sign and the SDK has no field for.
ONLY_THERE = {
    # EasyWeChat signs client_ip on this call and works; other clients leave both out, and so do we.
    (SendMiniProgramRedPack, "client_ip"),
    (SendMiniProgramRedPack, "consume_mch_id"),
    # Stands in the sample of 2015 without a word of explanation.
    (SendRedPack2015, "act_id"),
}

# Where nobody has tried the edge the simulator takes the printed length in full, and the SDK stays one byte below it,
# as it must for the texts whose edge is known.
ONE_BYTE_LESS = {
    (SendRedPack, "risk_info"),
    (SendGroupRedPack, "risk_info"),
    (PreOrder, "wishing"),
    (SendRedPack2015, "logo_imgurl"),
    (SendRedPack2015, "share_content"),
    (SendRedPack2015, "share_url"),
    (SendRedPack2015, "share_imgurl"),
    (SendGroupRedPack2015, "amt_list"),
    (SendGroupRedPack2015, "logo_imgurl"),
    (SendGroupRedPack2015, "watermark_imgurl"),
    (SendGroupRedPack2015, "banner_imgurl"),
    (SendGroupRedPack2015, "share_content"),
    (SendGroupRedPack2015, "share_url"),
    (SendGroupRedPack2015, "share_imgurl"),
    (SendWorkRedPack, "sender_header_media_id"),
}

# Texts that the simulator says and the SDK's table does not show under the code.
OTHER_TEXTS: set[tuple[str, str]] = set()


def kinds(request: type[Request[Any]]) -> set[str]:
    added = {"mch_id", "nonce_str"} | ({"workwx_sign"} if request is SendWorkRedPack else set())
    return set(kinds_of(request)) | added


@pytest.mark.parametrize(("era", "request_type"), FORMS)
def test_every_field_the_sdk_signs_is_known_to_the_simulator(era: Era, request_type: type[Request[Any]]) -> None:
    known = endpoints_under(ERAS[era])[PREFIX + request_type.endpoint].known
    assert kinds(request_type) - known == set()


def test_the_fields_that_only_the_simulator_knows_are_listed() -> None:
    found = {
        (request_type, name)
        for era, request_type in FORMS
        for name in endpoints_under(ERAS[era])[PREFIX + request_type.endpoint].known - kinds(request_type)
    }
    assert found == ONLY_THERE


def test_the_lengths_that_differ_are_listed() -> None:
    found: dict[tuple[type[Request[Any]], str], int] = {}
    for era, request_type in FORMS:
        ours = kinds_of(request_type)
        for theirs in endpoints_under(ERAS[era])[PREFIX + request_type.endpoint].fields:
            bytes_max = getattr(ours.get(theirs.name), "bytes_max", None)
            if bytes_max is not None and bytes_max != theirs.bytes_max:
                found[request_type, theirs.name] = theirs.bytes_max - bytes_max
    assert found == dict.fromkeys(ONE_BYTE_LESS, 1)


def test_the_same_fields_are_required() -> None:
    found: set[tuple[type[Request[Any]], str]] = set()
    for era, request_type in FORMS:
        optional = {each.name for each in fields(request_type) if each.default is None}
        for theirs in endpoints_under(ERAS[era])[PREFIX + request_type.endpoint].fields:
            if theirs.name in kinds_of(request_type) and theirs.required == (theirs.name in optional):
                found.add((request_type, theirs.name))
    assert found == set()


ENDPOINTS_OF = {
    "send": ("sendredpack", "sendminiprogramhb"),
    "group": ("sendgroupredpack",),
    "preorder": ("hbpreorder",),
    "query": ("gethbinfo",),
    "work": ("sendworkwxredpack",),
    "work_query": ("queryworkwxredpack",),
}
# What a query never answers, and what only a query does.
SENDING_ONLY = set(Cause) - {
    Cause.CERTIFICATE, Cause.CERTIFICATE_EXPIRED, Cause.XML, Cause.MERCHANT_UNKNOWN, Cause.SIGN, Cause.ADDRESS,
    Cause.RATE, Cause.SYSTEM, Cause.NOT_FOUND,
}  # fmt: skip


def said() -> set[tuple[str, str, str]]:
    """Return every endpoint, err_code and text that the simulator can answer."""
    answers: set[tuple[str, str, str]] = set()
    for rules in ERAS.values():
        for family, endpoints in ENDPOINTS_OF.items():
            for cause in Cause:
                query = family.endswith("query")
                if (query and cause in SENDING_ONLY) or (not query and cause is Cause.NOT_FOUND):
                    continue
                code, text = words_for(cause, family, rules)  # pyright: ignore[reportArgumentType]
                answers |= {(endpoint, code, text.removeprefix(PARAM_PREFIX)) for endpoint in endpoints}
    return answers


def test_every_code_the_simulator_answers_is_explained_by_the_sdk() -> None:
    assert {(endpoint, code) for endpoint, code, _ in said() if find(code, endpoint) is None} == set()


def test_the_texts_that_only_the_simulator_says_are_listed() -> None:
    found = {
        (code, text)
        for endpoint, code, text in said()
        if (row := find(code, endpoint)) is not None and text not in row.texts
    }
    assert found == OTHER_TEXTS
