"""The signs of WeChat Pay v2, as pure functions over text. Algorithm and vectors: docs/reference/signing.md.

Every sign is a hash over `name=value` pairs in ASCII order of the names, empty values left out, values raw (neither
URL-encoded nor XML-escaped), followed by the secret.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal
from urllib.parse import quote

SignType = Literal["MD5", "HMAC-SHA256"]

WORKWX_FIELDS = ("act_name", "mch_billno", "mch_id", "nonce_str", "re_openid", "total_amount", "wxappid")
"""The fields that workwx_sign covers: these seven and no others (docs/reference/signing.md, "workwx_sign")."""


def sign(fields: Iterable[tuple[str, str | int]], key: str, sign_type: SignType = "MD5") -> str:
    """Sign fields with the API key: 32 upper-case hex digits, or 64 with HMAC-SHA256.

    A field named `sign` is left out. The red packet calls know MD5 only.
    """
    text = f"{_joined(fields)}&key={key}"
    if sign_type == "MD5":
        return _md5(text)
    return hmac.digest(key.encode(), text.encode(), "sha256").hex().upper()


def workwx_sign(fields: Iterable[tuple[str, str | int]], secret: str) -> str:
    """Sign an enterprise WeChat packet with the secret of the enterprise-pay app or of the sending agent.

    Only the seven `WORKWX_FIELDS` are taken. The result becomes a field of the body before `sign` is computed.
    """
    return _md5(f"{_joined(pair for pair in fields if pair[0] in WORKWX_FIELDS)}&secret={secret}")


def pay_sign(*, appid: str, timestamp: str, nonce: str, package: str, key: str) -> tuple[str, str]:
    """Sign a mini-program packet for wx.sendBizRedPacket.

    Args:
        appid: the mini-program's appid.
        timestamp: seconds since the epoch, as text: a number makes the call in the page fail.
        nonce: at most 32 characters.
        package: the `package` of the reply, raw.
        key: the API key.

    Returns:
        The percent-encoded package that the page must pass, and the lower-case MD5 over it. The encoded form and the
        lower case have the better evidence (docs/reference/signing.md, "paySign").
    """
    encoded = quote(package, safe="")
    pairs = (("appId", appid), ("nonceStr", nonce), ("package", encoded), ("timeStamp", timestamp))
    return encoded, sign(pairs, key).lower()


def explain_sign(fields: Iterable[tuple[str, str | int]], key: str) -> str:
    """Return the exact string that `sign` hashes, with the key replaced by its first two characters and length.

    Of a key with fewer than 16 characters nothing is shown but the length. The values stand in it in full, openids
    included: show it to a developer, do not log it.
    """
    shown = key[:2] if len(key) >= 16 else ""
    return f"{_joined(fields)}&key={shown}…({len(key)} characters)"


def _joined(fields: Iterable[tuple[str, str | int]]) -> str:
    return "&".join([f"{name}={value}" for name, value in sorted(fields) if value != "" and name != "sign"])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()
