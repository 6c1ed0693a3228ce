"""The second hand: adds the books up again from the transfers alone, and names every difference.

It shares no arithmetic with `book` and `account` on purpose: it never posts, keeps its own table of what a transfer
does, and trusts no balance it is shown. Each check is a small function that returns findings; an empty list is a
clean book.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hongbao.ids import CampaignId, GrantId, MerchantId
from hongbao.ledger.account import Balance
from hongbao.ledger.grant import State
from hongbao.ledger.transfer import Kind, Transfer
from hongbao.money import yuan_text


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference.

    Attributes:
        check: which rule is broken.
        subject: where: merchant, campaign, grant or transfer.
        says: what is wrong, with amounts in yuan.
    """

    check: str
    subject: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedGrant:
    """What a store says of one grant."""

    grant: GrantId
    merchant: MerchantId
    campaign: CampaignId
    fen: int
    state: State


@dataclass(slots=True)
class _Sums:
    fund: int = 0
    allot: int = 0
    reserve: int = 0
    settle: int = 0
    release: int = 0
    give_back: int = 0

    def add(self, kind: Kind, fen: int) -> None:
        setattr(self, kind.value, getattr(self, kind.value) + fen)


def audit(
    transfers: Iterable[Transfer],
    merchants: Mapping[MerchantId, Balance],
    campaigns: Mapping[CampaignId, Balance],
    grants: Iterable[AuditedGrant],
) -> list[Finding]:
    """Compare balances and grants with what the transfers say.

    Args:
        transfers: all of them; each is read once, so a cursor will do.
        merchants: the balances that the store holds.
        campaigns: the balances that the store holds.
        grants: all grants, read once.
    """
    findings: list[Finding] = []
    by_merchant: defaultdict[MerchantId, _Sums] = defaultdict(_Sums)
    by_campaign: defaultdict[CampaignId, _Sums] = defaultdict(_Sums)
    by_grant: defaultdict[GrantId, dict[Kind, int]] = defaultdict(dict)
    keys: set[str] = set()
    for transfer in transfers:
        if transfer.key in keys:
            findings.append(Finding("keys", transfer.key, "two transfers have this key"))
        keys.add(transfer.key)
        by_merchant[transfer.merchant].add(transfer.kind, transfer.fen)
        if transfer.campaign is not None:
            by_campaign[transfer.campaign].add(transfer.kind, transfer.fen)
        if transfer.grant is not None:
            moved = by_grant[transfer.grant]
            if transfer.kind in moved:
                findings.append(Finding("once", f"grant {transfer.grant}", f"{transfer.kind} happened twice"))
            moved[transfer.kind] = moved.get(transfer.kind, 0) + transfer.fen
    for merchant in merchants.keys() | by_merchant.keys():
        sums = by_merchant[merchant]
        ours = Balance(
            funded=sums.fund,
            free=sums.fund - sums.allot,
            reserved=sums.allot - sums.settle + sums.give_back,
            paid=sums.settle - sums.give_back,
            returned=sums.give_back,
        )
        findings += _balance("merchant", merchant, merchants.get(merchant, Balance()), ours)
    for campaign in campaigns.keys() | by_campaign.keys():
        sums = by_campaign[campaign]
        ours = Balance(
            funded=sums.allot,
            free=sums.allot - sums.reserve + sums.release + sums.give_back,
            reserved=sums.reserve - sums.settle - sums.release,
            paid=sums.settle - sums.give_back,
            returned=sums.give_back,
        )
        findings += _balance("campaign", campaign, campaigns.get(campaign, Balance()), ours)
    for grant in grants:
        findings += _grant(grant, by_grant.pop(grant.grant, {}))
    findings += [Finding("orphans", f"grant {grant}", "has transfers and does not exist") for grant in by_grant]
    return findings


def _balance(kind: str, name: str, theirs: Balance, ours: Balance) -> list[Finding]:
    """Compare one balance, part by part, and see that its parts add up and none is below zero."""
    findings = [
        Finding(
            "balance",
            f"{kind} {name}",
            f"{part} is {yuan_text(getattr(theirs, part))}, the transfers make {yuan_text(getattr(ours, part))}",
        )
        for part in ("funded", "free", "reserved", "paid", "returned")
        if getattr(theirs, part) != getattr(ours, part)
    ]
    if ours.funded != ours.free + ours.reserved + ours.paid:
        findings.append(Finding("equation", f"{kind} {name}", "funded is not free + reserved + paid"))
    if min(ours.free, ours.reserved, ours.paid) < 0:
        findings.append(Finding("below zero", f"{kind} {name}", "a part is below zero"))
    return findings


_EXPECTED: Mapping[State, tuple[frozenset[Kind], ...]] = {
    **dict.fromkeys(
        (State.DUE, State.SENDING, State.UNSURE, State.RESENDING, State.DOOMED, State.DEAD),
        (frozenset({Kind.RESERVE}),),
    ),
    **dict.fromkeys((State.SENT, State.RECEIVED, State.RETURNING), (frozenset({Kind.RESERVE, Kind.SETTLE}),)),
    State.RETURNED: (frozenset({Kind.RESERVE, Kind.SETTLE, Kind.GIVE_BACK}),),
    State.CANCELLED: (frozenset({Kind.RESERVE, Kind.RELEASE}),),
    State.FAILED: (frozenset({Kind.RESERVE, Kind.RELEASE}), frozenset({Kind.RESERVE, Kind.SETTLE, Kind.GIVE_BACK})),
    State.NEEDS_PERSON: (frozenset({Kind.RESERVE}), frozenset({Kind.RESERVE, Kind.SETTLE})),
}


def _grant(grant: AuditedGrant, moved: Mapping[Kind, int]) -> list[Finding]:
    """See that a grant's transfers are those of its state, each of its own amount."""
    subject = f"grant {grant.grant}"
    findings: list[Finding] = []
    if frozenset(moved) not in _EXPECTED[grant.state]:
        kinds = ", ".join(sorted(moved)) or "none"
        findings.append(Finding("grant", subject, f"is {grant.state} and has the transfers {kinds}"))
    for kind, fen in moved.items():
        # Of a group packet, what comes back may be less than what was paid.
        if fen > grant.fen or (fen != grant.fen and kind is not Kind.GIVE_BACK):
            findings.append(Finding("amount", subject, f"{kind} is {yuan_text(fen)}, the grant {yuan_text(grant.fen)}"))
    return findings
