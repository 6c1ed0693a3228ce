"""Leases: each grant to one lane, at its slot, with its places under the caps of that slot's day."""

import threading
from dataclasses import replace

import pytest
from tests.conformance.worlds import (
    CAMPAIGN,
    CAPS,
    LEASE_MS,
    MERCHANT,
    NOON_MS,
    EvenPacing,
    World,
    claim,
    openid,
    several,
)

from hongbao.engine.ports import Brake, BrakeState, Campaign, CampaignState, Merchant, Result
from hongbao.ids import CampaignId, MerchantId
from hongbao.ledger.grant import Event, State

TODAY, TOMORROW = 20250101, 20250102
MIDNIGHT_MS = NOON_MS + 12 * 3_600_000


def pause(world: World, state: CampaignState, campaign: str = CAMPAIGN) -> None:
    def change(kept: Campaign, _now_ms: int) -> Campaign:
        return replace(kept, state=state)

    world.store.amend_campaign(CampaignId(campaign), change)


def brake(world: World, state: BrakeState, probe_ms: int | None = None) -> None:
    def change(kept: Merchant, now_ms: int) -> Merchant:
        return replace(kept, brake=Brake(state=state, code="NOTENOUGH", since_ms=now_ms, probe_ms=probe_ms))

    world.store.amend_merchant(MerchantId(MERCHANT), change)


def test_a_lease_says_who_when_and_until_when(world: World) -> None:
    """The grant is SENDING under the token, its attempt is open, its place of the day is taken."""
    grant = world.grant()
    (leased,) = world.leased(token="mine")
    assert (leased.grant.grant, leased.token, leased.serial, leased.slot_ms, leased.until_ms) == (
        grant,
        "mine",
        1,
        NOON_MS,
        NOON_MS + LEASE_MS,
    )
    assert leased.grant == world.at(grant)
    assert (leased.grant.state, leased.grant.place, leased.grant.first_try_ms) == (State.SENDING, TODAY, NOON_MS)
    timeline = world.store.timeline(grant)
    assert timeline is not None
    assert [(a.kind, a.serial, a.slot_ms, a.evidence) for a in timeline.attempts] == [("send", 1, NOON_MS, None)]


def test_the_same_token_gets_the_same_lease_again(world: World) -> None:
    """A lease whose commit was not heard of is asked for again, not made again."""
    world.store.intake([claim(person) for person in range(6)])
    first = world.lease(3, token="mine")
    assert world.lease(3, token="mine").grants == first.grants
    assert len(world.leased(10)) == 3


def test_grants_go_in_the_order_they_are_due(world: World) -> None:
    """The earliest due first, and none before its time."""
    world.store.intake([claim(person, due_ms=NOON_MS - person) for person in range(3)])
    world.grant(9, due_ms=NOON_MS + 1)
    assert [leased.grant.openid for leased in world.leased(10)] == [openid(2), openid(1), openid(0)]


def test_slots_follow_each_other_over_leases(world: World) -> None:
    """The pace is the merchant's: the next lease goes on where the last ended."""
    world.store.intake([claim(person) for person in range(4)])
    slots = [leased.slot_ms - NOON_MS for _ in range(2) for leased in world.leased(2)]
    assert slots == [0, 10, 20, 30]


def test_slots_that_no_grant_took_are_not_used_up(world: World) -> None:
    """Asking for a hundred with one due costs one slot."""
    world.grant(1)
    world.leased(100)
    world.grant(2)
    assert [leased.slot_ms - NOON_MS for leased in world.leased(100)] == [10]


def test_campaigns_share_a_lease(world: World) -> None:
    """A long queue does not hold up another campaign, and what one does not need the other gets."""
    world.store.fund(MerchantId(MERCHANT), claim(fen=1_000).fen, "more")
    world.add_campaign("second", 1_000)
    world.store.intake([claim(person) for person in range(20)])
    world.store.intake([claim(person, campaign="second", due_ms=NOON_MS) for person in range(2)])
    campaigns = [leased.grant.campaign for leased in world.leased(10)]
    assert (campaigns.count(CampaignId("spring")), campaigns.count(CampaignId("second"))) == (8, 2)


@pytest.mark.parametrize(
    ("state", "goes"), [(CampaignState.PAUSED, 0), (CampaignState.ENDED, 1), (CampaignState.SETTLED, 0)]
)
def test_paused_grants_wait_and_those_of_an_ended_campaign_go(world: World, state: CampaignState, goes: int) -> None:
    """What was promised before the end is paid."""
    world.grant()
    pause(world, state)
    assert len(world.leased()) == goes


