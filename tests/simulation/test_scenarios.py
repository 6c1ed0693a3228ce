"""Single stories that must end as told: real engine, real store, WeChat on a desk, weeks in a moment."""

from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from tests.simulation.stage import APPID, CAMPAIGN, DAY_MS, MCH, Stage, award

from hongbao.engine import merchants
from hongbao.engine.ports import BrakeState, Campaign, CampaignState, Merchant
from hongbao.ledger.grant import State
from hongbao.merchant import Limit
from hongbao.simulator.packets import Status

MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage() -> Generator[MakeStage]:
    """Make stages; close what a failed test leaves open."""
    stages: list[Stage] = []

    def make(**given: Any) -> Stage:
        stages.append(Stage(**given))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


def test_everybody_gets_their_packet(make_stage: MakeStage) -> None:
    """The plain case: sent, followed to its end, books closed."""
    stage = make_stage()
    stage.begin([award(serial, 100 + serial) for serial in range(5)])
    stage.wait(5)
    assert stage.states() == {"sent": 5}
    stage.until_over(days=3)
    assert stage.states() == {"returned": 5}
    assert [packet.fen for packet in stage.packets()] == [100, 101, 102, 103, 104]
    assert stage.end() == []


def test_a_brake_of_four_days_ends_with_new_numbers_where_the_old_ones_died(make_stage: MakeStage) -> None:
    """The balance is empty for four days: what was tried gets a new number after its query, the rest its first."""
    stage = make_stage()
    stage.wechat.state.merchants[MCH].balance_fen = 0
    stage.begin([award(serial) for serial in range(5)])
    stage.wait(60)
    brake = stage.store.merchant(MCH)
    assert brake is not None
    assert (brake.brake.state, brake.brake.code) == (BrakeState.HELD, "NOTENOUGH")
    tried = {number for _, number, _ in stage.witness.arrivals}
    stage.wait(4 * 86_400)
    stage.wechat.state.merchants[MCH].balance_fen = 100_000_000
    stage.store.amend_merchant(MCH, merchants.let_go)
    stage.until_over(days=5)
    assert stage.states() == {"returned": 5}
    paid = [packet for packet in stage.packets() if packet.sent_ms is not None]
    assert len(paid) == 5
    assert {packet.status for packet in stage.packets() if packet.number in tried} <= {Status.FAILED, Status.REFUND}
    assert any(grant.renewal == 1 for grant in stage.all())
    assert stage.end() == []


def test_a_grant_that_stays_unsure_for_a_month_waits_for_a_person(make_stage: MakeStage) -> None:
    """Sends vanish, queries find nothing: the same number for three days, only queries for thirty, then a person."""
    stage = make_stage()
    stage.wire.swallowed.add(MCH)
    stage.begin([award(1)])
    stage.until_over(days=40)
    (grant,) = stage.all()
    assert grant.state is State.NEEDS_PERSON
    times = [time_ms for time_ms, _, _ in stage.witness.arrivals]
    assert len({number for _, number, _ in stage.witness.arrivals}) == 1
    assert len(times) > 3
    assert times[-1] - times[0] <= 3 * DAY_MS
    assert 30 * DAY_MS <= stage.time.now_ms() - times[0] <= 32 * DAY_MS
    # It never pays by itself, even if sends would arrive again.
    stage.wire.swallowed.clear()
    stage.wait(5 * 86_400)
    assert stage.packets() == []
    assert stage.end() == []


def test_what_is_frozen_stays_whatever_is_edited(make_stage: MakeStage) -> None:
    """Between two tries campaign, limits, host and words change; the second request is the first but nonce and sign."""
    stage = make_stage()
    stage.wechat.add_fault("system_error", count=2)
    stage.begin([award(1)])
    stage.wait(0.5)

    def edited(now: Campaign, now_ms: int) -> Campaign:
        del now_ms
        return replace(now, template='{"wishing": "另一句"}')

    def narrowed(now: Merchant, now_ms: int) -> Merchant:
        del now_ms
        return replace(now, limits={"amount_fen_max": Limit(1, date(2025, 1, 1), "entered")})

    stage.store.amend_campaign(CAMPAIGN, edited)
    stage.store.amend_merchant(MCH, narrowed)
    for host in stage.hosts:
        for caller in host.callers.values():
            caller.limits = caller.limits.entered(date(2025, 1, 1), amount_fen_min=1, amount_fen_max=1)
    stage.wait(60)
    assert len(stage.witness.arrivals) == 3
    assert stage.states() == {"sent": 1}
    # The witness compares every field of every arrival with the first of its number.
    assert stage.end() == []


def test_after_a_stop_nothing_new_arrives_two_seconds_later(make_stage: MakeStage) -> None:
    """Three workers, a long queue, a stop by hand: the witness sees nothing after two seconds."""
    stage = make_stage(hosts=3, limits={"sends_second_max": Limit(10)})
    stage.begin([award(serial) for serial in range(300)])
    stage.wait(5)
    stage.store.amend_merchant(MCH, lambda now, now_ms: merchants.stopped(now, now_ms, "by hand"))
    stage.witness.stopped_since_ms[MCH] = stage.time.now_ms()
    before = len(stage.witness.arrivals)
    stage.wait(120)
    assert before > 20
    assert len(stage.witness.arrivals) < before + 25
    assert stage.states()["due"] > 200
    assert stage.end() == []


