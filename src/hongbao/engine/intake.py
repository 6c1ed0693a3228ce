"""Awards become grants: number and request are made, and committed with the reservation before anybody is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hongbao.engine.channel import Channel, Order
from hongbao.engine.points import Pass, Point, nothing
from hongbao.engine.ports import Answer, Campaign, Claim, Store
from hongbao.engine.running import Run, in_thread
from hongbao.errors import BadInput
from hongbao.ids import CampaignId, OpenId, masked
from hongbao.money import Fen
from hongbao.number import OrderIntent, order_number


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Award:
    """The decision that a person gets an amount.

    Attributes:
        occasion: what tells this award from the person's others in the campaign.
        kind: how it is sent, such as "sendredpack".
        words: the other fields of the request by name.
        due_ms: when it may go at the earliest.
        row: line of the file that it came from.
    """

    campaign: CampaignId
    openid: OpenId
    occasion: str
    fen: Fen
    words: Mapping[str, str]
    kind: str = "sendredpack"
    due_ms: int = 0
    row: int | None = None

    def __repr__(self) -> str:
        """Show the award with the openid masked."""
        return f"Award({self.campaign!r}, {masked(self.openid)}, {self.occasion!r}, {self.fen!r})"


def claim_of(award: Award, campaign: Campaign, channel: Channel) -> Claim:
    """Make the claim of an award: its number, and its request frozen.

    Raises:
        BadInput: a value must not be sent.
    """
    number = order_number(
        OrderIntent(
            mch_id=campaign.merchant,
            appid=campaign.appid,
            campaign=campaign.campaign,
            openid=award.openid,
            occasion=award.occasion,
        )
    )
    words = tuple(sorted(award.words.items()))
    packet = channel.freeze(
        Order(
            merchant=campaign.merchant,
            appid=campaign.appid,
            campaign=campaign.campaign,
            openid=award.openid,
            fen=award.fen,
            number=number,
            kind=award.kind,
            words=words,
        )
    )
    return Claim(
        campaign=award.campaign,
        openid=award.openid,
        occasion=award.occasion,
        fen=award.fen,
        # What the person was promised. The wording is not a part of it: an event that is delivered again after the
        # wording was edited is the same event.
        content=f"{award.kind} {award.fen}",
        number=number,
        frozen=packet.frozen(),
        due_ms=award.due_ms,
        row=award.row,
    )


class Intake:
    """Takes awards in."""

    def __init__(self, store: Store, channel: Channel, *, run: Run = in_thread, pass_by: Pass = nothing) -> None:
        """Freeze over `channel`, keep in `store`."""
        self._store = store
        self._channel = channel
        self._run = run
        self._pass = pass_by

    async def step(self, awards: Sequence[Award]) -> list[Answer]:
        """Take awards in, in one transaction; one answer each, in their order. A repeat gets the first answer.

        Raises:
            BadInput: a campaign does not exist, or a value must not be sent. Then nothing was taken in.
        """
        campaigns: dict[CampaignId, Campaign] = {}
        for name in dict.fromkeys(award.campaign for award in awards):
            campaign = await self._run(lambda name=name: self._store.campaign(name))
            if campaign is None:
                raise BadInput(field="campaign", fault=f"there is no {name!r}", remedy="make it first")
            campaigns[name] = campaign
        claims = [claim_of(award, campaigns[award.campaign], self._channel) for award in awards]
        answers = await self._run(lambda: self._store.intake(claims))
        self._pass(Point.INTAKE_DONE)
        return answers
