"""What happened is kept: evidence always, steps as the life allows, money with them, and nothing twice."""

import pytest
from tests.conformance.worlds import CAMPAIGN, MERCHANT, NOON_MS, World, claim

from hongbao.engine.ports import Evidence, Renewal, Result
from hongbao.ids import CampaignId, GrantId, MerchantId, OrderNumber
from hongbao.ledger.account import Balance
from hongbao.ledger.grant import Event, Money, State
from hongbao.ledger.transfer import Kind
from hongbao.money import Fen


def kinds(world: World, grant: GrantId) -> list[Kind]:
    timeline = world.store.timeline(grant)
    assert timeline is not None
    return [transfer.kind for transfer in timeline.transfers]


def evidence(world: World, outcome: str = "sent") -> Evidence:
    return Evidence(started_ms=world.clock.at_ms, ended_ms=world.clock.at_ms, outcome=outcome)


def test_sent_settles_and_follows(world: World) -> None:
    """Paid in both balances, the evidence beside the attempt, a notice out, a query planned."""
    grant = world.grant(fen=300)
    (leased,) = world.leased()
    kept = world.answer(leased, Event.SAID_SENT, look_ms=NOON_MS + 60_000).grant
    assert kept == world.at(grant)
    assert (kept.state, kept.money, kept.list_id, kept.look_ms, kept.seen_success) == (
        State.SENT,
        Money.SETTLED,
        "1000",
        NOON_MS + 60_000,
        True,
    )
    merchant, campaign = world.store.merchant(MerchantId(MERCHANT)), world.store.campaign(CampaignId(CAMPAIGN))
    assert merchant is not None
    assert campaign is not None
    assert merchant.balance == Balance(funded=100_000, reserved=99_700, paid=300)
    assert campaign.balance == Balance(funded=100_000, free=99_700, paid=300)
    assert kinds(world, grant) == [Kind.RESERVE, Kind.SETTLE]
    assert [(notice.kind, notice.grant) for notice in world.store.notices(count=9)] == [("packet.sent", grant)]
    assert world.findings() == []


def test_the_whole_way_of_an_unopened_packet(world: World) -> None:
    """Sent, returning, returned: the money is free again and counted as returned."""
    grant = world.grant(fen=300)
    (leased,) = world.leased()
    world.answer(leased, Event.SAID_SENT)
    world.saw(grant, Event.SAW_RETURNING)
    ended = world.saw(grant, Event.SAW_RETURNED).grant
    assert (ended.state, ended.money, ended.ended_ms, ended.look_ms) == (
        State.RETURNED,
        Money.GIVEN_BACK,
        NOON_MS,
        None,
    )
    campaign = world.store.campaign(CampaignId(CAMPAIGN))
    assert campaign is not None
    assert campaign.balance == Balance(funded=100_000, free=100_000, returned=300)
    assert world.findings() == []


def test_doubt_that_ends_in_returned_settles_and_gives_back_at_once(world: World) -> None:
    """Nobody saw it sent; both transfers are made in one step."""
    grant = world.grant()
    (leased,) = world.leased()
    world.answer(leased, Event.NO_ANSWER)
    world.saw(grant, Event.SAW_RETURNED)
    assert kinds(world, grant) == [Kind.RESERVE, Kind.SETTLE, Kind.GIVE_BACK]
    assert world.findings() == []


def test_a_group_packet_gives_back_what_nobody_took(world: World) -> None:
    """Less than the whole comes back; the rest stays paid."""
    grant = world.grant(fen=300)
    (leased,) = world.leased()
    world.answer(leased, Event.SAID_SENT)
    world.saw(grant, Event.SAW_RETURNED, back_fen=Fen(120))
    campaign = world.store.campaign(CampaignId(CAMPAIGN))
    assert campaign is not None
    assert campaign.balance == Balance(funded=100_000, free=99_820, paid=180, returned=120)
    assert world.findings() == []


def test_the_same_answer_again_changes_nothing_and_says_the_same(world: World) -> None:
    """A record whose commit was not heard of is run again."""
    grant = world.grant()
    (leased,) = world.leased()
    first = world.answer(leased, Event.SAID_SENT)
    assert world.answer(leased, Event.SAID_SENT) == first
    assert kinds(world, grant) == [Kind.RESERVE, Kind.SETTLE]
    assert len(world.store.notices(count=9)) == 1


def test_a_late_answer_of_a_lost_lease_is_evidence_and_a_step(world: World) -> None:
    """The worker was slow, not dead: its success ends the doubt."""
    grant = world.grant()
    (leased,) = world.leased()
    world.lose(leased)
    assert world.at(grant).state is State.UNSURE
    assert world.answer(leased, Event.SAID_SENT).grant.state is State.SENT
    timeline = world.store.timeline(grant)
    assert timeline is not None
    (attempt,) = timeline.attempts
    assert attempt.lost
    assert attempt.evidence is not None
    assert attempt.evidence.outcome == "said_sent"
    assert world.findings() == []


