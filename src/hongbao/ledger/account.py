"""The chart of accounts: where a merchant's money stands.

Each merchant and each campaign has a balance of four parts that always add up: funded = free + reserved + paid. For a
campaign, `funded` is its budget. For a merchant, `reserved` is what its campaigns hold and have not paid: their free
and reserved parts together. So a merchant's parts can be checked against those of its campaigns.
"""

from dataclasses import dataclass

from hongbao.ledger.transfer import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Where money stands, in fen.

    Attributes:
        funded: all that came in.
        free: not promised to anybody.
        reserved: promised.
        paid: with WeChat's packets; what nobody takes comes back.
        returned: all that ever came back from WeChat: a total for reports, no part of the sum.
    """

    funded: int = 0
    free: int = 0
    reserved: int = 0
    paid: int = 0
    returned: int = 0

    def plus(self, change: "Balance") -> "Balance":
        """Return this balance after a change."""
        return Balance(
            funded=self.funded + change.funded,
            free=self.free + change.free,
            reserved=self.reserved + change.reserved,
            paid=self.paid + change.paid,
            returned=self.returned + change.returned,
        )

    @property
    def whole(self) -> bool:
        """Whether nothing is below zero and the parts add up."""
        parts = (self.funded, self.free, self.reserved, self.paid, self.returned)
        return min(parts) >= 0 and self.funded == self.free + self.reserved + self.paid


def merchant_change(kind: Kind, fen: int) -> Balance:
    """Return what a transfer does to its merchant's balance."""
    match kind:
        case Kind.FUND:
            return Balance(funded=fen, free=fen)
        case Kind.ALLOT:
            return Balance(free=-fen, reserved=fen)
        case Kind.RESERVE | Kind.RELEASE:
            return Balance()
        case Kind.SETTLE:
            return Balance(reserved=-fen, paid=fen)
        case Kind.GIVE_BACK:
            return Balance(paid=-fen, reserved=fen, returned=fen)


def campaign_change(kind: Kind, fen: int) -> Balance:
    """Return what a transfer does to its campaign's balance."""
    match kind:
        case Kind.FUND:
            return Balance()
        case Kind.ALLOT:
            return Balance(funded=fen, free=fen)
        case Kind.RESERVE:
            return Balance(free=-fen, reserved=fen)
        case Kind.SETTLE:
            return Balance(reserved=-fen, paid=fen)
        case Kind.RELEASE:
            return Balance(reserved=-fen, free=fen)
        case Kind.GIVE_BACK:
            return Balance(paid=-fen, free=fen, returned=fen)