def test_a_stopped_merchant_gets_nothing(world: World) -> None:
    """Until a person lets it go."""
    world.grant()
    brake(world, BrakeState.STOPPED)
    assert world.leased() == ()
    brake(world, BrakeState.GO)
    assert len(world.leased()) == 1


def test_a_held_merchant_gets_one_probe_when_it_is_time(world: World) -> None:
    """The oldest goes, alone, and the next probe gets its time."""
    world.store.intake([claim(person, due_ms=NOON_MS - person) for person in range(3)])
    brake(world, BrakeState.HELD, NOON_MS + 1)
    assert world.leased(10) == ()
    world.clock.at_ms += 1
    (leased,) = world.leased(10)
    assert (leased.grant.openid, leased.probe) == (openid(2), True)
    assert world.leased(10) == ()
    kept = world.store.merchant(MerchantId(MERCHANT))
    assert kept is not None
    assert kept.brake.probe_ms == NOON_MS + 1 + 600_000


def test_a_person_at_the_cap_waits_for_the_next_day(world: World) -> None:
    """The third packet of the day is moved to midnight, with the reason beside it; others go."""
    world.store.intake([claim(1, f"{i}") for i in range(3)] + [claim(2)])
    pacing = EvenPacing(capped=replace(CAPS, person_packets=2))
    lease = world.lease(10, pacing=pacing)
    assert [leased.grant.openid for leased in lease.grants] == [openid(1), openid(1), openid(2)]
    assert lease.postponed == 1
    (waiting,) = world.store.grants(CampaignId(CAMPAIGN), state=State.DUE, count=10)
    assert waiting.due_ms == MIDNIGHT_MS
    assert waiting.hold_reason != ""
    world.clock.at_ms = MIDNIGHT_MS
    assert len(world.leased(10, pacing=pacing)) == 1


def test_a_person_at_the_days_amount_waits_for_the_next_day(world: World) -> None:
    """Reached is allowed, passed is not."""
    world.store.intake([claim(1, "a", 600), claim(1, "b", 400), claim(1, "c", 1)])
    lease = world.lease(10, pacing=EvenPacing(capped=replace(CAPS, person_fen=1_000)))
    assert ([leased.grant.fen for leased in lease.grants], lease.postponed) == ([600, 400], 1)


def test_a_merchant_at_the_days_amount_waits_as_a_whole(world: World) -> None:
    """Nobody is moved: the lease says until when there is nothing."""
    world.store.intake([claim(person, fen=400) for person in range(3)])
    lease = world.lease(10, pacing=EvenPacing(capped=replace(CAPS, merchant_fen=800)))
    assert (len(lease.grants), lease.wait_ms, lease.postponed) == (2, MIDNIGHT_MS, 0)
    world.clock.at_ms = MIDNIGHT_MS
    assert len(world.leased(10, pacing=EvenPacing(capped=replace(CAPS, merchant_fen=800)))) == 1


def test_the_place_is_that_of_the_slots_day(world: World) -> None:
    """Leased at 23:59:59 for 00:00:01: the packet counts tomorrow."""
    world.clock.at_ms = MIDNIGHT_MS - 1_000
    world.store.intake([claim(1, "a"), claim(1, "b")])
    pacing = EvenPacing(every_ms=2_000, capped=replace(CAPS, person_packets=1))
    places = [(leased.slot_ms - MIDNIGHT_MS, leased.grant.place) for leased in world.leased(2, pacing=pacing)]
    assert places == [(-1_000, TODAY), (1_000, TOMORROW)]


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        (Event.SAID_SENT, True),
        (Event.NO_ANSWER, True),
        (Event.SAID_DEAD, True),
        (Event.SAID_NO, False),
        (Event.NOT_TRIED, False),
        (Event.GIVEN_UP, False),
    ],
)
def test_a_place_is_kept_in_doubt_and_freed_by_a_definite_no(world: World, event: Event, kept: bool) -> None:
    """With one place a day, the next packet goes today exactly if the first surely did not."""
    world.store.intake([claim(1, "a", due_ms=NOON_MS - 1), claim(1, "b")])
    pacing = EvenPacing(capped=replace(CAPS, person_packets=1))
    (leased,) = world.leased(1, pacing=pacing)
    world.answer(leased, event, due_ms=MIDNIGHT_MS + 1)
    assert len(world.leased(5, pacing=pacing)) == (0 if kept else 1)
    assert world.findings() == []


