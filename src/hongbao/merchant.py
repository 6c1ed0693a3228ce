"""What holds for one merchant (商户): the limits that WeChat has set for them. Never the keys.

WeChat changes its limits over the years, and the portal lets a merchant change some. So a limit is dated data with a
source, and every one can be overridden for a merchant. The defaults and their evidence: docs/reference/limits.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from types import MappingProxyType
from typing import Literal

from hongbao.errors import BadInput

DEFAULTS_DATE = date(2025, 8, 22)
"""The date of the newest public page behind the default limits."""

SCENES = tuple(f"PRODUCT_{number}" for number in range(1, 9))
"""The scenes a packet can be sent under (docs/reference/limits.md, "Scenes")."""

_COMMON = ("wxappid", "re_openid", "send_name", "wishing", "act_name", "remark")
_PROVIDER = ("sub_mch_id", "msgappid")
_DECORATION = ("logo_imgurl", "share_content", "share_url", "share_imgurl")
TEXTS = MappingProxyType(
    {
        "sendredpack": (*_COMMON, "risk_info", *_PROVIDER, "consume_mch_id", "nick_name", *_DECORATION),
        "sendgroupredpack": (
            *_COMMON,
            *("risk_info", *_PROVIDER, "consume_mch_id", "amt_list"),
            *("watermark_imgurl", "banner_imgurl", *_DECORATION),
        ),
        "sendminiprogramhb": (*_COMMON, *_PROVIDER),
        "sendworkwxredpack": (
            *("wxappid", "sender_name", "sender_header_media_id"),
            *("re_openid", "wishing", "act_name", "remark"),
        ),
        "hbpreorder": ("wxappid", "send_name", "wishing", "act_name", "remark", "auth_mchid", "auth_appid"),
        "gethbinfo": ("appid",),
        "queryworkwxredpack": ("appid",),
    }
)
"""By endpoint, the texts whose length can be overridden. A test holds them to the request types."""

_VALUE_MAX = 10**15 - 1
"""No amount or length on this wire has more than 15 digits."""

_RANGES = ("amount_fen", "scene_amount_fen", "group_people", "group_average_fen", "preorder_amount_fen")

UNLIMITED = 10**12
"""The value of a limit that does not bind."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: its value, the day it was last known to hold, and how we know.

    Attributes:
        value: fen for amounts, a count for people, bytes for texts, milliseconds for times.
        as_of: the day of the evidence.
        source: `default` (public documents), `entered` (by the merchant), `observed` (learned from an answer).
    """

    value: int
    as_of: date = DEFAULTS_DATE
    source: Literal["default", "entered", "observed"] = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSet:
    """The limits of one merchant: what the SDK checks before a byte leaves, and what paces the sending.

    However a set is made, it is checked whole: a misspelt name would otherwise be a limit that never binds.

    Attributes:
        amount_fen_min: smallest packet without a scene.
        amount_fen_max: largest packet without a scene.
        scene_amount_fen_min: smallest packet with a scene_id whose range is not known.
        scene_amount_fen_max: largest packet with a scene_id whose range is not known.
        group_people_min: fewest people of a group packet, the seed included.
        group_people_max: most people of a group packet.
        group_average_fen_min: smallest average share of a group packet.
        group_average_fen_max: largest average share of a group packet.
        group_amount_fen_max: largest group packet.
        preorder_amount_fen_min: smallest pre-order.
        preorder_amount_fen_max: largest pre-order.
        sends_minute_max: packets a minute, in any sixty seconds.
        sends_second_max: packets a second, in any one second.
        person_packets_day_max: packets to one person on a Beijing day.
        person_fen_day_max: fen to one person on a Beijing day.
        merchant_packets_day_max: packets of the merchant on a Beijing day.
        merchant_fen_day_max: fen of the merchant on a Beijing day.
        retry_ms_min: milliseconds between two sends of one order number.
        reentry_days_max: days after its first send in which an order number may be sent again.
        query_days_max: days after its first send in which an order number can be queried.
        scenes: for a scene_id, its own smallest and largest amount where the portal has set them.
        text_bytes_max: the most UTF-8 bytes of a text, by `field` or `endpoint.field`; what is not named here has the
            limit that stands beside the field in :mod:`hongbao.wechat.redpack`.
    """

    amount_fen_min: Limit = Limit(100)
    amount_fen_max: Limit = Limit(20_000)
    scene_amount_fen_min: Limit = Limit(30)
    scene_amount_fen_max: Limit = Limit(499_900)
    group_people_min: Limit = Limit(3)
    group_people_max: Limit = Limit(20)
    group_average_fen_min: Limit = Limit(100)
    group_average_fen_max: Limit = Limit(20_000)
    group_amount_fen_max: Limit = Limit(100_000)
    preorder_amount_fen_min: Limit = Limit(100)
    preorder_amount_fen_max: Limit = Limit(100_000)
    sends_minute_max: Limit = Limit(1800)
    sends_second_max: Limit = Limit(30)
    person_packets_day_max: Limit = Limit(10)
    person_fen_day_max: Limit = Limit(100_000)
    merchant_packets_day_max: Limit = Limit(UNLIMITED)
    merchant_fen_day_max: Limit = Limit(100_000_000)
    retry_ms_min: Limit = Limit(1_000)
    reentry_days_max: Limit = Limit(3)
    query_days_max: Limit = Limit(30)
    scenes: Mapping[str, tuple[Limit, Limit]] = field(default_factory=dict[str, tuple[Limit, Limit]])
    text_bytes_max: Mapping[str, Limit] = field(default_factory=dict[str, Limit])

    def __post_init__(self) -> None:
        """Check names, values and ranges.

        Raises:
            BadInput: a scene or a text is not known, a value is no whole number that fits, or a smallest one is above
                its largest.
        """
        for name in _SINGLE:
            _check_value(name, getattr(self, name).value, 0)
        for name in _RANGES:
            low, high = f"{name}_min", f"{name}_max"
            _check_order(low, getattr(self, low).value, f"{high}, which is", getattr(self, high).value)
        for scene_id, (low, high) in self.scenes.items():
            if scene_id not in SCENES:
                raise BadInput(field=scene_id, fault="is not a scene", remedy=f"use one of {', '.join(SCENES)}")
            _check_value(scene_id, low.value, 1)
            _check_value(scene_id, high.value, 1)
            _check_order(scene_id, low.value, "its largest amount,", high.value)
        for name, limit in self.text_bytes_max.items():
            endpoint, dot, text = name.rpartition(".")
            if text not in (TEXTS.get(endpoint, ()) if dot else _TEXT_NAMES):
                known = ", ".join(TEXTS.get(endpoint, _TEXT_NAMES))
                raise BadInput(
                    field=name,
                    fault="is not a text whose length is limited",
                    remedy=f"use one of {known}, with or without its call before it, such as hbpreorder.wishing",
                )
            _check_value(name, limit.value, 1)

    def entered(self, as_of: date, /, **values: int) -> "LimitSet":
        """Return these limits with some replaced by what the merchant's portal says on the day `as_of`.

        Raises:
            BadInput: a name is not a limit of this set, a value is no whole number from 0, or the smallest of a range
                comes out above its largest.
        """
        return self._with(as_of, "entered", values)

    def observed(self, as_of: date, /, **values: int) -> "LimitSet":
        """Return these limits with some replaced by what WeChat's answers on the day `as_of` showed.

        Raises:
            BadInput: as `entered`.
        """
        return self._with(as_of, "observed", values)

    def _with(self, as_of: date, source: Literal["entered", "observed"], values: Mapping[str, int]) -> "LimitSet":
        for name in values:
            if name not in _SINGLE:
                raise BadInput(field=name, fault="is not a limit", remedy=f"use one of {', '.join(_SINGLE)}")
        return replace(self, **{name: Limit(value, as_of, source) for name, value in values.items()})

    def with_scene(self, scene_id: str, *, fen_min: int, fen_max: int, as_of: date) -> "LimitSet":
        """Return these limits with the amounts that the portal shows for one scene.

        Raises:
            BadInput: the scene is not known, or the range is empty or starts below 1 fen.
        """
        both = (Limit(fen_min, as_of, "entered"), Limit(fen_max, as_of, "entered"))
        return replace(self, scenes={**self.scenes, scene_id: both})

    def with_text_bytes(self, name: str, bytes_max: int, *, as_of: date) -> "LimitSet":
        """Return these limits with another length for the text `name` (`field` or `endpoint.field`), in UTF-8 bytes.

        Raises:
            BadInput: no call has such a text, or `bytes_max` is below 1.
        """
        return replace(self, text_bytes_max={**self.text_bytes_max, name: Limit(bytes_max, as_of, "entered")})


_SINGLE = tuple(each.name for each in fields(LimitSet) if each.name not in {"scenes", "text_bytes_max"})
_TEXT_NAMES = tuple(dict.fromkeys(name for names in TEXTS.values() for name in names))


def _check_value(name: str, value: object, at_least: int) -> None:
    # "5" and 5.0 would be kept here and fail, or not, where the limit is used.
    if type(value) is not int:
        raise BadInput(field=name, fault=f"is a {type(value).__name__}, not a whole number", remedy="give an int")
    if not at_least <= value <= _VALUE_MAX:
        raise BadInput(
            field=name,
            fault=f"is below {at_least}" if value < at_least else "has more than 15 digits",
            remedy=f"give {at_least} or more, in fen, people or bytes",
        )


def _check_order(name: str, low: int, of_what: str, high: int) -> None:
    if low > high:
        raise BadInput(
            field=name,
            fault=f"{low} is above {of_what} {high}",
            remedy="give the smallest and the largest as the portal shows them, both",
        )
