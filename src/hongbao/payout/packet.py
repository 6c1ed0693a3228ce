"""What is sent. The complete request is frozen with its number; only nonce_str and sign are made anew for each try.

The frozen form is JSON: the endpoint, then every other field in the order of the wire. Whoever edits a campaign, a
template, a merchant or a key between two tries changes nothing in it.
"""

import json
from dataclasses import dataclass

from hongbao.ids import OrderNumber
from hongbao.money import Fen

NUMBER_FIELD = "mch_billno"
AMOUNT_FIELD = "total_amount"
QUERY_APPID_FIELD = "wxappid"


@dataclass(frozen=True, slots=True, repr=False)
class Packet:
    """A request as it will be sent, whenever that is.

    Attributes:
        endpoint: last part of the path, such as `sendredpack`.
        fields: all fields in the order of the wire but nonce_str and sign; texts and whole numbers.
    """

    endpoint: str
    fields: tuple[tuple[str, str | int], ...]

    def __repr__(self) -> str:
        """Show number and amount; the person is in the fields and stays there."""
        return f"Packet({self.endpoint} {self.number}, {self.fen} fen)"

    @property
    def number(self) -> OrderNumber:
        """The order number."""
        return OrderNumber(str(self.field(NUMBER_FIELD)))

    @property
    def fen(self) -> Fen:
        """The amount."""
        return Fen(int(self.field(AMOUNT_FIELD)))

    def field(self, name: str) -> str | int:
        """Return one field's value.

        Raises:
            KeyError: the request has no such field.
        """
        return dict(self.fields)[name]

    def renumbered(self, number: OrderNumber) -> "Packet":
        """Return the same request under another number; everything else stays as it was frozen."""
        return Packet(
            self.endpoint, tuple((name, number if name == NUMBER_FIELD else value) for name, value in self.fields)
        )

    def frozen(self) -> bytes:
        """Write the form that is kept."""
        return json.dumps([self.endpoint, self.fields], ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def thawed(cls, frozen: bytes) -> "Packet":
        """Read the form that is kept."""
        endpoint, fields = json.loads(frozen)
        return cls(endpoint, tuple((name, value) for name, value in fields))