def test_a_place_moves_with_a_send_that_falls_into_another_day(world: World) -> None:
    """A grant in doubt since yesterday is sent again today: yesterday's place is free, today's is taken."""
    grant = world.grant(1, "a")
    (leased,) = world.leased()
    world.answer(leased, Event.NO_ANSWER, due_ms=MIDNIGHT_MS)
    assert world.at(grant).place == TODAY
    world.clock.at_ms = MIDNIGHT_MS
    (again,) = world.leased()
    assert (again.grant.state, again.grant.place, again.serial) == (State.RESENDING, TOMORROW, 2)
    assert again.grant.number == leased.grant.number


def test_what_wechat_says_of_a_full_day_counts(world: World) -> None:
    """After SENDNUM_LIMIT nothing more goes to this person on that day, whatever the cap says."""
    world.store.intake([claim(1, "a", due_ms=NOON_MS - 1), claim(1, "b")])
    (leased,) = world.leased()
    world.answer(leased, Event.SAID_NO, full=True, due_ms=MIDNIGHT_MS)
    assert world.lease(5).postponed == 1
    world.clock.at_ms = MIDNIGHT_MS
    assert len(world.leased(5)) == 2


def test_the_same_number_waits_a_second_after_its_last_try(world: World) -> None:
    """Even if it is said to be due at once."""
    world.grant()
    (leased,) = world.leased()
    world.answer(leased, Event.SAID_NO, due_ms=NOON_MS)
    assert world.leased() == ()
    world.clock.at_ms += 1_005
    assert len(world.leased()) == 1


def test_a_number_that_is_too_old_is_never_sent_again(world: World) -> None:
    """Four days behind a brake: it becomes UNSURE and waits for a query, its number unused."""
    grant = world.grant()
    (leased,) = world.leased()
    world.answer(leased, Event.SAID_NO, due_ms=NOON_MS + 2_000)
    world.clock.at_ms += 4 * 86_400_000
    lease = world.lease(5)
    assert (lease.grants, lease.too_late) == ((), 1)
    assert (world.at(grant).state, world.at(grant).look_ms) == (State.UNSURE, world.clock.at_ms)
    assert world.leased(5) == ()
    assert [found.grant for found in world.store.looks(MerchantId(MERCHANT), count=5, again_ms=1)] == [grant]


def test_a_grant_of_which_nothing_left_is_not_too_old(world: World) -> None:
    """Its first try never was one: after four days it goes."""
    world.grant()
    (leased,) = world.leased()
    world.answer(leased, Event.NOT_TRIED, due_ms=NOON_MS + 2_000)
    world.clock.at_ms += 4 * 86_400_000
    assert len(world.leased()) == 1


