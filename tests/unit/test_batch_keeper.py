"""Rows become grants once, a window and a cancellation are kept to, and what is left goes back in the end."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import pytest

from hongbao.batch.keeper import BatchKeeper
from hongbao.batch.submit import CANCELLING, cancel_rest, pause, resume, start
from hongbao.batch.template import Fixed, Template
from hongbao.engine.channel import Answered, Looked, Order
from hongbao.engine.ports import (
    BatchRow,
    BatchState,
    CampaignState,
    Merchant,
    Result,
    Submission,
)
from hongbao.errors import BadInput
from hongbao.ids import AppId, CampaignId, GrantId, MerchantId, OpenId
from hongbao.ledger.account import Balance
from hongbao.ledger.audit import audit
from hongbao.ledger.grant import Event, State
from hongbao.money import Fen
from hongbao.payout.packet import Packet
from hongbao.store.opening import open_sqlite
from hongbao.store.store import SqlStore

T = TypeVar("T")
MERCHANT, APPID, KEY, STAGED = MerchantId("1900000001"), AppId("wx1"), CampaignId("spring"), CampaignId("staging")
NOON_MS = 1_735_704_000_000


class StandingClock:
    at_ms = NOON_MS

    def now_ms(self) -> int:
        return self.at_ms


class Paper:
    """A channel that writes and never sends."""

    def freeze(self, order: Order) -> Packet:
        if order.openid == "odd":
            raise BadInput(field="re_openid", fault="is odd", remedy="mend it")
        words = dict(order.words)
        return Packet(order.kind, (("mch_billno", order.number), ("total_amount", order.fen), *sorted(words.items())))

    async def send(self, merchant: MerchantId, packet: Packet) -> Answered:
        raise NotImplementedError

    async def look(self, merchant: MerchantId, packet: Packet) -> Looked:
        raise NotImplementedError


async def here(act: Callable[[], T]) -> T:
    return act()


class Desk:
    def __init__(self) -> None:
        self.clock = StandingClock()
        self.store: SqlStore = open_sqlite(":memory:", clock=self.clock, person_key=b"x" * 16, grouped=False)
        self.store.add_merchant(Merchant(merchant=MERCHANT))
        self.store.add_account(MERCHANT, APPID)
        self.store.fund(MERCHANT, Fen(10_000), "first")
        self.keeper = BatchKeeper(self.store, Paper(), run=here)

    def submit(self, *people: str, begins_ms: int | None = None, ends_ms: int | None = None) -> None:
        words = {"wishing": "恭喜发财"}
        template = Template(name="x", words=words, client_ip="192.0.2.1", amount=Fixed(100))
        rows = [BatchRow(line, OpenId(person), "1", Fen(100)) for line, person in enumerate(people, start=1)]
        rows[-1] = rows[-1]._replace(wording="新年好")
        self.store.stage_batch(STAGED, rows)
        self.store.submit_batch(
            STAGED,
            Submission(
                campaign=KEY, merchant=MERCHANT, appid=APPID, content_hash="rows", template_hash="template",
                template=template.json(), file_name="list.txt", begins_ms=begins_ms, ends_ms=ends_ms,
            ),
        )  # fmt: skip

    def keep(self) -> tuple[str, ...]:
        """Let the keeper work until it has nothing to do; return its alarms."""
        alarms: list[str] = []
        for _ in range(20):
            progress = asyncio.run(self.keeper.step())
            alarms += progress.alarms
            if not progress.done:
                return tuple(alarms)
        raise AssertionError("the keeper never rests")

    @property
    def states(self) -> dict[State, int]:
        return {state: count.grants for state, count in self.store.tally(KEY).items() if count.grants}

    @property
    def batch_state(self) -> BatchState:
        batch = self.store.batch(KEY)
        assert batch is not None
        return batch.state

    @property
    def campaign_state(self) -> CampaignState:
        campaign = self.store.campaign(KEY)
        assert campaign is not None
        return campaign.state

    @property
    def balance(self) -> Balance:
        merchant = self.store.merchant(MERCHANT)
        assert merchant is not None
        return merchant.balance


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    with made.store.audit() as books:
        assert audit(books.transfers(), books.merchants(), books.campaigns(), books.grants()) == []
    made.store.close()


def test_nothing_happens_before_the_start(desk: Desk) -> None:
    desk.submit("a", "b")
    desk.keep()
    assert (desk.states, desk.balance.free) == ({}, 10_000)


def test_the_start_reserves_all_of_it_and_rows_become_grants(desk: Desk) -> None:
    desk.submit("a", "b")
    start(desk.store, KEY)
    assert desk.balance == Balance(funded=10_000, free=9_800, reserved=200)
    desk.keep()
    assert (desk.states, desk.batch_state) == ({State.DUE: 2}, BatchState.FED)
    grants = desk.store.grants(KEY, count=5)
    assert [(grant.row, grant.openid, grant.fen, grant.occasion) for grant in grants] == [
        (1, "a", 100, "1"),
        (2, "b", 100, "1"),
    ]
    assert [dict(Packet.thawed(grant.frozen).fields)["wishing"] for grant in grants] == ["恭喜发财", "新年好"]


def test_starting_twice_reserves_once(desk: Desk) -> None:
    desk.submit("a")
    start(desk.store, KEY)
    start(desk.store, KEY)
    assert desk.balance.reserved == 100


def test_rows_that_were_fed_and_not_marked_become_no_second_grant(desk: Desk) -> None:
    """As after a death between the two transactions."""
    desk.submit("a", "b")
    start(desk.store, KEY)
    feed = desk.store.feed_batch
    desk.store.feed_batch = lambda campaign, *, line: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(desk.keeper.step())
    desk.store.feed_batch = feed  # type: ignore[method-assign]
    assert desk.states == {State.DUE: 2}
    desk.keep()
    assert desk.states == {State.DUE: 2}


def test_a_paused_batch_is_not_fed(desk: Desk) -> None:
    desk.submit("a")
    start(desk.store, KEY)
    pause(desk.store, KEY)
    desk.keep()
    assert desk.states == {}
    resume(desk.store, KEY)
    desk.keep()
    assert desk.states == {State.DUE: 1}


def test_rows_wait_for_their_window(desk: Desk) -> None:
    desk.submit("a", begins_ms=NOON_MS + 1_000)
    start(desk.store, KEY)
    desk.keep()
    assert desk.states == {}
    desk.clock.at_ms += 1_000
    desk.keep()
    assert desk.states == {State.DUE: 1}


def test_what_is_not_sent_when_the_window_ends_is_taken_back(desk: Desk) -> None:
    desk.submit("a", "b", ends_ms=NOON_MS + 1_000)
    start(desk.store, KEY)
    desk.keep()
    desk.clock.at_ms += 1_000
    desk.keep()
    assert (desk.states, desk.balance.free, desk.batch_state) == ({State.CANCELLED: 2}, 10_000, BatchState.SETTLED)


def test_a_cancellation_that_died_is_taken_to_its_end(desk: Desk) -> None:
    """Nothing goes out meanwhile, and nobody can resume it."""
    desk.submit("a", "b")
    start(desk.store, KEY)
    desk.keep()
    desk.store.amend_campaign(KEY, lambda now, _: replace(now, state=CampaignState.PAUSED, reason=CANCELLING))
    with pytest.raises(BadInput, match="cancelled"):
        resume(desk.store, KEY)
    desk.keep()
    assert (desk.states, desk.balance.free) == ({State.CANCELLED: 2}, 10_000)


def test_a_draft_that_is_cancelled_never_starts(desk: Desk) -> None:
    desk.submit("a")
    assert cancel_rest(desk.store, KEY) == 1
    start(desk.store, KEY)
    desk.keep()
    assert (desk.states, desk.balance.reserved) == ({}, 0)


def test_a_row_that_cannot_be_frozen_pauses_its_batch_and_says_why(desk: Desk) -> None:
    desk.submit("odd")
    start(desk.store, KEY)
    (alarm,) = desk.keep()
    assert "is odd" in alarm
    assert desk.campaign_state is CampaignState.PAUSED


def test_a_batch_settles_when_all_have_ended_and_what_is_left_goes_back(desk: Desk) -> None:
    desk.submit("a", "b")
    start(desk.store, KEY)
    desk.keep()
    fail(desk, desk.store.grants(KEY, count=1)[0].grant)
    desk.keep()
    assert desk.batch_state is BatchState.FED
    fail(desk, desk.store.grants(KEY, count=2)[1].grant)
    desk.keep()
    assert (desk.batch_state, desk.campaign_state) == (BatchState.SETTLED, CampaignState.SETTLED)
    assert desk.balance == Balance(funded=10_000, free=10_000)


def fail(desk: Desk, grant: GrantId) -> None:
    found = desk.store.grant(grant)
    assert found is not None
    desk.store.record([Result(grant=grant, number=found.number, events=(Event.GIVEN_UP,))])