def resent(world: World) -> tuple[GrantId, object, object]:
    grant = world.grant()
    (first,) = world.leased()
    world.clock.at_ms = first.until_ms + 1
    world.lose(first, due_ms=world.clock.at_ms)
    (second,) = world.leased()
    assert second.grant.state is State.RESENDING
    return grant, first, second


def test_a_late_no_does_not_disturb_who_sends_now(world: World) -> None:
    """It is kept beside its attempt; the second lease goes on and its answer counts."""
    grant, first, second = resent(world)
    assert world.answer(first, Event.SAID_NO).took == ()  # type: ignore[arg-type]
    assert world.at(grant).state is State.RESENDING
    timeline = world.store.timeline(grant)
    assert timeline is not None
    assert timeline.attempts[0].evidence is not None
    assert world.answer(second, Event.SAID_SENT).took == (Event.SAID_SENT,)  # type: ignore[arg-type]


def test_a_late_success_counts_whoever_holds_the_grant(world: World) -> None:
    """The packet exists; what the second lease brings is evidence only."""
    grant, first, second = resent(world)
    assert world.answer(first, Event.SAID_SENT).grant.state is State.SENT  # type: ignore[arg-type]
    assert world.answer(second, Event.NO_ANSWER).took == ()  # type: ignore[arg-type]
    assert world.at(grant).state is State.SENT
    assert kinds(world, grant) == [Kind.RESERVE, Kind.SETTLE]
    assert world.findings() == []


def test_a_late_answer_only_brings_its_own_news(world: World) -> None:
    """What followed from it when it was no longer its turn does not happen."""
    grant = world.grant()
    (leased,) = world.leased()
    world.lose(leased, look_ms=NOON_MS + 9)
    assert world.answer(leased, Event.GIVEN_UP).took == ()
    late = world.answer(leased, Event.SAID_NO, due_ms=NOON_MS, evidence=evidence(world, "later"))
    assert late.took == (Event.SAID_NO,)
    assert (world.at(grant).state, world.at(grant).due_ms, world.at(grant).look_ms) == (
        State.UNSURE,
        None,
        NOON_MS + 9,
    )


def test_a_lease_is_lost_once(world: World) -> None:
    """Two rescuers, one loss; and one that comes after the answer does nothing."""
    world.grant()
    (leased,) = world.leased()
    world.lose(leased)
    assert world.lose(leased).took == ()
    world.grant(2)
    (leased,) = world.leased()
    world.answer(leased, Event.SAID_SENT)
    assert world.lose(leased).took == ()


def test_failed_counts_only_if_asked_after_every_attempt_was_over(world: World) -> None:
    """An open lease may still send: before its end FAILED is no proof, after it it is."""
    grant = world.grant()
    (leased,) = world.leased()
    world.lose(leased)
    early = world.saw(grant, Event.SAW_FAILED, Event.GIVEN_UP)
    assert (early.took, early.grant.state) == ((Event.SAW_NOTHING_NEW,), State.UNSURE)
    world.clock.at_ms = leased.until_ms
    sure = world.saw(grant, Event.SAW_FAILED, Event.GIVEN_UP)
    assert (sure.took, sure.grant.state) == ((Event.SAW_FAILED, Event.GIVEN_UP), State.FAILED)
    assert kinds(world, grant) == [Kind.RESERVE, Kind.RELEASE]
    assert world.findings() == []


def test_a_dead_number_is_followed_by_a_new_one(world: World) -> None:
    """Both stay known for ever; the new one is frozen with its own request and counts its days from its own try."""
    grant = world.grant()
    (leased,) = world.leased()
    old = leased.grant.number
    world.answer(leased, Event.SAID_DEAD)
    world.clock.at_ms += 2_000
    renewal = Renewal(number=OrderNumber("renewed1"), frozen=b"request again")
    kept = world.saw(grant, Event.SAW_FAILED, Event.RENEWED, renewal=renewal).grant
    assert (kept.state, kept.number, kept.renewal, kept.frozen, kept.first_try_ms) == (
        State.DUE,
        "renewed1",
        1,
        b"request again",
        None,
    )
    assert world.store.find(MerchantId(MERCHANT), old) == grant
    assert world.store.find(MerchantId(MERCHANT), OrderNumber("renewed1")) == grant
    (again,) = world.leased()
    assert (again.grant.number, again.serial) == ("renewed1", 2)
    assert world.findings() == []


def test_renewed_needs_a_number(world: World) -> None:
    """Without one the grant stays DEAD, and is looked at again."""
    grant = world.grant()
    (leased,) = world.leased()
    world.answer(leased, Event.SAID_DEAD)
    world.clock.at_ms += 2_000
    kept = world.saw(grant, Event.SAW_FAILED, Event.RENEWED)
    assert (kept.took, kept.grant.state, kept.grant.look_ms) == ((Event.SAW_FAILED,), State.DEAD, world.clock.at_ms)


