"""Ready-made requests, credentials and replies for tests. Every value is an example; none belongs to anybody."""

import datetime as dt
from collections.abc import Generator
from functools import cache
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID

from hongbao.clock import SeededDice
from hongbao.merchant import LimitSet
from hongbao.wechat import (
    ClientCertificate,
    Credentials,
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
from hongbao.wechat.flow import Answer, Failure, Post, converse

MCH_ID = "1900000001"
API_KEY = "192006250b4c09247ec02edce69f6a2d"
WORKWX_SECRET = "workwx-secret-of-the-pay-app-0001"
NUMBER = "1900000001202501010000000001"
APPID = "wx0000000000000001"
OPENID = "o000000000000000000000000001"
HOSTS = ("https://one.example", "https://two.example")

ReplyT = TypeVar("ReplyT")


class FixedClock:
    """Shows 2025-01-01 12:00:00 Beijing time for ever."""

    def now_ms(self) -> int:
        return 1_735_704_000_000


def self_signed(
    key: CertificateIssuerPrivateKeyTypes, common_name: str = MCH_ID, days: int = 36_500
) -> x509.Certificate:
    """Return a certificate for a key, signed by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    start = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(0xC0FFEE)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )


def pem_of(key: Any, passphrase: bytes | None = None) -> bytes:
    """Return a private key as PEM, encrypted if a passphrase is given."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption() if passphrase is None else serialization.BestAvailableEncryption(passphrase),
    )


@cache
def certificate() -> ClientCertificate:
    """Return a merchant's certificate with its key: elliptic, because that is quick to make."""
    key = ec.generate_private_key(ec.SECP256R1())
    return ClientCertificate(self_signed(key), key)


@cache
def credentials() -> Credentials:
    """Return a merchant's credentials, with the secrets of the pay app and of agent 7."""
    return Credentials(
        mch_id=MCH_ID,
        api_key=API_KEY,
        certificate=certificate(),
        workwx_secrets={None: WORKWX_SECRET, 7: "secret-of-agent-7"},
    )


_WORDS: dict[str, Any] = {"wishing": "节日快乐", "act_name": "节日活动", "remark": "备注"}
_PERSON: dict[str, Any] = {"mch_billno": NUMBER, "wxappid": APPID, "re_openid": OPENID, "total_amount": 100}


def send_red_pack(**changes: Any) -> SendRedPack:
    given: dict[str, Any] = {**_PERSON, "send_name": "示例商户", **_WORDS, "client_ip": "192.0.2.10"}
    return SendRedPack(**{**given, **changes})


def send_red_pack_2015(**changes: Any) -> SendRedPack2015:
    given: dict[str, Any] = {
        **_PERSON,
        "nick_name": "示例商户",
        "send_name": "示例商户",
        **_WORDS,
        "client_ip": "192.0.2.10",
    }
    return SendRedPack2015(**{**given, **changes})


def send_group(**changes: Any) -> SendGroupRedPack:
    given: dict[str, Any] = {**_PERSON, "total_amount": 300, "total_num": 3, "send_name": "示例商户", **_WORDS}
    return SendGroupRedPack(**{**given, **changes})


def send_group_2015(**changes: Any) -> SendGroupRedPack2015:
    given: dict[str, Any] = {**_PERSON, "total_amount": 400, "total_num": 3, "send_name": "示例商户", **_WORDS}
    return SendGroupRedPack2015(**{**given, **changes})


def send_mini_program(**changes: Any) -> SendMiniProgramRedPack:
    given: dict[str, Any] = {**_PERSON, "send_name": "示例商户", **_WORDS}
    return SendMiniProgramRedPack(**{**given, **changes})


def send_work(**changes: Any) -> SendWorkRedPack:
    given: dict[str, Any] = {**_PERSON, "sender_name": "示例", **_WORDS}
    return SendWorkRedPack(**{**given, **changes})


def pre_order(**changes: Any) -> PreOrder:
    given: dict[str, Any] = {
        "mch_billno": NUMBER,
        "wxappid": APPID,
        "send_name": "示例商户",
        "total_amount": 100,
        **_WORDS,
    }
    return PreOrder(**{**given, **changes})


def query(**changes: Any) -> QueryRedPack:
    return QueryRedPack(**{"mch_billno": NUMBER, "appid": APPID, **changes})


def query_work(**changes: Any) -> QueryWorkRedPack:
    return QueryWorkRedPack(**{"mch_billno": NUMBER, "appid": APPID, **changes})


MAKERS = {
    "SendRedPack": send_red_pack,
    "SendGroupRedPack": send_group,
    "SendRedPack2015": send_red_pack_2015,
    "SendGroupRedPack2015": send_group_2015,
    "QueryRedPack": query,
    "PreOrder": pre_order,
    "SendMiniProgramRedPack": send_mini_program,
    "SendWorkRedPack": send_work,
    "QueryWorkRedPack": query_work,
}
"""For each request type, what makes a minimal valid request of it, some fields replaced."""

CURRENT: dict[str, Request[Any]] = {
    each.endpoint: each
    for each in (send_red_pack(), send_group(), query(), pre_order(), send_mini_program(), send_work(), query_work())
}
"""For each endpoint a minimal valid request of today."""


def reply(*fields: tuple[str, str | int]) -> bytes:
    """Write a reply as WeChat does: texts in CDATA, whole numbers bare, one element a line."""
    lines = [
        f"<{name}>{value}</{name}>" if isinstance(value, int) else f"<{name}><![CDATA[{value}]]></{name}>"
        for name, value in fields
    ]
    return "\n".join(["<xml>", *lines, "</xml>"]).encode()


def begin(request: Request[ReplyT], **given: Any) -> tuple[Generator[Post, Answer | Failure, ReplyT], Post]:
    """Start a conversation; return it and its first post."""
    options: dict[str, Any] = {
        "credentials": credentials(),
        "limits": LimitSet(),
        "hosts": HOSTS,
        "dice": SeededDice(1),
        **given,
    }
    conversation = converse(request, **options)
    return conversation, next(conversation)


def answered(request: Request[ReplyT], body: bytes, status: int = 200, **given: Any) -> ReplyT:
    """Make a call that is answered at once; return what it returns, or raise what it raises."""
    conversation, _ = begin(request, **given)
    try:
        conversation.send(Answer(status, body))
    except StopIteration as end:
        return end.value
    raise AssertionError("the conversation posted again after an answer")
