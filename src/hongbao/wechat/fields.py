"""What one field of a request may hold. A request type is a list of such fields, and nothing else is ever sent.

Each kind checks a value before any byte leaves and gives what goes on the wire. Lengths are UTF-8 bytes, and one
below the printed limit for texts, because that is what WeChat's servers count (docs/reference/endpoints.md,
"Lengths"); `LimitSet.text_bytes_max` overrides them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, get_type_hints
from urllib.parse import quote

from hongbao.errors import BadInput
from hongbao.merchant import LimitSet
from hongbao.wechat.xml import unwritable

Wire = str | int
"""A value as it is signed and written: text in CDATA, whole numbers bare."""

_ORDER_NUMBER = re.compile(r"[0-9A-Za-z]{1,28}", re.ASCII)
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}", re.ASCII)
_VISIBLE = re.compile(r"[!-~]+", re.ASCII)
_UNQUOTABLE = re.compile("[&=\ud800-\udfff]")
SCENES = tuple(f"PRODUCT_{number}" for number in range(1, 9))
"""The scenes a packet can be sent under (docs/reference/limits.md, "Scenes")."""


class Kind(Protocol):
    """Checks one value."""

    def check(self, endpoint: str, field: str, value: object, limits: LimitSet) -> Wire:
        """Return the value for the wire.

        Raises:
            BadInput: the value must not be sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """Text of 1 to `bytes_max` UTF-8 bytes, as people read it."""

    bytes_max: int

    def check(self, endpoint: str, field: str, value: object, limits: LimitSet) -> str:
        """Return the text unchanged."""
        text = _sized_text(endpoint, field, value, limits, self.bytes_max)
        if (character := unwritable(text)) is not None:
            raise BadInput(
                field=field,
                fault=f"holds the character U+{ord(character):04X}, which XML cannot carry unchanged",
                remedy="leave it out; a line break is U+000A alone",
            )
        if text[0].isspace() or text[-1].isspace():
            raise BadInput(
                field=field,
                fault="starts or ends with a blank, which WeChat may cut off so that the sign no longer fits",
                remedy="strip it",
            )
        return text


@dataclass(frozen=True, slots=True)
class Code:
    """Visible ASCII without blanks, 1 to `bytes_max` characters: an id or a link."""

    bytes_max: int

    def check(self, endpoint: str, field: str, value: object, limits: LimitSet) -> str:
        """Return the id unchanged."""
        text = _sized_text(endpoint, field, value, limits, self.bytes_max)
        if not _VISIBLE.fullmatch(text):
            raise BadInput(
                field=field,
                fault="holds a blank or a character outside ASCII",
                remedy="give the id as WeChat shows it",
            )
        return text


@dataclass(frozen=True, slots=True)
class OrderNumberText:
    """mch_billno: 1 to 28 characters 0-9A-Za-z."""

    def check(self, endpoint: str, field: str, value: object, limits: LimitSet) -> str:
        """Return the number unchanged."""
        text = _text(field, value)
        if not _ORDER_NUMBER.fullmatch(text):
            raise BadInput(
                field=field,
                fault=f"{text[:40]!r} is not 1 to 28 characters 0-9, A-Z, a-z",
                remedy="make it with hongbao.wechat.order_number()",
            )
        return text


@dataclass(frozen=True, slots=True)
class Ipv4:
    """A dotted IPv4 address. Only its form is checked, here as there."""

    def check(self, endpoint: str, field: str, value: object, limits: LimitSet) -> str:
        """Return the address unchanged."""
        text = _text(field, value)
        if not _IPV4.fullmatch(text):
            raise BadInput(
                field=field,
                fault=f"{text[:40]!r} is not a dotted IPv4 address; IPv6 does not fit",
                remedy="give the calling machine's IPv4 address, or 127.0.0.1",
            )
        return text


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number of at least `at_least`; an amount is in fen."""

    at_least: int = 1

    def check(self, endpoint: str, field: str, value: object, limits: LimitSet) -> int:
        """Return the number unchanged."""
        return _whole(field, value, self.at_least)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few fixed words."""

    words: tuple[str, ...]

    def check(self, endpoint: str, field: str, value: object, limits: LimitSet) -> str:
        """Return the word unchanged."""
        text = _text(field, value)
        if text not in self.words:
            raise BadInput(
                field=field, fault=f"{text[:40]!r} is not known", remedy=f"use one of {', '.join(self.words)}"
            )
        return text


