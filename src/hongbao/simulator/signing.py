"""Check signatures as WeChat does, over the fields it knows, and find out what broke one: docs/reference/signing.md.

Written apart from the SDK's signing on purpose: two readings of the protocol meet in the tests.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from urllib.parse import quote, unquote

WORK_FIELDS = frozenset({"act_name", "mch_billno", "mch_id", "nonce_str", "re_openid", "total_amount", "wxappid"})
"""The only fields that workwx_sign covers."""

_UNKNOWN_TRIED_MAX = 8
_BYTES_TRIED_MAX = 8_192
"""Up to so many unknown fields, and bytes of all fields, every variant is tried: some hundred hashes."""


def sign_of(fields: Mapping[str, str], secret: str, *, secret_name: str = "key") -> str:
    """Return the MD5 signature, 32 upper-case hex digits, of the fields that are not empty."""
    text = "&".join([f"{name}={fields[name]}" for name in sorted(fields) if fields[name]])
    message = f"{text}&{secret_name}={secret}"
    return hashlib.md5(message.encode(), usedforsecurity=False).hexdigest().upper()


def diagnose(sent: Mapping[str, str], known: frozenset[str], sign: str, secret: str, api: str) -> str:
    """Say what was signed instead, in one English sentence without secrets.

    Args:
        sent: every field of the request but `sign`.
        known: the names WeChat signs on this call.
        sign: what the request carried.
        secret: the merchant's API key.
        api: the last part of the path, for the sentence.
    """
    right = {name: value for name, value in sent.items() if name in known and value}
    others = {name: value for name, value in sent.items() if name not in known and value}
    if sign.upper() == sign_of(right, secret):
        return "the sign fits in upper case: send the hex digits in upper case"
    if len(others) > _UNKNOWN_TRIED_MAX or sum(len(f"{name}{sent[name]}".encode()) for name in sent) > _BYTES_TRIED_MAX:
        if sign == sign_of({**right, **others}, secret):
            return f"the sign fits when {_list(tuple(sorted(others)))} is included: not known to {api}, do not sign it"
        return f"too many or too long fields that {api} does not know to find out what was signed: leave them out"
    for extra in _extras(others):
        if sign == sign_of({**right, **{name: others[name] for name in extra}}, secret):
            return f"the sign fits when {_list(extra)} is included: not known to {api}, do not sign it"
    for size in (1, 2):
        for missing in combinations(sorted(right), size):
            rest = {name: value for name, value in right.items() if name not in missing}
            if sign == sign_of(rest, secret):
                return f"the sign fits without {_list(missing)}: known to {api}, sign it"
            if others and sign == sign_of({**rest, **others}, secret):
                return (
                    f"the sign fits without {_list(missing)} and with {_list(tuple(sorted(others)))}: "
                    f"sign the first, do not sign the second"
                )
    for attempt, fault in _variants(right, dict(sent), secret):
        if sign == attempt():
            return fault
    return "no variant fits: another key, or the values changed between signing and sending"


def _extras(others: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for size in range(1, len(others) + 1):
        yield from combinations(sorted(others), size)


def _variants(
    right: Mapping[str, str], sent: Mapping[str, str], secret: str
) -> Iterator[tuple[Callable[[], str], str]]:
    """Yield the classic slips: how the sign would come out, and the sentence for it."""
    for key, what in (
        (secret.lower(), "with the key in lower case"),
        (secret.upper(), "with the key in upper case"),
        (secret + "\n", "with a line break after the key"),
        (" " + secret, "with a blank before the key"),
        (secret + " ", "with a blank after the key"),
    ):
        if key != secret:
            yield (
                lambda key=key: sign_of(right, key),
                f"the sign fits {what}: take the key exactly as the portal has it",
            )
    for change, what in (
        (str.strip, "with values stripped of blanks: sign what is sent, blanks included"),
        (_quoted, "with percent-encoded values: sign the raw values"),
        (_plus_quoted, "with percent-encoded values: sign the raw values"),
        (unquote, "with percent-decoded values: sign each value as it is sent"),
        (_escaped, "with XML-escaped values: sign the raw values"),
    ):
        values = {name: change(value) for name, value in right.items()}
        yield lambda values=values: sign_of(values, secret), f"the sign fits {what}"
    yield lambda: _plain(right, f"&secret={secret}"), "the sign fits with &secret=: the key is appended with &key="
    yield lambda: _plain(right, f"&{secret}"), "the sign fits without the name of the key: append &key= and the key"
    yield lambda: _plain(right, secret), "the sign fits with the bare key appended: append &key= and the key"
    yield lambda: _plain(right, ""), "the sign fits without a key: append &key= and the key"
    empty = {name: value for name, value in sent.items() if not value}
    yield lambda: _plain({**right, **empty}, f"&key={secret}"), "the sign fits with empty fields: leave them out"
    yield lambda: _unsorted(right, secret), "the sign fits in the order of sending: sort the names by ASCII"
    yield (
        lambda: _unsorted(dict(sorted(right.items(), key=lambda item: item[0].lower())), secret),
        "the sign fits when sorted without regard to case: sort the names by ASCII",
    )
    yield lambda: _plain(right, f"&key={secret}", "gbk"), "the sign fits over GBK bytes: sign the UTF-8 bytes"
    yield lambda: _hmac(right, secret), "the sign is the start of an HMAC-SHA256: only MD5 is accepted"


def _plain(fields: Mapping[str, str], tail: str, encoding: str = "utf-8") -> str:
    text = "&".join([f"{name}={fields[name]}" for name in sorted(fields)])
    return _md5(text + tail, encoding)


def _unsorted(fields: Mapping[str, str], secret: str) -> str:
    return _md5("&".join([f"{name}={value}" for name, value in fields.items()]) + f"&key={secret}", "utf-8")


def _md5(text: str, encoding: str) -> str:
    return hashlib.md5(text.encode(encoding, "replace"), usedforsecurity=False).hexdigest().upper()


def _hmac(fields: Mapping[str, str], secret: str) -> str:
    text = "&".join([f"{name}={fields[name]}" for name in sorted(fields)]) + f"&key={secret}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest().upper()[:32]


def _quoted(value: str) -> str:
    return quote(value, safe="")


def _plus_quoted(value: str) -> str:
    return quote(value, safe=" ").replace(" ", "+")


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)
