"""Claims become grants once, within the budget, and a repeat gets the first answer."""

import threading

import pytest
from tests.conformance.worlds import CAMPAIGN, MERCHANT, NOON_MS, World, claim, granted, openid, several

from hongbao.engine.ports import (
    Campaign,
    CampaignState,
    Claim,
    Granted,
    Refusal,
    Refused,
    Repeated,
)
from hongbao.ids import CampaignId, OrderNumber
from hongbao.ledger.account import Balance
from hongbao.ledger.grant import Money, State


def test_a_claim_becomes_a_due_grant_with_its_money_reserved(world: World) -> None:
    """What was claimed stands in the grant, word for word, and the budget has moved to reserved."""
    grant = world.at(world.grant(7, "welcome", 250, row=3))
    assert (grant.openid, grant.occasion, grant.fen, grant.row) == (openid(7), "welcome", 250, 3)
    assert (grant.state, grant.money, grant.due_ms, grant.frozen) == (
        State.DUE,
        Money.RESERVED,
        NOON_MS,
        b"request of 7 welcome",
    )
    kept = world.store.campaign(CampaignId(CAMPAIGN))
    assert kept is not None
    assert kept.balance == Balance(funded=100_000, free=99_750, reserved=250)
    assert world.findings() == []


def test_a_repeat_gets_the_first_answer_even_after_the_campaign_ended(world: World) -> None:
    """An event that is delivered again years later still names its grant."""
    first = world.grant(1, "scan", 100)
    world.store.amend_campaign(CampaignId(CAMPAIGN), _ended)
    number = OrderNumber("spring" + "X1Xscan")
    assert world.store.intake([claim(1, "scan", 100)]) == [Repeated(first, number, claim(fen=100).fen)]
    assert world.states() == {State.DUE: 1}


def _ended(campaign: Campaign, _now_ms: int) -> Campaign:
    return Campaign(
        campaign=campaign.campaign,
        merchant=campaign.merchant,
        appid=campaign.appid,
        kind=campaign.kind,
        state=CampaignState.ENDED,
    )


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (claim(1, fen=200), Refusal.CONFLICT),
        (claim(2, number=claim(1).number), Refusal.NUMBER_TAKEN),
        (claim(2, fen=99_901), Refusal.SHORT),
        (claim(2, campaign="autumn"), Refusal.UNKNOWN_CAMPAIGN),
    ],
    ids=lambda value: value.name if isinstance(value, Refusal) else "",
)
def test_a_claim_that_cannot_be_is_refused_and_changes_nothing(world: World, second: Claim, reason: Refusal) -> None:
    """Whether it comes in a later call or in the same one."""
    world.grant(1, fen=100)
    assert world.store.intake([second]) == [Refused(reason)]
    assert world.states() == {State.DUE: 1}


def test_twins_in_one_call_are_one_grant(world: World) -> None:
    """The second of the same content repeats the first; one of other content is refused."""
    answers = world.store.intake([claim(1), claim(1), claim(1, fen=300)])
    first = answers[0]
    assert isinstance(first, Granted)
    assert answers[1:] == [Repeated(first.grant, first.number, first.fen), Refused(Refusal.CONFLICT)]
    assert world.states() == {State.DUE: 1}


@pytest.mark.parametrize(
    ("begins_ms", "ends_ms", "is_open"),
    [(NOON_MS, None, True), (NOON_MS + 1, None, False), (None, NOON_MS, False), (None, NOON_MS + 1, True)],
)
def test_the_window_is_judged_by_the_stores_clock(
    world: World, begins_ms: int | None, ends_ms: int | None, is_open: bool
) -> None:
    """It is open from its begin on and closed at its end."""
    world.add_campaign("window", 0, begins_ms=begins_ms, ends_ms=ends_ms)
    expected = Refusal.SHORT if is_open else Refusal.CLOSED
    assert world.store.intake([claim(campaign="window")]) == [Refused(expected)]


@pytest.mark.parametrize("state", [state for state in CampaignState if state is not CampaignState.LIVE])
def test_only_a_live_campaign_takes_claims(world: World, state: CampaignState) -> None:
    """Draft, paused, ended and settled ones refuse."""
    world.add_campaign("other", 0, state=state)
    assert world.store.intake([claim(campaign="other")]) == [Refused(Refusal.CLOSED)]


def test_a_person_of_two_campaigns_is_one_person(world: World) -> None:
    """The account and the openid make the person; all their packets are found."""
    world.store.fund(MERCHANT, 1_000, "more")  # type: ignore[arg-type]
    world.add_campaign("second", 1_000)
    first = world.grant(5)
    second = world.grant(5, campaign="second")
    account = world.at(first).appid
    assert [grant.grant for grant in world.store.person_grants(account, openid(5), count=10)] == [second, first]


def test_two_hundred_claims_for_the_last_share_of_a_budget(world: World) -> None:
    """Eight threads, a budget for one more: exactly one gets it, and the books are whole."""
    world.grant(0, "", 99_900)
    answers: list[object] = []
    barrier = threading.Barrier(8)

    with several(world, 8) as stores:

        def run(lane: int) -> None:
            barrier.wait()
            for i in range(25):
                answers.extend(stores[lane].intake([claim(1 + lane * 25 + i)]))

        threads = [threading.Thread(target=run, args=(lane,)) for lane in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 200
    assert sum(isinstance(answer, Granted) for answer in answers) == 1
    assert sum(answer == Refused(Refusal.SHORT) for answer in answers) == 199
    assert world.findings() == []


def test_the_same_claim_from_eight_threads_is_granted_once(world: World) -> None:
    """Whoever comes first, all are told of the same grant."""
    answers: list[object] = []
    barrier = threading.Barrier(8)
    with several(world, 8) as stores:

        def run(lane: int) -> None:
            barrier.wait()
            for person in range(10):
                answers.extend(stores[lane].intake([claim(person)]))

        threads = [threading.Thread(target=run, args=(lane,)) for lane in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(isinstance(answer, Granted) for answer in answers) == 10
    assert len({answer.grant for answer in answers if isinstance(answer, Granted | Repeated)}) == 10
    assert world.states() == {State.DUE: 10}
    assert world.findings() == []


def test_new_people_of_two_campaigns_at_once_are_not_locked_out(world: World) -> None:
    """Two batches of other campaigns bring the same new people in opposite orders."""
    world.store.fund(MERCHANT, 100_000, "more")  # type: ignore[arg-type]
    world.add_campaign("second", 100_000)
    barrier = threading.Barrier(2)
    counts: list[int] = []
    with several(world, 2) as stores:

        def run(lane: int) -> None:
            people = range(300) if lane == 0 else reversed(range(300))
            claims = [claim(person, campaign=("spring", "second")[lane]) for person in people]
            barrier.wait()
            counts.append(granted(stores[lane].intake(claims)))

        threads = [threading.Thread(target=run, args=(lane,)) for lane in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts == [300, 300]
    assert world.findings() == []