@dataclass(frozen=True, slots=True)
class FenList:
    """Amounts in fen, written with bars between them: ``200|100|100``."""

    bytes_max: int

    def check(self, endpoint: str, field: str, value: object, limits: LimitSet) -> str:
        """Return the written list."""
        amounts: list[Any] = list(value) if isinstance(value, tuple | list) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if not amounts:
            raise BadInput(
                field=field,
                fault="is not a list of amounts",
                remedy="give a tuple of fen, such as (200, 100)",
            )
        text = "|".join(str(Whole(1).check(endpoint, field, amount, limits)) for amount in amounts)
        return Text(self.bytes_max).check(endpoint, field, text, limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskInfo:
    """What WeChat's risk control may know of the user's action; give at least one part.

    Attributes:
        posttime: when the user acted, as a Unix timestamp.
        mobile: the user's phone, country code and number without a plus: ``86-13800000000``.
        deviceid: MAC address or another unique id of the device.
        clientversion: version of the user's client.
    """

    posttime: int | None = None
    mobile: str = ""
    deviceid: str = ""
    clientversion: str = ""

    def __repr__(self) -> str:
        """Show which parts there are: all of them are personal."""
        return f"RiskInfo({', '.join(name for name, value in self._parts() if value)})"

    def _parts(self) -> tuple[tuple[str, str], ...]:
        return (
            ("posttime", "" if self.posttime is None else str(self.posttime)),
            ("mobile", self.mobile),
            ("deviceid", self.deviceid),
            ("clientversion", self.clientversion),
        )

    def text(self) -> str:
        """Return the percent-encoded form, which is the value that is signed.

        Raises:
            BadInput: no part is given, a part is of the wrong type, or holds `&`, `=` or what UTF-8 cannot carry.
        """
        if self.posttime is not None:
            _whole("risk_info.posttime", self.posttime, 0)
        for name, value in self._parts():
            if value and _UNQUOTABLE.search(_text(f"risk_info.{name}", value)):
                raise BadInput(
                    field=f"risk_info.{name}", fault="holds &, = or half a surrogate pair", remedy="leave them out"
                )
        parts = "&".join(f"{name}={value}" for name, value in self._parts() if value)
        if not parts:
            raise BadInput(field="risk_info", fault="has no part", remedy="give a part, or no risk_info")
        return quote(parts, safe="")


@dataclass(frozen=True, slots=True)
class Risk:
    """risk_info, built from its parts."""

    bytes_max: int = 127

    def check(self, endpoint: str, field: str, value: object, limits: LimitSet) -> str:
        """Return the percent-encoded text."""
        if not isinstance(value, RiskInfo):
            raise BadInput(
                field=field,
                fault=f"is a {type(value).__name__}",
                remedy="give a RiskInfo; it does the encoding",
            )
        return Text(self.bytes_max).check(endpoint, field, value.text(), limits)


def _text(field: str, value: object) -> str:
    if type(value) is str and value:
        return value
    if not isinstance(value, str):
        raise BadInput(field=field, fault=f"is a {type(value).__name__}, not text", remedy="give a str")
    if not value:
        raise BadInput(field=field, fault="is required and empty", remedy="give a value")
    # An enum that is also a str is written as its value and formatted as its name: the sign would be over another text.
    return str.__str__(value)


def _sized_text(endpoint: str, field: str, value: object, limits: LimitSet, bytes_max: int) -> str:
    text = _text(field, value)
    if limits.text_bytes_max:
        override = limits.text_bytes_max.get(f"{endpoint}.{field}") or limits.text_bytes_max.get(field)
        bytes_max = override.value if override else bytes_max
    length = len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
    if length > bytes_max:
        raise BadInput(
            field=field,
            fault=f"has {length} bytes in UTF-8, and WeChat takes at most {bytes_max} (a Chinese character has 3)",
            remedy="shorten it",
        )
    return text


def _whole(field: str, value: object, at_least: int) -> int:
    if type(value) is not int:
        raise BadInput(
            field=field,
            fault=f"is a {type(value).__name__}, not a whole number",
            remedy="give an int; money is counted in fen (fen_from_yuan turns yuan text into fen)",
        )
    if value < at_least:
        raise BadInput(field=field, fault=f"{value} is below {at_least}", remedy=f"give {at_least} or more")
    return value


@cache
def kinds_of(request: type) -> Mapping[str, Kind]:
    """Return the fields of a request type in their order, each with the kind that stands in its annotation."""
    hints = get_type_hints(request, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}
