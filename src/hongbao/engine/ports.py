"""What the engine needs of the world: a Store. Few verbs, each one transaction over a batch.

Every verb is synchronous and safe to call from several threads. Every verb that writes can be run again under its own
key (transfer key, once-key, lease token, attempt) and then answers from what is there: so a COMMIT whose outcome is not
known is settled by asking again.

Python decides, the store applies: a verb that needs a judgement is handed a pure function or an event, and judges it on
the rows as they are inside the transaction. What the engine read before may be stale; the answer says what stands now.

Times are milliseconds since the Unix epoch of the *store's* clock (`now_ms`): one clock for all workers of a database.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

from hongbao.errors import HongbaoError
from hongbao.ids import AppId, CampaignId, GrantId, ListId, MerchantId, OpenId, OrderNumber, masked
from hongbao.ledger.account import Balance
from hongbao.ledger.audit import AuditedGrant
from hongbao.ledger.grant import Event, Money, State
from hongbao.ledger.transfer import Transfer
from hongbao.merchant import Limit
from hongbao.money import Fen


class BookBroken(HongbaoError):
    """An invariant of the books does not hold. The transaction was undone; stop the merchant and look."""


class StoreUnsure(HongbaoError):
    """Whether a transaction was committed is not known, and could not be found out. Ask again with the same key."""


class StoreDown(HongbaoError):
    """The database cannot be reached, or others hold it for too long. Nothing was changed; try again later."""


# ---------------------------------------------------------------------------------------------------------- who pays


class BrakeState(StrEnum):
    """Whether a merchant's packets go out."""

    GO = "go"
    STOPPED = "stopped"
    """A person stopped it; only a person lets it go."""
    HELD = "held"
    """An answer of WeChat stopped it; a probe now and then finds out whether the cause is cured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """What holds a merchant back.

    Attributes:
        code: the err_code behind HELD, or "" .
        text: reason and remedy for people.
        since_ms: when it came into this state.
        probe_ms: HELD: when the next probe may go; None: never by itself.
    """

    state: BrakeState = BrakeState.GO
    code: str = ""
    text: str = ""
    since_ms: int = 0
    probe_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Where a merchant's pace stands. Only `payout.pacing` reads meaning into it; the store keeps it.

    Attributes:
        second_us: rule per second: theoretical arrival time of the next send, in microseconds.
        minute_us: the same for the rule per minute.
        permille: share of the limits that is used now; below 1000 after WeChat said "too fast".
        eased_ms: when `permille` last changed.
    """

    second_us: int = 0
    minute_us: int = 0
    permille: int = 1000
    eased_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A merchant as the store holds it.

    Attributes:
        limits: what differs from the defaults, by name: entered by people, or observed in answers.
        quiet_hours: whether nothing goes out between 00:00 and 08:00 Beijing time.
    """

    merchant: MerchantId
    balance: Balance = field(default_factory=Balance)
    brake: Brake = Brake()
    quiet_hours: bool = True
    limits: Mapping[str, Limit] = field(default_factory=dict[str, Limit])
    pace: Pace = Pace()


class CampaignState(StrEnum):
    """The life of a campaign; a batch is one."""

    DRAFT = "draft"
    LIVE = "live"
    """Takes claims; its grants go out."""
    PAUSED = "paused"
    """Takes no claims; its grants wait. Queries go on."""
    ENDED = "ended"
    """Takes no claims; what was promised goes out."""
    SETTLED = "settled"
    """Nothing is open; what was left went back to the merchant."""


SENDING_STATES = frozenset({CampaignState.LIVE, CampaignState.ENDED})
"""Campaigns whose due grants may be leased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign as the store holds it.

    Attributes:
        campaign: its key: unique in the store, a part of every order number.
        kind: what feeds it: "batch", or a trigger.
        template: the wording and rules, as JSON; the store does not read it.
        begins_ms, ends_ms: the window; None: open on that side.
        reason: why it is paused, when an answer of WeChat paused it; "" otherwise.
    """

    campaign: CampaignId
    merchant: MerchantId
    appid: AppId
    kind: str
    state: CampaignState = CampaignState.DRAFT
    reason: str = ""
    template: str = "{}"
    begins_ms: int | None = None
    ends_ms: int | None = None
    balance: Balance = field(default_factory=Balance)


@dataclass(frozen=True, slots=True)
class Count:
    """How many grants, and how much they are worth."""

    grants: int
    fen: int


# ------------------------------------------------------------------------------------------------------------ grants


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Claim:
    """One award, ready to become a grant.

    Attributes:
        content: what was asked for, the same text for the same ask. Another content under the same once-key
            (campaign, person, occasion) is refused.
        number: order number of renewal 0.
        frozen: the complete request but nonce_str and sign, in wire order.
        due_ms: when it may go at the earliest.
        row: line of the file that it came from.
    """

    campaign: CampaignId
    openid: OpenId
    occasion: str
    fen: Fen
    content: str
    number: OrderNumber
    frozen: bytes
    due_ms: int
    row: int | None = None

    def __repr__(self) -> str:
        return f"Claim({self.campaign!r}, {masked(self.openid)}, {self.occasion!r}, {self.fen!r}, {self.number!r})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Grant:
    """A grant as it stands.

    Attributes:
        openid: None once the person's data has been erased.
        renewal: how many numbers before this one are dead.
        due_ms: when it may be sent (again): only in DUE and UNSURE; None: not by itself.
        look_ms: when it should be queried next; None: not by itself.
        attempts: sends that were leased, all numbers together.
        first_try_ms: first lease under this number that did not end in NOT_TRIED; the re-entry window counts from here.
        last_try_ms: slot or end of the last attempt, whichever is later.
        place: Beijing date (yyyymmdd) whose place under the person's cap it holds, or None.
        seen_success: some answer or query ever said that a packet exists.
        last_code, last_text: of the last answer or query.
    """

    grant: GrantId
    merchant: MerchantId
    campaign: CampaignId
    appid: AppId
    openid: OpenId | None
    occasion: str
    fen: Fen
    number: OrderNumber
    renewal: int
    frozen: bytes
    state: State
    money: Money
    due_ms: int | None
    look_ms: int | None
    attempts: int
    first_try_ms: int | None
    last_try_ms: int | None
    place: int | None
    seen_success: bool
    last_code: str
    last_text: str
    hold_reason: str
    list_id: ListId | None
    row: int | None
    created_ms: int
    ended_ms: int | None

    def __repr__(self) -> str:
        return f"Grant({self.grant!r}, {self.merchant!r}, {self.number!r}, {self.fen!r}, {self.state!r})"


@dataclass(frozen=True, slots=True)
class Granted:
    """The claim became a grant; its money is reserved."""

    grant: GrantId
    number: OrderNumber
    fen: Fen


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same claim was granted before; this is that grant."""

    grant: GrantId
    number: OrderNumber
    fen: Fen


