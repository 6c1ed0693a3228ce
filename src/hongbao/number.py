"""Order numbers (mch_billno, 商户订单号): the one thing that keeps a person from being paid twice.

WeChat creates at most one packet per merchant and order number, for ever. So a number is made once per intent, saved
before its first use and repeated whenever the outcome is not known. Rules: docs/reference/idempotency.md.
"""

import hashlib
import struct
from dataclasses import dataclass
from datetime import date

from hongbao.errors import BadInput
from hongbao.ids import OrderNumber, masked

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SEVEN = 62**7
_DOMAIN = b"22:hongbao order number 1"
_PARTS = ("mch_id", "appid", "campaign", "openid", "occasion")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """Why a packet is sent: the same intent has the same order number tomorrow, on another host, from a backup.

    Attributes:
        mch_id: the paying merchant.
        appid: the account under which the person's openid was issued.
        campaign: what the packet belongs to, in the caller's own words.
        openid: the person.
        occasion: what tells this packet from the person's others in the campaign: an order, a day, "welcome".
        renewal: how many numbers of this intent WeChat has refused for good (SEND_FAILED, query FAILED) before this
            one. Raise it only then; while an outcome is unknown the old number is the only safe one.
    """

    mch_id: str
    appid: str
    campaign: str
    openid: str
    occasion: str
    renewal: int = 0

    def __repr__(self) -> str:
        """Show the intent with the openid masked."""
        return (
            f"OrderIntent(mch_id={self.mch_id!r}, appid={self.appid!r}, campaign={self.campaign!r}, "
            f"openid={masked(self.openid)}, occasion={self.occasion!r}, renewal={self.renewal!r})"
        )


def order_number(intent: OrderIntent) -> OrderNumber:
    """Derive the order number of an intent: 28 characters 0-9A-Za-z that carry 166 bits of its SHA-256.

    Neither clock nor chance takes part.

    Raises:
        BadInput: a part of the intent is empty or no text, or `renewal` is no count.
    """
    # True and 1.0 equal 1 but are written differently: one intent would have two numbers.
    if type(intent.renewal) is not int or intent.renewal < 0:
        raise BadInput(field="renewal", fault="is not a count", remedy="count the dead numbers from 0")
    parts = [_DOMAIN]
    for name in _PARTS:
        value: object = getattr(intent, name)
        # 42 and "42" would be one intent with two numbers, or two with one.
        if not isinstance(value, str):
            raise BadInput(field=name, fault=f"is a {type(value).__name__}, not text", remedy="give a str")
        if not value:
            raise BadInput(field=name, fault="is empty", remedy="give every part of the intent")
        try:
            part = value.encode()
        except UnicodeEncodeError:
            raise BadInput(
                field=name, fault="holds half a surrogate pair", remedy="give text that UTF-8 can carry"
            ) from None
        # Each part is preceded by its length, so that no two intents run together into the same bytes.
        parts.append(b"%d:%b" % (len(part), part))
    renewal = b"%d" % intent.renewal
    parts.append(b"%d:%b" % (len(renewal), renewal))
    words = struct.unpack(">4Q", hashlib.sha256(b"".join(parts)).digest())
    return OrderNumber("".join([_seven_characters(word) for word in words]))


def _seven_characters(word: int) -> str:
    """Write 41.7 bits of a 64-bit word as seven characters."""
    word, low = divmod(word % _SEVEN, 238_328)
    first, second = divmod(word, 3844)
    third, last = divmod(low, 62)
    return _PAIRS[first] + _PAIRS[second] + _PAIRS[third] + _ALPHABET[last]


def classic_order_number(mch_id: str, day: date, count: int) -> OrderNumber:
    """Write the form that WeChat's pages recommend: mch_id, yyyymmdd, then ten digits unique within the day.

    The count comes from a counter that the caller keeps durably (a sequence in a database): a counter that starts
    again after a crash gives out a number twice, and the second packet is refused as FATAL_ERROR or, worse, taken for
    the first.

    Args:
        mch_id: the merchant number, at most ten digits.
        day: the Beijing date.
        count: 0 to 9,999,999,999.

    Raises:
        BadInput: mch_id is not 1 to 10 digits, the day is no date, or the count is no whole number in its range.
    """
    if not isinstance(mch_id, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadInput(
            field="mch_id", fault=f"is a {type(mch_id).__name__}, not text", remedy="give its digits as a str"
        )
    if not (mch_id.isascii() and mch_id.isdigit() and len(mch_id) <= 10):
        raise BadInput(field="mch_id", fault="is not 1 to 10 digits", remedy="use order_number() instead")
    if not isinstance(day, date):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadInput(
            field="day", fault=f"is a {type(day).__name__}", remedy="give the Beijing day as a datetime.date"
        )
    if type(count) is not int or not 0 <= count < 10**10:
        raise BadInput(field="count", fault="is not a whole number of ten digits", remedy="count from 0 within a day")
    return OrderNumber(f"{mch_id}{day:%Y%m%d}{count:010d}")
