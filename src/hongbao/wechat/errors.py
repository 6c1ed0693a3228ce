"""What can go wrong with one call, by who must act.

::

    CallError
    ├── FixRequest        your code: a value is wrong, or a number is used for two requests
    ├── FixAccount        the merchant: certificate, key, balance, permission, portal setting
    ├── Wait              nobody: a limit; the same number later
    ├── SameNumberAgain   you, now: the identical request with the same number, a second or more later
    │   └── NothingSent   no byte of the request left this machine
    ├── OutcomeUnknown    nobody knows yet: query, or the same number again; never a new one
    └── Final             the number is dead: query it, and if that says FAILED take a new one

All but OutcomeUnknown say what *this call* did. While an earlier call with the same number has an unknown outcome,
so has the packet, whatever a later call answers, until one of them succeeds or a query shows it.
"""

import re
from types import MappingProxyType

from hongbao.errors import HongbaoError
from hongbao.ids import masked
from hongbao.wechat.codes import CodeRow, SameNumber, Turn

RAW_CHARACTERS_MAX = 4_000
"""How much of a reply's body an error keeps, in characters."""

_PRIVATE = re.compile(
    r"(?P<open><(?P<name>re_openid|openid|sign|package|sp_ticket|workwx_sign)\b[^>]*>\s*(?:<!\[CDATA\[)?)"
    # To the end of the element and, in a body that was cut, to its end; over sections of CDATA and other elements too.
    r"(?P<value>.*?)(?=(?:\]\]>)?\s*</(?P=name)\b|\Z)",
    re.ASCII | re.DOTALL,
)


class CallError(HongbaoError):
    """One call to WeChat did not end well.

    Attributes:
        endpoint: the last part of the path, such as `sendredpack`.
        order_number: mch_billno of the call, if it has one.
        code: err_code, or None if no readable code came back.
        text: err_code_des, or return_msg if there is none: Chinese, for people only; never automate on it.
        return_msg: return_msg, which repeats err_code_des in most replies.
        raw: the body that came back, its openids and signs masked; empty if none came.
        sent: whether any byte of the request may have left this machine.
        row: what the code means, if it is documented for the endpoint.
        same_number: what may be done with the number now.
    """

    turn: Turn
    """Who must act."""

    def __init__(
        self,
        what: str,
        *,
        endpoint: str,
        order_number: str | None,
        code: str | None = None,
        text: str = "",
        return_msg: str = "",
        raw: str = "",
        sent: bool = True,
        row: CodeRow | None = None,
    ) -> None:
        """Keep the parts; the message names endpoint, number, what happened and the remedy."""
        number = f" {order_number}" if order_number else ""
        remedy = f" {row.remedy}" if row else f" {_REMEDY[self.turn]}"
        super().__init__(f"{endpoint}{number}: {what}.{remedy}")
        self.endpoint = endpoint
        self.order_number = order_number
        self.code = code
        self.text = text
        self.return_msg = return_msg
        self.raw = raw
        self.sent = sent
        self.row = row
        self.same_number = row.same_number if row else SameNumber.QUERY if sent else SameNumber.YES


class FixRequest(CallError):
    """Your code must act: a value is wrong, or a number is used for two requests."""

    turn = Turn.FIX_REQUEST


class FixAccount(CallError):
    """The merchant must act: certificate, key, balance, permission or portal setting."""

    turn = Turn.FIX_ACCOUNT


class Wait(CallError):
    """A limit binds: the same request with the same number later."""

    turn = Turn.WAIT


class SameNumberAgain(CallError):
    """Send the identical request with the same number again, a second or more later."""

    turn = Turn.SAME_NUMBER_AGAIN


class NothingSent(SameNumberAgain):
    """No byte of the request left this machine: name, connection or TLS handshake failed on every host."""


class OutcomeUnknown(CallError):
    """Nobody knows yet what happened: query, or send the same number again. A new number may pay twice."""

    turn = Turn.OUTCOME_UNKNOWN


class Final(CallError):
    """The order number is dead. Query it; if that says FAILED, a new number may be used."""

    turn = Turn.FINAL


BY_TURN = MappingProxyType(
    {each.turn: each for each in (FixRequest, FixAccount, Wait, SameNumberAgain, OutcomeUnknown, Final)}
)

_REMEDY = MappingProxyType(
    {
        Turn.FIX_REQUEST: "Mend the request.",
        Turn.FIX_ACCOUNT: "Mend the account.",
        Turn.WAIT: "Repeat with the same number later.",
        Turn.SAME_NUMBER_AGAIN: "Repeat the identical request with the same number.",
        Turn.OUTCOME_UNKNOWN: "Query, or repeat the identical request with the same number; never take a new one.",
        Turn.FINAL: "Query the number; if that says FAILED take a new one.",
    }
)


def masked_body(body: bytes) -> str:
    """Return a body as text that may be kept: openids and signs masked, cut to `RAW_CHARACTERS_MAX`."""
    text = body[: RAW_CHARACTERS_MAX * 4].decode("utf-8-sig", errors="replace")
    return _PRIVATE.sub(lambda match: match["open"] + masked(match["value"]), text)[:RAW_CHARACTERS_MAX]
