"""The first hand: post a transfer to the book, or say why not. The database's constraints are the same rules again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hongbao.ids import CampaignId, GrantId, MerchantId
from hongbao.ledger.account import Balance, campaign_change, merchant_change
from hongbao.ledger.grant import Money
from hongbao.ledger.transfer import OF_GRANT, OF_MERCHANT, Kind, Transfer


class Rejection(StrEnum):
    """Why a transfer is not posted; of several reasons the first in this order is given."""

    KEY_REUSED = "the key belongs to a transfer with other content"
    MISADDRESSED = "the transfer names a campaign or grant that its kind does not have, or lacks one that it has"
    AMOUNT = "the amount is not above zero"
    OTHER_OWNER = "the campaign or grant belongs to somebody else"
    WRONG_STEP = "the grant's money is not where this transfer takes it from"
    OTHER_AMOUNT = "the amount is not the grant's"
    SHORT = "there is not so much to take"


_STEPS: Mapping[tuple[Money | None, Kind], Money] = {
    (None, Kind.RESERVE): Money.RESERVED,
    (Money.RESERVED, Kind.SETTLE): Money.SETTLED,
    (Money.RESERVED, Kind.RELEASE): Money.RELEASED,
    (Money.SETTLED, Kind.GIVE_BACK): Money.GIVEN_BACK,
}


@dataclass(frozen=True, slots=True)
class _Grant:
    campaign: CampaignId
    fen: int
    money: Money


@dataclass(frozen=True, slots=True)
class Book:
    """All balances and what they came from.

    Attributes:
        merchants: balances by merchant.
        campaigns: balances by campaign.
        owners: the merchant of each campaign.
        grants: where each grant's money stands.
        transfers: everything posted, by key, in order.
    """

    merchants: Mapping[MerchantId, Balance] = field(default_factory=dict[MerchantId, Balance])
    campaigns: Mapping[CampaignId, Balance] = field(default_factory=dict[CampaignId, Balance])
    owners: Mapping[CampaignId, MerchantId] = field(default_factory=dict[CampaignId, MerchantId])
    grants: Mapping[GrantId, _Grant] = field(default_factory=dict[GrantId, _Grant])
    transfers: Mapping[str, Transfer] = field(default_factory=dict[str, Transfer])


def post(book: Book, transfer: Transfer) -> Book | Rejection:
    """Return the book with the transfer in it, or the reason why it cannot be there.

    A transfer that is there already, under the same key and with the same content but for its time, changes nothing.
    """
    known = book.transfers.get(transfer.key)
    if known is not None:
        return book if replace(transfer, at_ms=known.at_ms) == known else Rejection.KEY_REUSED
    kind, fen = transfer.kind, transfer.fen
    if (transfer.campaign is None) != (kind in OF_MERCHANT) or (transfer.grant is None) == (kind in OF_GRANT):
        return Rejection.MISADDRESSED
    if fen == 0 or (fen < 0 and kind in OF_GRANT):
        return Rejection.AMOUNT
    merchants, campaigns, owners, grants = book.merchants, book.campaigns, book.owners, book.grants
    if transfer.campaign is not None:
        if owners.get(transfer.campaign, transfer.merchant) != transfer.merchant:
            return Rejection.OTHER_OWNER
        owners = {**owners, transfer.campaign: transfer.merchant}
    if transfer.grant is not None and transfer.campaign is not None:
        grant = grants.get(transfer.grant)
        if grant is not None and grant.campaign != transfer.campaign:
            return Rejection.OTHER_OWNER
        step = _STEPS.get((None if grant is None else grant.money, kind))
        if step is None:
            return Rejection.WRONG_STEP
        # WeChat returns what nobody took: of a group packet that may be less than was paid.
        if grant is not None and (fen > grant.fen or (fen != grant.fen and kind is not Kind.GIVE_BACK)):
            return Rejection.OTHER_AMOUNT
        grants = {**grants, transfer.grant: _Grant(transfer.campaign, fen if grant is None else grant.fen, step)}
    merchant = merchants.get(transfer.merchant, Balance()).plus(merchant_change(kind, fen))
    if not merchant.whole:
        return Rejection.SHORT
    merchants = {**merchants, transfer.merchant: merchant}
    if transfer.campaign is not None:
        campaign = campaigns.get(transfer.campaign, Balance()).plus(campaign_change(kind, fen))
        if not campaign.whole:
            return Rejection.SHORT
        campaigns = {**campaigns, transfer.campaign: campaign}
    return Book(merchants, campaigns, owners, grants, {**book.transfers, transfer.key: transfer})
