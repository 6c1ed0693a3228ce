"""What the engine needs of a way to pay. It translates; it decides nothing."""

from dataclasses import dataclass
from typing import Protocol

from hongbao.ids import AppId, CampaignId, MerchantId, OpenId, OrderNumber
from hongbao.money import Fen
from hongbao.payout.outcome import Outcome, Sighting
from hongbao.payout.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Order:
    """What a packet shall be, before it is written as a request.

    Attributes:
        kind: how it is sent, such as "sendredpack".
        words: the other fields of the request by name: send_name, wishing, act_name, remark, client_ip, scene_id.
    """

    merchant: MerchantId
    appid: AppId
    campaign: CampaignId
    openid: OpenId
    fen: Fen
    number: OrderNumber
    kind: str
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """What a send brought.

    Attributes:
        raw: the answer as it may be kept: openids and signs masked.
    """

    outcome: Outcome
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a query brought; `raw` as in `Answered`."""

    sighting: Sighting
    raw: str = ""


class Channel(Protocol):
    """A way to pay, for all merchants."""

    def freeze(self, order: Order) -> Packet:
        """Write the request that will be sent, all but nonce_str and sign.

        Raises:
            BadInput: a value must not be sent.
        """
        ...

    async def send(self, merchant: MerchantId, packet: Packet) -> Answered:
        """Send a packet once. Every end is an outcome; nothing is raised but cancellation."""
        ...

    async def look(self, merchant: MerchantId, packet: Packet) -> Looked:
        """Ask what became of a packet. Nothing is raised but cancellation."""
        ...
