"""A grant's life: what the table must never allow, whoever changes it."""

from itertools import product

import pytest

from hongbao.ids import CampaignId, GrantId, MerchantId
from hongbao.ledger.audit import AuditedGrant, Finding, audit
from hongbao.ledger.grant import ENDED, IN_DOUBT, LIFE, Event, Money, State, movements, step
from hongbao.ledger.transfer import Kind, Transfer
from hongbao.money import Fen

QUERIES = {event for event in Event if event.value.startswith("saw_")}
MERCHANT, CAMPAIGN, GRANT = MerchantId("1900000001"), CampaignId("spring"), GrantId(1)
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
    """FAILED comes after waiting, a first try, a dead number or a person's ruling; never after doubt."""
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


BEFORE = {
    Money.RESERVED: (Kind.RESERVE,),
    Money.SETTLED: (Kind.RESERVE, Kind.SETTLE),
    Money.RELEASED: (Kind.RESERVE, Kind.RELEASE),
    Money.GIVEN_BACK: (Kind.RESERVE, Kind.SETTLE, Kind.GIVE_BACK),
}


def walks() -> set[tuple[State, Money]]:
    """Return every state with every place of the money that a grant can have there."""
    after_move = {Kind.SETTLE: Money.SETTLED, Kind.RELEASE: Money.RELEASED, Kind.GIVE_BACK: Money.GIVEN_BACK}
    seen = {(State.DUE, Money.RESERVED)}
    queue = list(seen)
    while queue:
        state, money = queue.pop()
        for (before, _), after in LIFE.items():
            if before is not state:
                continue
            moved = money
            for kind in movements(money, after):
                moved = after_move[kind]
            if (after, moved) not in seen:
                seen.add((after, moved))
                queue.append((after, moved))
    return seen


@pytest.mark.parametrize(("state", "money"), sorted(walks()))
def test_wherever_a_grant_can_come_the_second_hand_agrees(state: State, money: Money) -> None:
    """On every walk through the life, the transfers that were posted are those that the audit expects there."""
    moves = [
        Transfer(key=str(kind), kind=kind, fen=Fen(100), merchant=MERCHANT, campaign=CAMPAIGN, grant=GRANT, at_ms=1)
        for kind in BEFORE[money]
    ]
    grant = AuditedGrant(grant=GRANT, merchant=MERCHANT, campaign=CAMPAIGN, fen=100, state=state)
    assert [each for each in audit(moves, {}, {}, [grant]) if each.check == "grant"] == []


def test_a_grant_without_transfers_is_found() -> None:
    """A promise that was never reserved is a finding."""
    grant = AuditedGrant(grant=GRANT, merchant=MERCHANT, campaign=CAMPAIGN, fen=100, state=State.DUE)
    assert audit([], {}, {}, [grant]) == [Finding("grant", "grant 1", "is due and has the transfers none")]