class Refusal(StrEnum):
    """Why a claim becomes no grant; of several reasons the first in this order is given. A repeat comes before all."""

    UNKNOWN_CAMPAIGN = "there is no such campaign"
    CONFLICT = "this person has a grant for this occasion with other content"
    NUMBER_TAKEN = "the order number belongs to another grant"
    CLOSED = "the campaign takes no claims now"
    SHORT = "the campaign has not so much left"


@dataclass(frozen=True, slots=True)
class Refused:
    """The claim became no grant; nothing was changed."""

    reason: Refusal


Answer = Granted | Repeated | Refused


# --------------------------------------------------------------------------------------------------- sending, looking


@dataclass(frozen=True, slots=True)
class Caps:
    """What a lease must not pass; reached is allowed.

    Attributes:
        person_packets, person_fen: for one person of one account in one Beijing day.
        merchant_fen: for the merchant in one Beijing day.
        reentry_ms: how long after its first try a number may be sent again.
    """

    person_packets: int
    person_fen: int
    merchant_fen: int
    reentry_ms: int


class Pacing(Protocol):
    """What a lease may give. Pure; `payout.pacing` implements it, the store calls it inside the lease's transaction."""

    def slots(self, merchant: Merchant, now_ms: int, count: int) -> tuple[int, ...]:
        """Return when the next sends may go: at most `count` times, ascending, as far ahead as lanes plan.

        None in quiet hours. Asking for fewer gives a prefix.
        """
        ...

    def after(self, merchant: Merchant, now_ms: int, count: int) -> Pace:
        """Return the pace once the first `count` of those slots are taken."""
        ...

    def caps(self, merchant: Merchant) -> Caps:
        """Return the caps of a day."""
        ...

    def next_probe_ms(self, merchant: Merchant, now_ms: int) -> int:
        """Return when the probe after the one that goes now may go."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A grant that this lane may send once, at its slot, until the lease ends.

    Attributes:
        grant: as it stands under the lease: SENDING, or RESENDING.
        serial: which attempt of the grant this is, from 1; queries are not counted.
        token: the lease; the same for all grants of one `lease` call.
        slot_ms: not before; the person's place is that of this moment's day.
        until_ms: after this the grant is taken for lost and must not be sent.
        probe: the merchant is held and this one finds out whether the cause is cured.
    """

    grant: Grant
    serial: int
    token: str
    slot_ms: int
    until_ms: int
    probe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What `lease` gave.

    Attributes:
        now_ms: the store's clock in that transaction.
        postponed: grants whose person has no place left on the slot's day; they were moved to the next Beijing day.
        too_late: grants whose number may not be sent any more; they took TOO_LATE (or lost their due_ms, if UNSURE)
            and wait to be queried, at once.
        wait_ms: the merchant's own day is full: nothing more before this time; else None.
        more: whether grants were due beyond what was given: ask again soon.
    """

    now_ms: int
    merchant: Merchant
    grants: tuple[Leased, ...]
    postponed: int
    too_late: int
    wait_ms: int | None
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one call to WeChat brought. Holds no openid, key or sign.

    Attributes:
        outcome: one word for people and counts: sent, no, dead, unsure, not_tried; of a query the status it showed.
        raw: the answer, masked.
    """

    started_ms: int
    ended_ms: int
    outcome: str
    code: str = ""
    text: str = ""
    raw: str = ""
    list_id: ListId | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Renewal:
    """A new number, with the request frozen under it."""

    number: OrderNumber
    frozen: bytes

    def __repr__(self) -> str:
        return f"Renewal({self.number!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What happened to a grant: an answer to a send, a query, a lost lease, a rule, a ruling.

    The events are applied in order to the grant as it stands in the transaction; the first that its life forbids ends
    the row of them. Evidence is kept whatever becomes of the events. Besides the life's table the store sees to this:

    * Of a late answer (its lease is over) only the first event counts, and only if it is what the send said; while
      somebody else holds the grant, only SAID_SENT.
    * LEASE_LOST counts only while that attempt has no answer.
    * SAW_FAILED counts only if the query was begun after every attempt had ended or its lease had run out; else it is
      SAW_NOTHING_NEW.
    * An answer for a number that the grant no longer has changes nothing, but a success makes it HANDED_OVER.
    * RENEWED needs `renewal`.
    * CANCELLED counts only for a grant of which nothing ever left.

    Attributes:
        number: the number that was sent or queried.
        token, serial: the attempt, for answers to a send and for LEASE_LOST; None for all else.
        due_ms: when to send (again), if it ends in DUE or UNSURE. DUE without it: at once; UNSURE without it: not by
            itself.
        look_ms: when to query next, if it ends in UNSURE, DOOMED, SENT or RETURNING; without it: at once. In
            NEEDS_PERSON, without it: not by itself.
        full: WeChat says that the person has had the day's packets: nothing more for them on the day of this send.
        hold_reason: why it waits, for people; "" clears it.
        back_fen: RETURNED of less than the whole (group packets); None: the whole.
    """

    grant: GrantId
    number: OrderNumber
    events: tuple[Event, ...]
    token: str | None = None
    serial: int | None = None
    evidence: Evidence | None = None
    due_ms: int | None = None
    look_ms: int | None = None
    full: bool = False
    hold_reason: str = ""
    renewal: Renewal | None = None
    back_fen: Fen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The grant afterwards, and which of the events it took. If `took` is short, judge anew on `grant`."""

    grant: Grant
    took: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A lease that ran out without an answer."""

    grant: Grant
    token: str
    serial: int
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """The outcome of one ended send."""

    grant: GrantId
    campaign: CampaignId
    outcome: str
    code: str
    text: str
    ended_ms: int


@dataclass(frozen=True, slots=True)
class Work:
    """A merchant with something to do, and when: past or now_ms means now.

    Attributes:
        held: whether somebody has the merchant's lane now.
    """

    merchant: MerchantId
    due_ms: int | None
    look_ms: int | None
    held: bool = False


# ------------------------------------------------------------------------------------------------------------ reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to WeChat for a grant, or one that was leased and is not answered."""

    kind: Literal["send", "query"]
    number: OrderNumber
    serial: int
    opened_ms: int
    slot_ms: int | None
    evidence: Evidence | None
    lost: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything that is known of a grant."""

    grant: Grant
    attempts: tuple[Attempt, ...]
    transfers: tuple[Transfer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One event for others to follow; delivered at least once, in order.

    Attributes:
        kind: packet.sent, packet.received, packet.refunded, packet.failed, packet.held.
    """

    notice: int
    kind: str
    grant: GrantId
    merchant: MerchantId
    campaign: CampaignId
    number: OrderNumber
    fen: Fen
    state: State
    at_ms: int


