"""The Store over a database: each verb is one transaction, by itself or together with others that wait."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import update

from hongbao.engine import ports
from hongbao.ids import AppId, CampaignId, GrantId, MerchantId, OpenId, OrderNumber
from hongbao.ledger.grant import State
from hongbao.money import Fen
from hongbao.store import batches, books, reading, schema
from hongbao.store.database import Database
from hongbao.store.intake import intake
from hongbao.store.lease import Ask, lease
from hongbao.store.record import campaign_home, cancel_rest, homes, record
from hongbao.store.session import Row, Session
from hongbao.store.writer import Direct, Homes, Writer

T = TypeVar("T")


class SqlStore:
    """`engine.ports.Store` on SQLite or PostgreSQL."""

    def __init__(self, database: Database, *, person_key: bytes, writer: Writer | None = None) -> None:
        """Use a database whose schema is there.

        Args:
            database: where everything is kept; closed with the store.
            person_key: 16 to 64 secret bytes; the same for the life of the database.
            writer: lets calls that wait share a commit; without it each call commits by itself.
        """
        self.database = database
        self._key = person_key
        self._writer = writer or Direct(database)

    def now_ms(self) -> int:
        """See `ports.Store`, as for every verb here."""
        return self.database.now_ms()

    def close(self) -> None:
        self._writer.close()
        self.database.close()

    def _read(self, verb: Callable[[Session], T]) -> T:
        with self.database.reading() as session:
            return verb(session)

    def _write(self, verb: Callable[[Session], T], merchants: Sequence[str] = (), campaigns: Sequence[str] = ()) -> T:
        return self._writer.call(verb, lambda _session: (set(merchants), set(campaigns)))

    # Who pays and for what.

    def add_merchant(self, merchant: ports.Merchant) -> bool:
        return self._write(lambda session: books.add_merchant(session, merchant))

    def merchant(self, merchant: MerchantId) -> ports.Merchant | None:
        return self._read(lambda session: books.merchant(session, merchant))

    def brakes(self, merchants: Sequence[MerchantId]) -> Mapping[MerchantId, ports.BrakeState]:
        return self._read(lambda session: books.brakes(session, merchants))

    def merchants(self, after: MerchantId | None = None, count: int = 100) -> list[ports.Merchant]:
        return self._read(lambda session: books.merchants(session, after, count))

    def amend_merchant(
        self, merchant: MerchantId, change: Callable[[ports.Merchant, int], ports.Merchant]
    ) -> ports.Merchant:
        return self._write(lambda session: books.amend_merchant(session, merchant, change), [merchant])

    def add_account(self, merchant: MerchantId, appid: AppId) -> bool:
        return self._write(lambda session: books.add_account(session, merchant, appid))

    def accounts(self, merchant: MerchantId) -> list[AppId]:
        return self._read(lambda session: books.accounts(session, merchant))

    def add_campaign(self, campaign: ports.Campaign) -> bool:
        return self._write(lambda session: books.add_campaign(session, campaign))

    def campaign(self, campaign: CampaignId) -> ports.Campaign | None:
        return self._read(lambda session: books.campaign(session, campaign))

    def campaigns(
        self, merchant: MerchantId, after: CampaignId | None = None, count: int = 100
    ) -> list[ports.Campaign]:
        return self._read(lambda session: books.campaigns(session, merchant, after, count))

    def amend_campaign(
        self, campaign: CampaignId, change: Callable[[ports.Campaign, int], ports.Campaign]
    ) -> ports.Campaign:
        return self._write(lambda session: books.amend_campaign(session, campaign, change), (), [campaign])

    def tally(self, campaign: CampaignId) -> Mapping[State, ports.Count]:
        return self._read(lambda session: books.tally(session, campaign))

    # Money.

    def fund(self, merchant: MerchantId, fen: Fen, key: str) -> bool:
        return self._write(lambda session: books.fund(session, merchant, fen, key), [merchant])

    def allot(self, campaign: CampaignId, fen: Fen, key: str) -> bool:
        return self._writer.call(
            lambda session: books.allot(session, campaign, fen, key), lambda session: campaign_home(session, campaign)
        )

    # The road.

    def intake(self, claims: Sequence[ports.Claim]) -> list[ports.Answer]:
        return self._writer.batch(self._intake, self._intake_homes, claims)

    def _intake(self, session: Session, claims: Sequence[ports.Claim]) -> list[ports.Answer]:
        return intake(session, claims, self._key)

    @staticmethod
    def _intake_homes(_session: Session, claims: Sequence[ports.Claim]) -> Homes:
        return set(), {claim.campaign for claim in claims}

    def lease(
        self, merchant: MerchantId, *, token: str, count: int, lease_ms: int, pacing: ports.Pacing
    ) -> ports.Lease:
        return self._writer.batch(lease, _lease_homes, [Ask(merchant, token, count, lease_ms, pacing)])[0]

    def record(self, results: Sequence[ports.Result]) -> list[ports.Recorded]:
        return self._writer.batch(record, self._record_homes, results)

    @staticmethod
    def _record_homes(session: Session, results: Sequence[ports.Result]) -> Homes:
        return homes(session, sorted({result.grant for result in results}))

    def looks(self, merchant: MerchantId, *, count: int, again_ms: int) -> list[ports.Grant]:
        return self._write(lambda session: reading.looks(session, merchant, count=count, again_ms=again_ms))

    def expired(self, *, count: int) -> list[ports.Expired]:
        return self._read(lambda session: reading.expired(session, count=count))

    def cancel_rest(self, campaign: CampaignId, *, count: int) -> int:
        return self._writer.call(
            lambda session: cancel_rest(session, campaign, count=count),
            lambda session: campaign_home(session, campaign),
        )

    def work(self, *, within_ms: int) -> list[ports.Work]:
        return self._read(lambda session: reading.work(session, within_ms=within_ms))

    def recent(self, merchant: MerchantId, campaign: CampaignId | None = None, *, count: int) -> list[ports.Recent]:
        return self._read(lambda session: reading.recent(session, merchant, campaign, count))

    # Lanes.

    def hold_lane(self, merchant: MerchantId, *, owner: str, lane_ms: int) -> bool:
        return self._writer.batch(_hold_lanes, _lane_homes, [(merchant, owner, lane_ms)])[0]

    def leave_lane(self, merchant: MerchantId, *, owner: str) -> None:
        table = schema.merchants
        mine = (table.c.mch_id == merchant) & (table.c.lane_owner == owner)
        leave = update(table).where(mine).values(lane_owner=None, lane_until_ms=None)
        self._write(lambda session: session.core.execute(leave), [merchant])

    # The openid file.

    def stage_batch(self, campaign: CampaignId, rows: Sequence[ports.BatchRow]) -> None:
        self._write(lambda session: batches.stage(session, campaign, rows))

    def unstage_batch(self, campaign: CampaignId, *, count: int) -> int:
        return self._write(lambda session: batches.unstage(session, campaign, count))

    def staged_batches(self, *, before_ms: int) -> list[CampaignId]:
        return self._read(lambda session: batches.staged(session, before_ms))

    def submit_batch(self, staged: CampaignId, submission: ports.Submission) -> ports.Batch:
        return self._write(lambda session: batches.submit(session, staged, submission, self._key))

    def batch(self, campaign: CampaignId) -> ports.Batch | None:
        return self._read(lambda session: batches.batch(session, campaign))

    def same_rows(self, merchant: MerchantId, content_hash: str) -> list[ports.Batch]:
        return self._read(lambda session: batches.same_rows(session, merchant, content_hash))

    def batches(self, merchant: MerchantId, after: CampaignId | None = None, count: int = 100) -> list[ports.Batch]:
        return self._read(lambda session: batches.of_merchant(session, merchant, after, count))

    def open_batches(self) -> list[ports.Batch]:
        return self._read(batches.open_ones)

    def keep_batch(self, campaign: CampaignId, *, old: ports.BatchState, new: ports.BatchState) -> ports.Batch:
        return self._write(lambda session: batches.keep(session, campaign, old, new))

    def batch_rows(self, campaign: CampaignId, *, after: int, count: int) -> list[ports.BatchRow]:
        return self._read(lambda session: batches.rows_after(session, campaign, after, count))

    def batch_lines(self, campaign: CampaignId, lines: Sequence[int]) -> list[ports.BatchRow]:
        return self._read(lambda session: batches.lines(session, campaign, lines))

    def feed_batch(self, campaign: CampaignId, *, line: int) -> ports.Batch:
        return self._write(lambda session: batches.feed(session, campaign, line), (), [campaign])

    def paid_since(self, merchant: MerchantId, appid: AppId, openids: Sequence[OpenId], since_ms: int) -> list[OpenId]:
        return self._read(lambda session: batches.paid_since(session, self._key, merchant, appid, openids, since_ms))

    def sent_on(self, merchant: MerchantId, day: int) -> ports.Count:
        return self._read(lambda session: batches.sent_on(session, merchant, day))

    # Events out.

    def notices(self, *, count: int) -> list[ports.Notice]:
        return self._read(lambda session: reading.notices(session, count))

    def acknowledge(self, notices: Sequence[int]) -> None:
        self._write(lambda session: reading.acknowledge(session, notices))

    # Reading.

    def grant(self, grant: GrantId) -> ports.Grant | None:
        return self._read(lambda session: reading.grant(session, grant))

    def find(self, merchant: MerchantId, number: OrderNumber) -> GrantId | None:
        return self._read(lambda session: reading.find(session, merchant, number))

    def timeline(self, grant: GrantId) -> ports.Timeline | None:
        return self._read(lambda session: reading.timeline(session, grant))

    def grants(
        self, campaign: CampaignId, *, state: State | None = None, after: GrantId | None = None, count: int
    ) -> list[ports.Grant]:
        return self._read(lambda session: reading.grants(session, campaign, state, after, count))

    def person_grants(self, appid: AppId, openid: OpenId, *, count: int) -> list[ports.Grant]:
        return self._read(lambda session: reading.person_grants(session, self._key, appid, openid, count))

    @contextmanager
    def audit(self) -> Generator[reading.Books]:
        with self.database.reading() as session:
            yield reading.Books(session)


def _lease_homes(_session: Session, asks: Sequence[Ask]) -> Homes:
    return {ask.merchant for ask in asks}, set()


_LaneAsk = tuple[MerchantId, str, int]
"""Merchant, owner, and for how many milliseconds."""


def _lane_homes(_session: Session, asks: Sequence[_LaneAsk]) -> Homes:
    return {merchant for merchant, _, _ in asks}, set()


def _hold_lanes(session: Session, asks: Sequence[_LaneAsk]) -> list[bool]:
    """Take or prolong lanes; two owners who want the same one are asked one after the other."""
    session.hold(_lane_homes(session, asks)[0], ())
    now_ms = session.now_ms()
    held: list[bool] = [False] * len(asks)
    rest = list(enumerate(asks))
    while rest:
        turn: dict[MerchantId, tuple[int, Row]] = {}
        for place, (merchant, owner, lane_ms) in rest:
            turn.setdefault(merchant, (place, {"mch_id": merchant, "owner": owner, "until_ms": now_ms + lane_ms}))
        rest = [(place, ask) for place, ask in rest if turn[ask[0]][0] != place]
        rows = [row for _, row in turn.values()]
        for row in session.matching("hold_lanes", ("mch_id", "owner", "until_ms"), rows, now_ms=now_ms):
            held[turn[MerchantId(row["mch_id"])][0]] = True
    return held
