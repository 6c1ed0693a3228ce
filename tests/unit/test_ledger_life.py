"""A grant's life: what the table must never allow, whoever changes it."""

from itertools import product

import pytest

from hongbao.ledger.audit import AuditedGrant, Finding, audit
from hongbao.ledger.grant import ENDED, IN_DOUBT, LIFE, PAID, RELEASED, Event, Money, State, movements, step
from hongbao.ledger.transfer import Kind

QUERIES = {event for event in Event if event.value.startswith("saw_")}
RULINGS = {Event.RULED_PAID, Event.RULED_UNPAID}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_step_is_the_tables(state: State, event: Event) -> None:
    """A step that the table does not have is forbidden."""
    assert step(state, event) == LIFE.get((state, event))


def test_nothing_leaves_an_end() -> None:
    """What has ended stays as it ended; a late "sent" may only say what is known."""
    assert {
        (state, event, after) for (state, event), after in LIFE.items() if state in ENDED and after is not state
    } == set()


def test_doubt_ends_only_by_an_answer_that_shows_the_packet_a_query_or_a_person() -> None:
    """A definite no, a lost lease or a new lease never end a doubt."""
    leaving = {event for (state, event), after in LIFE.items() if state in IN_DOUBT and after not in IN_DOUBT}
    assert leaving == (QUERIES - {Event.SAW_NOTHING_NEW}) | {Event.SAID_SENT, Event.HANDED_OVER}


def test_a_new_number_comes_only_after_a_query_that_showed_failed() -> None:
    """RENEWED leads out of DEAD alone, and only a query's FAILED leads into DEAD."""
    assert {state for (state, event) in LIFE if event is Event.RENEWED} == {State.DEAD}
    assert {event for (_, event), after in LIFE.items() if after is State.DEAD} == {Event.SAW_FAILED}


def test_money_is_released_only_where_nothing_can_be_paid() -> None:
    """FAILED is reached from a waiting or a first-try grant, a dead number, or a person's ruling; never out of doubt."""
    into = {(state, event) for (state, event), after in LIFE.items() if after is State.FAILED}
    assert into == {
        (State.DUE, Event.GIVEN_UP),
        (State.SENDING, Event.GIVEN_UP),
        (State.DEAD, Event.GIVEN_UP),
        (State.NEEDS_PERSON, Event.RULED_UNPAID),
    }


def test_what_needs_a_person_never_pays_by_itself() -> None:
    """Out of NEEDS_PERSON only facts and rulings lead, never a lease."""
    leaving = {event for (state, event) in LIFE if state is State.NEEDS_PERSON}
    assert leaving - QUERIES - RULINGS == {Event.SAID_SENT}


def test_only_a_lane_sends() -> None:
    """SENDING and RESENDING are reached by a lease alone, from DUE and UNSURE."""
    into = {(state, event) for (state, event), after in LIFE.items() if after in {State.SENDING, State.RESENDING}}
    assert into == {(State.DUE, Event.LEASED), (State.UNSURE, Event.LEASED)}


def test_every_state_can_be_reached_and_can_end() -> None:
    """From a promise every state is reached, and from every state an end."""
    reached = {State.DUE}
    while more := {after for (state, _), after in LIFE.items() if state in reached} - reached:
        reached |= more
    assert reached == set(State)
    ending = set(ENDED)
    while more := {state for (state, _), after in LIFE.items() if after in ending} - ending:
        ending |= more
    assert ending == set(State)


@pytest.mark.parametrize(("money", "state"), list(product(Money, State)))
def test_the_movements_of_a_step_satisfy_the_second_hand(money: Money, state: State) -> None:
    """Where a step's transfers go with the money's place, the audit has nothing to say of the grant."""
    before = {
        Money.RESERVED: [Kind.RESERVE],
        Money.SETTLED: [Kind.RESERVE, Kind.SETTLE],
        Money.RELEASED: [Kind.RESERVE, Kind.RELEASE],
        Money.GIVEN_BACK: [Kind.RESERVE, Kind.SETTLE, Kind.GIVE_BACK],
    }[money]
    after = {*before, *movements(money, state)}
    possible = {
        State.FAILED: [{Kind.RESERVE, Kind.RELEASE}, {Kind.RESERVE, Kind.SETTLE, Kind.GIVE_BACK}],
    }
    if state in RELEASED and money in {Money.RESERVED, Money.SETTLED}:
        assert after in possible.get(state, [{Kind.RESERVE, Kind.RELEASE}, {Kind.RESERVE, Kind.SETTLE, Kind.GIVE_BACK}])
    if state in PAID and money is Money.RESERVED:
        assert Kind.SETTLE in after
    if money in {Money.RELEASED, Money.GIVEN_BACK}:
        assert after == set(before)


def test_a_grant_without_transfers_is_found() -> None:
    """A promise that was never reserved is a finding."""
    from hongbao.ids import CampaignId, GrantId, MerchantId

    grant = AuditedGrant(grant=GrantId(1), merchant=MerchantId("1"), campaign=CampaignId("c"), fen=100, state=State.DUE)
    assert audit([], {}, {}, [grant]) == [Finding("grant", "grant 1", "is due and has the transfers none")]