def test_a_missing_permission_stops_the_merchant_before_the_queue_burns(make_stage: MakeStage) -> None:
    """NO_AUTH for everybody is the merchant's: the queue keeps its numbers, and goes on after the cure."""
    stage = make_stage()
    stage.wechat.change_merchant(MCH, {"addresses": ["198.51.100.1"]})
    stage.begin([award(serial) for serial in range(200)])
    stage.wait(60)
    row = stage.store.merchant(MCH)
    assert row is not None
    assert (row.brake.state, row.brake.code) == (BrakeState.HELD, "NO_AUTH")
    assert len(stage.witness.arrivals) < 60
    stage.wechat.change_merchant(MCH, {"addresses": []})
    stage.store.amend_merchant(MCH, merchants.let_go)
    stage.until_over(days=3)
    assert stage.states() == {"returned": 200}
    assert stage.end() == []


def test_one_flagged_person_does_not_stop_the_merchant(make_stage: MakeStage) -> None:
    """NO_AUTH for one person is theirs: everybody else is paid, the merchant goes on."""
    stage = make_stage()
    flagged = award(0)
    stage.wechat.add_person(flagged.openid, appid=APPID, flagged=True)
    stage.begin([award(serial) for serial in range(30)])
    stage.wait(60)
    assert stage.states() == {"due": 1, "sent": 29}
    stage.until_over(days=40)
    assert stage.states() == {"failed": 1, "returned": 29}
    row = stage.store.merchant(MCH)
    assert row is not None
    assert row.brake.state is BrakeState.GO
    assert stage.end() == []


def test_a_list_of_another_account_is_paused_at_three_of_ten(make_stage: MakeStage) -> None:
    """Openids of another account fail one by one, and the batch stops before all are tried."""
    stage = make_stage(limits={"sends_second_max": Limit(2)})
    for serial in range(20):
        stage.wechat.add_person(award(serial).openid, appid="wx9999999999999999")
    stage.begin([award(serial) for serial in range(20)])
    stage.wait(60)
    campaign = stage.store.campaign(CAMPAIGN)
    assert campaign is not None
    assert campaign.state is CampaignState.PAUSED
    assert campaign.reason.startswith("OPENID_ERROR")
    failed = stage.states()["failed"]
    assert 3 <= failed <= 6
    assert stage.states()["due"] == 20 - failed
    assert stage.end() == []


def test_a_lower_limit_is_learned_and_forgotten_again(make_stage: MakeStage) -> None:
    """WeChat lowers the limit: the pace falls, everybody is paid all the same, and the pace comes back by itself."""
    stage = make_stage()
    stage.witness.lowered.add(MCH)
    stage.wechat.change_merchant(MCH, {"rate_minute_max": 300})
    stage.begin([award(serial) for serial in range(1_200)])
    stage.wait(120)
    row = stage.store.merchant(MCH)
    assert row is not None
    learned = merchants.limits_of(row).sends_minute_max
    assert learned.value < 1_800
    assert learned.source == "observed"
    stage.wechat.change_merchant(MCH, {"rate_minute_max": 1_800})
    stage.wait(3_600)
    assert stage.states() == {"sent": 1_200}
    row = stage.store.merchant(MCH)
    assert row is not None
    assert stage.end() == []


@pytest.mark.parametrize(
    ("limits", "share"),
    [
        ({"sends_second_max": Limit(10**12), "sends_minute_max": Limit(600)}, 0.99),
        ({"sends_second_max": Limit(10)}, 0.96),
    ],
    ids=["minute", "second"],
)
def test_the_pace_uses_its_limit_and_never_passes_it(
    make_stage: MakeStage, limits: dict[str, Limit], share: float
) -> None:
    """Over two minutes at 600 a minute nearly all of it is used, and WeChat never says "too fast"."""
    stage = make_stage(limits=limits)
    rule = {"rate_minute_max": 600, "rate_second_max": None} if share == 0.99 else {"rate_second_max": 10}
    stage.wechat.change_merchant(MCH, rule)
    stage.begin([award(serial) for serial in range(1_500)])
    stage.wait(120)
    assert 1_200 * share <= len(stage.witness.arrivals) <= 1_200
    assert stage.end() == []


def test_a_person_gets_ten_a_day_and_the_rest_tomorrow(make_stage: MakeStage) -> None:
    """Twelve grants of one person under four workers: ten packets today, two on the next day, none refused."""
    stage = make_stage(hosts=4)
    stage.witness.one_grant_each = False
    stage.begin([award(serial, openid="o".ljust(28, "7")) for serial in range(12)])
    stage.wait(60)
    assert stage.states() == {"due": 2, "sent": 10}
    stage.until_over(days=5)
    assert stage.states() == {"returned": 12}
    assert stage.witness.counts["SENDNUM_LIMIT"] == 0
    assert stage.end() == []


def test_a_graceful_stop_leaves_nothing_half_done(make_stage: MakeStage) -> None:
    """A worker that is told to stop sends nothing new and records what was under way."""
    stage = make_stage(limits={"sends_second_max": Limit(10)})
    stage.begin([award(serial) for serial in range(100)])
    stage.wait(3)
    (host,) = stage.hosts
    host.lanes.stop()
    before = len(stage.witness.arrivals)
    stage.run(host.issuer.drain())
    stage.wait(0.5)
    assert len(stage.witness.arrivals) == before
    assert stage.states() == {"due": 100 - before, "sent": before}
    assert stage.end() == []