# ---------------------------------------------------------------------------------------------------- the openid file


class BatchState(StrEnum):
    """How far the rows of a batch have come. Whether its grants go out is its campaign's affair."""

    STAGING = "staging"
    """Rows are arriving; nobody knows the batch yet."""
    READY = "ready"
    """Submitted: all rows are there, or none would be."""
    FEEDING = "feeding"
    """Started: its rows become grants."""
    FED = "fed"
    """No more rows become grants."""
    SETTLED = "settled"
    """All its grants have ended, and what was left of its budget went back."""


class BatchRow(NamedTuple):
    """One row of an openid file. A tuple: a million of them are made at once.

    Attributes:
        line: where it stands in the file, from 1.
        openid: None once the row is a grant: then the grant's person has it.
        occasion: what tells it from the person's other rows.
        wording: its own wishing; "" for the template's.
        own: the cells of columns that are not ours, as a JSON list; "" if there are none.
    """

    line: int
    openid: OpenId | None
    occasion: str
    fen: Fen
    wording: str = ""
    own: str = ""

    def __repr__(self) -> str:
        return f"BatchRow({self.line}, {self.occasion!r}, {self.fen!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is submitted with staged rows.

    Attributes:
        content_hash: of merchant, account, normalised rows and the batch that is continued.
        template_hash: of everything that shapes a request but the rows.
        template: as JSON; the store does not read it.
        file_name: for people.
        columns: the file's header as a JSON list; "" for a file without one.
        continues: the batch whose rows that are paid, or may yet be, are left out of this one.
        again: whether the same rows may be there under another template.
    """

    campaign: CampaignId
    merchant: MerchantId
    appid: AppId
    content_hash: str
    template_hash: str
    template: str
    file_name: str
    columns: str = ""
    continues: CampaignId | None = None
    again: bool = False
    begins_ms: int | None = None
    ends_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as the store holds it.

    Attributes:
        rows, fen: how many rows are paid by it, and what they are worth.
        left_out: rows of the file that the continued batch covers.
        fed_rows, fed_fen: how many of them are grants.
        fed_line: the last line that is a grant.
        submitted_ms: None while its rows arrive.
    """

    campaign: CampaignId
    merchant: MerchantId
    appid: AppId
    state: BatchState
    content_hash: str
    template_hash: str
    template: str
    file_name: str
    columns: str
    continues: CampaignId | None
    rows: int
    fen: int
    left_out: int
    fed_rows: int
    fed_fen: int
    fed_line: int
    submitted_ms: int | None