@pytest.mark.parametrize(("event", "state"), [(Event.SAW_SENT, State.NEEDS_PERSON), (Event.SAW_NOTHING_NEW, State.DUE)])
def test_an_answer_for_an_old_number_is_for_a_person_if_it_is_a_success(
    world: World, event: Event, state: State
) -> None:
    """A number that was taken for dead shows a packet: nothing more may be sent by itself."""
    grant = world.grant()
    (leased,) = world.leased()
    old = world.at(grant)
    world.answer(leased, Event.SAID_DEAD)
    world.clock.at_ms += 2_000
    renewal = Renewal(number=OrderNumber("renewed1"), frozen=b"request again")
    world.saw(grant, Event.SAW_FAILED, Event.RENEWED, renewal=renewal)
    assert world.saw(old, event).grant.state is state
    assert world.at(grant).seen_success is (event is Event.SAW_SENT)
    assert world.findings() == []


def test_a_batch_of_results_is_kept_in_its_order(world: World) -> None:
    """Different grants and different ends in one call, some of them of the same grant."""
    world.store.intake([claim(person) for person in range(4)])
    leased = world.leased(4)
    results = [
        Result(
            grant=one.grant.grant,
            number=one.grant.number,
            events=(event,),
            token=one.token,
            serial=one.serial,
            evidence=Evidence(started_ms=NOON_MS, ended_ms=NOON_MS + i, outcome="x"),
        )
        for i, (one, event) in enumerate(
            zip(leased, (Event.SAID_SENT, Event.SAID_NO, Event.NO_ANSWER, Event.GIVEN_UP), strict=True)
        )
    ]
    follow = Result(
        grant=leased[0].grant.grant,
        number=leased[0].grant.number,
        events=(Event.SAW_RECEIVED,),
        evidence=Evidence(started_ms=NOON_MS, ended_ms=NOON_MS, outcome="RECEIVED"),
    )
    recorded = world.store.record([*results, follow])
    assert [one.grant.state for one in recorded] == [
        State.SENT,
        State.DUE,
        State.UNSURE,
        State.FAILED,
        State.RECEIVED,
    ]
    assert world.states() == {State.RECEIVED: 1, State.DUE: 1, State.UNSURE: 1, State.FAILED: 1}
    assert world.findings() == []


def test_an_unknown_grant_is_an_error_and_spoils_nothing(world: World) -> None:
    """The call fails as a whole."""
    grant = world.grant()
    (leased,) = world.leased()
    good = Result(grant=grant, number=leased.grant.number, events=(Event.HANDED_OVER,))
    bad = Result(grant=GrantId(999), number=leased.grant.number, events=(Event.HANDED_OVER,))
    with pytest.raises(KeyError):
        world.store.record([good, bad])
    assert world.at(grant).state is State.SENDING


def test_an_open_grant_is_never_left_without_an_appointment(world: World) -> None:
    """Whatever the engine forgets to say, something will look at the grant again."""
    for person, event in enumerate((Event.SAID_NO, Event.NO_ANSWER, Event.SAID_DEAD, Event.SAID_SENT)):
        grant = world.grant(person)
        (leased,) = world.leased()
        kept = world.answer(leased, event).grant
        assert (kept.due_ms is None) != (kept.look_ms is None), (event, kept)
        world.saw(grant, Event.HANDED_OVER)
        world.clock.at_ms += 10_000


def test_recent_shows_the_newest_answers_of_merchant_and_campaign(world: World) -> None:
    """Newest first; what is not answered is not there."""
    world.store.intake([claim(person) for person in range(3)])
    first, second, _open = world.leased(3)
    world.answer(first, Event.SAID_NO)
    world.answer(second, Event.SAID_SENT)
    for campaign in (None, CampaignId(CAMPAIGN)):
        recent = world.store.recent(MerchantId(MERCHANT), campaign, count=10)
        assert [(one.grant, one.code) for one in recent] == [
            (second.grant.grant, "SUCCESS"),
            (first.grant.grant, "OTHER"),
        ]
    assert world.store.recent(MerchantId(MERCHANT), CampaignId("none"), count=10) == []


def test_notices_stay_until_they_are_acknowledged(world: World) -> None:
    """One by one, in the order of a grant's life."""
    grant = world.grant()
    (leased,) = world.leased()
    world.answer(leased, Event.SAID_SENT)
    world.saw(grant, Event.SAW_RECEIVED)
    notices = world.store.notices(count=10)
    assert [(notice.kind, notice.state) for notice in notices] == [
        ("packet.sent", State.SENT),
        ("packet.received", State.RECEIVED),
    ]
    world.store.acknowledge([notices[0].notice])
    assert world.store.notices(count=10) == notices[1:]


@pytest.mark.parametrize(
    ("event", "state", "money"),
    [(Event.RULED_PAID, State.RECEIVED, Money.SETTLED), (Event.RULED_UNPAID, State.FAILED, Money.RELEASED)],
)
def test_a_persons_ruling_ends_a_grant(world: World, event: Event, state: State, money: Money) -> None:
    """Paid or not paid: the books follow."""
    grant = world.grant()
    (leased,) = world.leased()
    world.answer(leased, Event.HANDED_OVER)
    kept = world.store.record([Result(grant=grant, number=leased.grant.number, events=(event,))])[0].grant
    assert (kept.state, kept.money) == (state, money)
    assert world.findings() == []