def test_ten_grants_of_one_person_under_four_lanes(world: World) -> None:
    """Four lanes lease at once with a cap of four: four go, six wait."""
    world.store.intake([claim(1, f"{i}") for i in range(10)])
    pacing = EvenPacing(capped=replace(CAPS, person_packets=4))
    given: list[int] = []
    barrier = threading.Barrier(4)
    with several(world, 4) as stores:

        def run(lane: int) -> None:
            barrier.wait()
            for i in range(5):
                lease = stores[lane].lease(
                    MerchantId(MERCHANT), token=f"{lane} {i}", count=2, lease_ms=LEASE_MS, pacing=pacing
                )
                given.extend(leased.grant.grant for leased in lease.grants)

        threads = [threading.Thread(target=run, args=(lane,)) for lane in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(given) == len(set(given)) == 4


def test_lanes_never_get_the_same_grant_nor_the_same_slot(world: World) -> None:
    """Four lanes, two hundred grants: each once, and all slots the pace apart."""
    world.store.intake([claim(person) for person in range(200)])
    given: list[tuple[int, int]] = []
    barrier = threading.Barrier(4)
    with several(world, 4) as stores:

        def run(lane: int) -> None:
            barrier.wait()
            for i in range(30):
                lease = stores[lane].lease(
                    MerchantId(MERCHANT), token=f"{lane} {i}", count=7, lease_ms=LEASE_MS, pacing=EvenPacing()
                )
                given.extend((leased.slot_ms, leased.grant.grant) for leased in lease.grants)

        threads = [threading.Thread(target=run, args=(lane,)) for lane in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({grant for _, grant in given}) == len(given) == 200
    slots = sorted(slot for slot, _ in given)
    assert slots == [NOON_MS + 10 * i for i in range(200)]


def test_an_expired_lease_is_found_and_becomes_doubt(world: World) -> None:
    """Its worker is gone: the grant is not due again but UNSURE, and its token is worth nothing."""
    grant = world.grant()
    (leased,) = world.leased()
    assert world.store.expired(count=10) == []
    world.clock.at_ms = leased.until_ms + 1
    (expired,) = world.store.expired(count=10)
    assert (expired.grant.grant, expired.token, expired.serial) == (grant, leased.token, 1)
    assert world.lose(leased).took == (Event.LEASE_LOST,)
    assert world.at(grant).state is State.UNSURE
    assert world.store.expired(count=10) == []
    assert world.leased() == ()


def test_work_names_merchants_with_something_due_or_to_look_at(world: World) -> None:
    """From the indexes: nothing, then a due grant, then a query."""
    assert world.store.work(within_ms=0) == []
    world.grant(due_ms=NOON_MS + 50)
    assert world.store.work(within_ms=49) == []
    (work,) = world.store.work(within_ms=50)
    assert (work.due_ms, work.look_ms) == (NOON_MS + 50, None)
    world.clock.at_ms += 50
    (leased,) = world.leased()
    world.answer(leased, Event.SAID_SENT, look_ms=NOON_MS + 900)
    assert world.store.work(within_ms=0) == []
    (work,) = world.store.work(within_ms=850)
    assert (work.due_ms, work.look_ms) == (None, NOON_MS + 900)


def test_behind_a_brake_only_queries_are_work(world: World) -> None:
    """Stopped: no due. Held: the probe's time."""
    world.grant()
    brake(world, BrakeState.STOPPED)
    assert world.store.work(within_ms=0) == []
    brake(world, BrakeState.HELD, NOON_MS + 70)
    assert [work.due_ms for work in world.store.work(within_ms=70)] == [NOON_MS + 70]


def test_looks_take_those_in_doubt_first_and_each_once(world: World) -> None:
    """Of two, the one in doubt comes first although it is due later; a second asker gets nothing."""
    followed, doubted = world.grant(1), world.grant(2, due_ms=NOON_MS + 1)
    (first,) = world.leased()
    world.answer(first, Event.SAID_SENT, look_ms=NOON_MS)
    world.clock.at_ms += 1
    (second,) = world.leased()
    world.answer(second, Event.NO_ANSWER, look_ms=NOON_MS + 1)
    taken = world.store.looks(MerchantId(MERCHANT), count=10, again_ms=60_000)
    assert [grant.grant for grant in taken] == [doubted, followed]
    assert world.store.looks(MerchantId(MERCHANT), count=10, again_ms=60_000) == []
    world.clock.at_ms += 60_000
    assert len(world.store.looks(MerchantId(MERCHANT), count=10, again_ms=60_000)) == 2


def test_cancel_rest_takes_back_what_never_left(world: World) -> None:
    """One was tried and one is being sent: they stay; the others are cancelled and their money is free."""
    world.store.intake([claim(person, due_ms=NOON_MS + person) for person in range(5)])
    world.clock.at_ms += 10
    tried, sending = world.leased(2)
    world.answer(tried, Event.SAID_NO, due_ms=NOON_MS + 5_000)
    assert world.store.cancel_rest(CampaignId(CAMPAIGN), count=2) == 2
    assert world.store.cancel_rest(CampaignId(CAMPAIGN), count=2) == 1
    assert world.store.cancel_rest(CampaignId(CAMPAIGN), count=2) == 0
    assert world.states() == {State.CANCELLED: 3, State.DUE: 1, State.SENDING: 1}
    assert world.findings() == []
    late = Result(grant=sending.grant.grant, number=sending.grant.number, events=(Event.CANCELLED,))
    assert world.store.record([late])[0].took == ()


def test_one_owner_has_a_lane_until_it_leaves_or_its_time_is_up(world: World) -> None:
    """Who has it prolongs it; another must wait."""
    store, merchant = world.store, MerchantId(MERCHANT)
    assert store.hold_lane(merchant, owner="a", lane_ms=1_000)
    assert not store.hold_lane(merchant, owner="b", lane_ms=1_000)
    assert store.hold_lane(merchant, owner="a", lane_ms=1_000)
    store.leave_lane(merchant, owner="b")
    assert not store.hold_lane(merchant, owner="b", lane_ms=1_000)
    store.leave_lane(merchant, owner="a")
    assert store.hold_lane(merchant, owner="b", lane_ms=1_000)
    world.clock.at_ms += 1_001
    assert store.hold_lane(merchant, owner="a", lane_ms=1_000)