class Store(Protocol):
    """The engine of record."""

    def now_ms(self) -> int:
        """Return the store's clock: the database server's, or the process's for a file."""
        ...

    def close(self) -> None:
        """Finish what waits and let go of the database."""
        ...

    # Who pays and for what.

    def add_merchant(self, merchant: Merchant) -> bool:
        """Add a merchant with empty books; False if it is there (then nothing changes)."""
        ...

    def merchant(self, merchant: MerchantId) -> Merchant | None:
        """Return a merchant."""
        ...

    def brakes(self, merchants: Sequence[MerchantId]) -> Mapping[MerchantId, BrakeState]:
        """Return the brakes of merchants, of those that are there; cheap enough to be asked three times a second."""
        ...

    def merchants(self, after: MerchantId | None = None, count: int = 100) -> list[Merchant]:
        """Return merchants in the order of their ids."""
        ...

    def amend_merchant(self, merchant: MerchantId, change: Callable[[Merchant, int], Merchant]) -> Merchant:
        """Run a pure function of merchant and now_ms on the row as it stands; keep brake, limits, quiet_hours, pace.

        All brakes, limits and back-offs go through here. The balance cannot be changed; the answer is what stands.

        Raises:
            KeyError: no such merchant.
        """
        ...

    def add_account(self, merchant: MerchantId, appid: AppId) -> bool:
        """Say that an account belongs to a merchant; False if it is so already.

        Raises:
            BadInput: it belongs to another merchant.
        """
        ...

    def accounts(self, merchant: MerchantId) -> list[AppId]:
        """Return a merchant's accounts."""
        ...

    def add_campaign(self, campaign: Campaign) -> bool:
        """Add a campaign with an empty budget; False if its key is there (then nothing changes).

        Raises:
            BadInput: merchant or account is not there, or they do not belong together.
        """
        ...

    def campaign(self, campaign: CampaignId) -> Campaign | None:
        """Return a campaign."""
        ...

    def campaigns(self, merchant: MerchantId, after: CampaignId | None = None, count: int = 100) -> list[Campaign]:
        """Return a merchant's campaigns in the order they were made."""
        ...

    def amend_campaign(self, campaign: CampaignId, change: Callable[[Campaign, int], Campaign]) -> Campaign:
        """Run a pure function of the campaign and now_ms on the row as it stands; keep state, template, window.

        Raises:
            KeyError: no such campaign.
        """
        ...

    def tally(self, campaign: CampaignId) -> Mapping[State, Count]:
        """Return how many grants stand where. Kept as counters: the cost does not grow with the campaign."""
        ...

    # Money.

    def fund(self, merchant: MerchantId, fen: Fen, key: str) -> bool:
        """Add money to a merchant, or take it (negative). False if the key was posted before with the same content.

        Raises:
            BadInput: the key has other content, there is not so much to take, or no such merchant.
        """
        ...

    def allot(self, campaign: CampaignId, fen: Fen, key: str) -> bool:
        """Move a merchant's free money into a campaign's budget, or back (negative). Otherwise as `fund`."""
        ...

    # The road.

    def intake(self, claims: Sequence[Claim]) -> list[Answer]:
        """Turn claims into grants with their reservation; one answer a claim, in their order."""
        ...

    def lease(self, merchant: MerchantId, *, token: str, count: int, lease_ms: int, pacing: Pacing) -> Lease:
        """Give grants to send: due ones of campaigns that send, each with a slot and its places of that slot's day.

        The campaigns share fairly. Nothing while the merchant is stopped; while it is held one grant when a probe is
        due, the oldest. A grant is never in two leases, and no slot of the same number comes within 1 s of its last
        try, nor after `reentry_ms`. The same token again returns the same lease.
        """
        ...

    def record(self, results: Sequence[Result]) -> list[Recorded]:
        """Keep what happened, with the transfers, places, counters and notices that follow; in the order given.

        Raises:
            KeyError: no such grant.
        """
        ...

    def looks(self, merchant: MerchantId, *, count: int, again_ms: int) -> list[Grant]:
        """Take grants to query: those in doubt first, then the rest, each by its look_ms.

        Their look_ms moves to `again_ms` from now, so that nobody else takes them and a lost worker loses nothing.
        """
        ...

    def expired(self, *, count: int) -> list[Expired]:
        """Return leases that ran out, oldest first. Nothing is changed: record LEASE_LOST."""
        ...

    def cancel_rest(self, campaign: CampaignId, *, count: int) -> int:
        """Cancel up to `count` grants of which nothing ever left; return how many. 0: there are none left."""
        ...

    def work(self, *, within_ms: int) -> list[Work]:
        """Return merchants with due grants or looks in the next `within_ms`, from the indexes alone.

        A stopped merchant has no due_ms; a held one has its probe's.
        """
        ...

    def recent(self, merchant: MerchantId, campaign: CampaignId | None = None, *, count: int) -> list[Recent]:
        """Return the newest answered sends of a merchant or of one of its campaigns, newest first."""
        ...

    # One lane per merchant over all workers. A hint that saves work: the lease token is what protects.

    def hold_lane(self, merchant: MerchantId, *, owner: str, lane_ms: int) -> bool:
        """Take or prolong a merchant's lane until `lane_ms` from now; False if another owner has it."""
        ...

    def leave_lane(self, merchant: MerchantId, *, owner: str) -> None:
        """Give the lane back."""
        ...

    # The openid file. A batch is a campaign of the kind "batch" with rows that become grants little by little.

    def stage_batch(self, campaign: CampaignId, rows: Sequence[BatchRow]) -> None:
        """Add rows to a batch that is not submitted yet, in the order of the file; the first call makes it.

        Rows that are there stay.

        Raises:
            BadInput: the batch is submitted already.
        """
        ...

    def unstage_batch(self, campaign: CampaignId, *, count: int) -> int:
        """Forget up to `count` rows of a batch that is not submitted, at last itself; return how many rows. 0: it is
        gone, or submitted.
        """
        ...

    def staged_batches(self, *, before_ms: int) -> list[CampaignId]:
        """Return batches that began before this time and were never submitted."""
        ...

    def submit_batch(self, staged: CampaignId, submission: Submission) -> Batch:
        """Make a batch out of what is staged, in one transaction, with its campaign in DRAFT.

        If these rows are there already under this template, that batch is returned and what is staged stays.

        Raises:
            BadInput: the same rows are there under another template and `again` is not said; the batch to be continued
                is not there, was never started, or another one continues it; merchant or account is not there.
        """
        ...

    def batch(self, campaign: CampaignId) -> Batch | None:
        """Return a submitted batch."""
        ...

    def same_rows(self, merchant: MerchantId, content_hash: str) -> list[Batch]:
        """Return the batches of these rows, oldest first; one for each template."""
        ...

    def batches(self, merchant: MerchantId, after: CampaignId | None = None, count: int = 100) -> list[Batch]:
        """Return a merchant's batches, newest first."""
        ...

    def open_batches(self) -> list[Batch]:
        """Return the batches in FEEDING and FED, oldest first."""
        ...

    def keep_batch(self, campaign: CampaignId, *, old: BatchState, new: BatchState) -> Batch:
        """Move a batch from one state to the next; in any other state nothing changes. The answer is what stands.

        Raises:
            KeyError: no such batch.
        """
        ...

    def batch_rows(self, campaign: CampaignId, *, after: int, count: int) -> list[BatchRow]:
        """Return a batch's rows beyond a line, in the order of the file."""
        ...

    def batch_lines(self, campaign: CampaignId, lines: Sequence[int]) -> list[BatchRow]:
        """Return single rows of a batch, in the order of the file."""
        ...

    def feed_batch(self, campaign: CampaignId, *, line: int) -> Batch:
        """Say that all rows up to this line are grants; their openids are forgotten here.

        Raises:
            KeyError: no such batch.
        """
        ...

    def paid_since(self, merchant: MerchantId, appid: AppId, openids: Sequence[OpenId], since_ms: int) -> list[OpenId]:
        """Return which of these people the merchant sent a packet to since then that did not come back."""
        ...

    def sent_on(self, merchant: MerchantId, day: int) -> Count:
        """Return what the merchant sent, or may have sent, on a Beijing day (yyyymmdd)."""
        ...

    # Events out.

    def notices(self, *, count: int) -> list[Notice]:
        """Return the oldest notices that are not acknowledged; those of one grant in their order."""
        ...

    def acknowledge(self, notices: Sequence[int]) -> None:
        """Forget these notices.

        Each by itself and never "up to this one": a transaction that commits late may bring a smaller number.
        """
        ...

    # Reading.

    def grant(self, grant: GrantId) -> Grant | None:
        """Return a grant."""
        ...

    def find(self, merchant: MerchantId, number: OrderNumber) -> GrantId | None:
        """Return whose number this is or was."""
        ...

    def timeline(self, grant: GrantId) -> Timeline | None:
        """Return a grant with all its attempts and transfers."""
        ...

    def grants(
        self, campaign: CampaignId, *, state: State | None = None, after: GrantId | None = None, count: int
    ) -> list[Grant]:
        """Return a campaign's grants in the order they were made."""
        ...

    def person_grants(self, appid: AppId, openid: OpenId, *, count: int) -> list[Grant]:
        """Return the newest grants of one person, newest first."""
        ...

    # For the second hand: every transfer, balance and grant of one moment, streamed.

    def audit(self) -> AbstractContextManager["AuditSource"]:
        """Open a consistent view of all books; read each part once."""
        ...


class AuditSource(Protocol):
    """All books at one moment."""

    def transfers(self) -> Iterator[Transfer]: ...
    def merchants(self) -> Mapping[MerchantId, Balance]: ...
    def campaigns(self) -> Mapping[CampaignId, Balance]: ...
    def grants(self) -> Iterator[AuditedGrant]: ...
