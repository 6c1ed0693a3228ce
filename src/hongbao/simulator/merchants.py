"""Who pays and who receives, as WeChat Pay's own records have them."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from hongbao.simulator.rules import SCENES, Rules

AccountKind = Literal["official", "mini", "app", "corp"]
"""What an appid is: an official account, a mini-program, a mobile app, an enterprise (its corpid)."""


@dataclass(frozen=True, slots=True)
class MerchantSettings:
    """What a merchant can set in the portal or has agreed with WeChat. Amounts in fen, None for "no limit".

    Attributes:
        api_key: the API key that signs; secret.
        work_secrets: secrets for workwx_sign by agentid; "" is the enterprise-pay app; secret.
        addresses: IP addresses that may call; empty allows all.
        api_open: sending by API is switched on.
        product_open: the product cash red packet is open.
        frozen: punished; may not pay.
        group_open: may still send group packets where they are withdrawn.
        quiet_hours: the quiet hours of the era hold for it.
        scenes: opened scenes and the highest amount in each.
        packet_fen_min, packet_fen_max: range without a scene.
        scene_fen_min: the lowest amount in any scene.
        packets_day_max: per Beijing day, for the kinds that have such a limit.
        brush_level: anti-brush, 0 off to 3.
        sub_merchants: merchants this service provider may send for.
        pays_for: merchants that may spend this one's money by consume_mch_id.
    """

    api_key: str = field(repr=False, metadata={"secret": True})
    work_secrets: dict[str, str] = field(default_factory=dict[str, str], repr=False, metadata={"secret": True})
    addresses: frozenset[str] = frozenset()
    api_open: bool = True
    product_open: bool = True
    frozen: bool = False
    group_open: bool = False
    quiet_hours: bool = True
    scenes: dict[str, int] = field(default_factory=dict[str, int])
    packet_fen_min: int = 100
    packet_fen_max: int = 20_000
    scene_fen_min: int = 30
    group_fen_max: int = 100_000
    rate_minute_max: int | None = None
    rate_second_max: int | None = None
    person_packets_day_max: int | None = None
    person_fen_day_max: int | None = None
    fen_day_max: int | None = None
    packets_day_max: int | None = None
    brush_level: Literal[0, 1, 2, 3] = 0
    sub_merchants: frozenset[str] = frozenset()
    pays_for: frozenset[str] = frozenset()


def new_settings(rules: Rules, api_key: str) -> MerchantSettings:
    """Return what a merchant starts with under `rules`. All scenes are open: which ones are is not published."""
    return MerchantSettings(
        api_key=api_key,
        scenes=dict.fromkeys(SCENES, rules.scene_fen_max),
        packet_fen_min=rules.packet_fen_min,
        packet_fen_max=rules.packet_fen_max,
        scene_fen_min=rules.scene_fen_min,
        group_fen_max=rules.group_fen_max,
        rate_minute_max=rules.rate_minute_max,
        rate_second_max=rules.rate_second_max,
        person_packets_day_max=rules.person_packets_day_max,
        person_fen_day_max=rules.person_fen_day_max,
        fen_day_max=rules.fen_day_max,
        packets_day_max=rules.packets_day_max,
    )


class TopUp(NamedTuple):
    """Money put into a balance."""

    time_ms: int
    fen: int


@dataclass(slots=True)
class Merchant:
    """A merchant, its money and its accounts (appid to kind)."""

    mch_id: str
    settings: MerchantSettings
    accounts: dict[str, AccountKind] = field(default_factory=dict[str, AccountKind])
    top_ups: list[TopUp] = field(default_factory=list[TopUp])
    balance_fen: int = 0
    paid_fen: int = 0
    refunded_fen: int = 0


@dataclass(slots=True)
class Person:
    """One openid. It belongs to one appid for ever."""

    openid: str
    appid: str
    flagged: bool = False
