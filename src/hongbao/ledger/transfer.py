"""Transfers (记账): every movement of money, written once, never changed. A mistake is mended by another transfer."""

from dataclasses import dataclass
from enum import StrEnum

from hongbao.ids import CampaignId, GrantId, MerchantId
from hongbao.money import Fen


class Kind(StrEnum):
    """What a transfer does. Amounts are positive but for FUND and ALLOT, whose negative takes money back."""

    FUND = "fund"
    """Money comes to the merchant (or, negative, leaves)."""
    ALLOT = "allot"
    """The merchant's free money becomes a campaign's budget (or, negative, comes back when the campaign is settled)."""
    RESERVE = "reserve"
    """A campaign's free money is promised to a grant."""
    SETTLE = "settle"
    """WeChat created the packet: the promise is paid."""
    RELEASE = "release"
    """The promise ended without a packet: the money is free again."""
    GIVE_BACK = "give_back"
    """WeChat returned what nobody took: paid money is free again."""


OF_MERCHANT = frozenset({Kind.FUND})
"""Transfers that name no campaign."""

OF_GRANT = frozenset({Kind.RESERVE, Kind.SETTLE, Kind.RELEASE, Kind.GIVE_BACK})
"""Transfers that name a grant; each kind happens at most once to a grant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One movement of money.

    Attributes:
        key: unique for ever; the same key with the same content is the same transfer, delivered again.
        kind: what it does.
        fen: how much.
        merchant: whose money.
        campaign: of which campaign; None for FUND.
        grant: for which grant; None for FUND and ALLOT.
        at_ms: when it was recorded, in milliseconds since the Unix epoch.
    """

    key: str
    kind: Kind
    fen: Fen
    merchant: MerchantId
    campaign: CampaignId | None = None
    grant: GrantId | None = None
    at_ms: int
