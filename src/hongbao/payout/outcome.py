"""What can come back from a send, and from a query. Codes stay in the channel; here it is only said what they mean.

Every outcome keeps code and text as evidence for people. No rule looks at them, but for one: the same text from many
rows is one cause (docs/reference/codes.md).
"""

from dataclasses import dataclass
from enum import StrEnum


class About(StrEnum):
    """What a definite no is about: who or what stands in the way."""

    PACE = "pace"
    """Too many at once: the same number a little later, and slower."""
    QUIET = "quiet"
    """WeChat's quiet hours."""
    PERSON_DAY = "person_day"
    """The person has had the day's number or amount."""
    MERCHANT_DAY = "merchant_day"
    """The merchant has had the day's number or amount."""
    PERSON_OR_SETUP = "person_or_setup"
    """Risk control holds the person, or the merchant's permission is missing: the share of such answers tells."""
    ROW = "row"
    """A value of this packet alone."""
    OPENID = "openid"
    """The openid is not one of this account."""
    OTHER_PACKET = "other_packet"
    """The number already belongs to a packet with other content."""
    BALANCE = "balance"
    """The merchant's balance at WeChat is too small."""
    SETUP = "setup"
    """Certificate, key, permission, product or portal: nobody can be paid until it is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """WeChat created the packet.

    Attributes:
        list_id: WeChat's own number for it.
    """

    list_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """A definite no: this attempt created nothing that pays by itself. The same number stays usable.

    Attributes:
        about: what stands in the way.
        code: err_code, evidence.
        text: its text, evidence; PARAM_ERROR counts rows with the same one.
        order: WeChat may now keep an order under the number, stuck and not debited.
    """

    about: About
    code: str
    text: str = ""
    order: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """WeChat says that the number is dead (SEND_FAILED). A query must confirm it."""

    code: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsure:
    """The outcome is not known: timeout, broken or unreadable reply, unknown code, a code that says so.

    Attributes:
        code: err_code if one came.
        text: what happened.
        resend: repeating the same number soon is the documented way (SYSTEMERROR); otherwise a query comes first.
        in_process: WeChat works on it (PROCESSING): leave it alone for twenty minutes.
        strange: nothing documented says what this answer means; a person should read it.
    """

    code: str = ""
    text: str = ""
    resend: bool = False
    in_process: bool = False
    strange: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTried:
    """Certainly no byte of the request left this machine."""

    text: str = ""


Outcome = Sent | No | Dead | Unsure | NotTried
"""What can come back from a send."""


class Seen(StrEnum):
    """What a query shows (docs/reference/states.md)."""

    SENT = "sent"
    RECEIVED = "received"
    RETURNING = "returning"
    RETURNED = "returned"
    FAILED = "failed"
    STUCK = "stuck"
    """SENDING with a reason: failed for now, nothing debited."""
    IN_PROCESS = "in_process"
    """SENDING without a reason."""
    NOT_FOUND = "not_found"
    """No order under this number, yet. Not a failure."""
    NOTHING = "nothing"
    """The query itself did not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a query showed.

    Attributes:
        seen: where the packet stands.
        list_id: WeChat's own number for it, where it has one.
        fen: its amount as WeChat has it, where it has one.
        returned_fen: what went back, where something did.
        code: err_code of a query that did not work, or that found nothing; evidence.
        text: the reason of a packet that failed or is stuck, or of the query's failure; evidence.
        about: why the query did not work, where that concerns the merchant: PACE or SETUP.
    """

    seen: Seen
    list_id: str = ""
    fen: int | None = None
    returned_fen: int | None = None
    code: str = ""
    text: str = ""
    about: About | None = None
