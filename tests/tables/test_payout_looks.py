"""What every query leads to, as a table that reads without knowing the code.

Each line: what stands in our books, how old the number's first and last try are, what the query shows; then what
becomes of the grant and when the same number is sent or queried next. Times count from the query's answer.
"""

import pytest

from hongbao.ledger.grant import State, step
from hongbao.merchant import LimitSet
from hongbao.payout.followup import Facts, after_look
from hongbao.payout.outcome import Seen, Sighting

NOW_MS = 1_735_704_000_000

LOOKS = """
state      first   last    seen         becomes       send    look
unsure     5s      5s      not_found    unsure        175s    235s
unsure     10m     10m     not_found    unsure        0s      60s
unsure     10m     10m     in_process   unsure        10m     11m
unsure     21m     21m     in_process   unsure        0s      60s
unsure     10m     10m     nothing      unsure        -       200s
unsure     10m     10m     stuck        due           1s      61s
unsure     30s     30s     stuck        unsure        -       31s
unsure     10m     10m     sent         sent          -       50m
unsure     10m     10m     received     received      -       -
unsure     2d      2d      returning    returning     -       1h
unsure     2d      2d      returned     returned      -       -
unsure     10m     10m     failed       due           -       60s
unsure     30s     30s     failed       unsure        -       31s
unsure     4d      4d      not_found    unsure        -       1d
unsure     4d      4d      in_process   unsure        -       1d
unsure     4d      4d      stuck        unsure        -       1d
unsure     4d      4d      failed       due           -       60s
unsure     31d     31d     not_found    needs_person  -       -
unsure     31d     31d     in_process   needs_person  -       -
unsure     31d     31d     stuck        needs_person  -       -
unsure     31d     31d     nothing      needs_person  -       -
unsure     31d     31d     received     received      -       -
doomed     2m      2m      failed       due           -       60s
doomed     30s     30s     failed       doomed        -       31s
doomed     10m     10m     not_found    doomed        -       200s
doomed     10m     10m     stuck        doomed        -       200s
doomed     10m     10m     sent         sent          -       50m
doomed     31d     31d     not_found    needs_person  -       -
sent       10m     10m     sent         sent          -       50m
sent       25h     25h     sent         sent          -       5h
sent       10d     10d     sent         sent          -       1d
sent       31d     31d     sent         needs_person  -       -
sent       10m     10m     received     received      -       -
sent       25h     25h     returning    returning     -       1h
sent       26h     26h     returned     returned      -       -
sent       10m     10m     not_found    sent          -       200s
sent       2h      2h      not_found    needs_person  -       -
sent       2h      2h      nothing      sent          -       12m
sent       2h      2h      failed       needs_person  -       -
sent       2h      2h      stuck        needs_person  -       -
returning  25h     25h     returning    returning     -       1h
returning  25h     25h     returned     returned      -       -
returning  25h     25h     received     needs_person  -       -
returning  25h     25h     sent         needs_person  -       -
returning  31d     31d     returning    needs_person  -       -
"""

UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def span_ms(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]]


def rows() -> list[list[str]]:
    return [line.split() for line in LOOKS.strip().splitlines()[1:]]


@pytest.mark.parametrize("row", rows(), ids=lambda row: "-".join(row[:4]))
def test_a_query(row: list[str]) -> None:
    """What a query shows leads where the table says."""
    state, first, last, seen, becomes, send, look = row
    facts = Facts(
        state=State(state), fen=100, tries=1, first_try_ms=NOW_MS - span_ms(first), last_try_ms=NOW_MS - span_ms(last)
    )
    follow_up = after_look(
        Sighting(seen=Seen(seen)), facts, asked_ms=NOW_MS, now_ms=NOW_MS, limits=LimitSet(), quiet=True
    )
    reached = facts.state
    for event in follow_up.events:
        after = step(reached, event)
        assert after is not None, f"{reached} forbids {event}"
        reached = after
    wanted = (becomes, *(None if each == "-" else NOW_MS + span_ms(each) for each in (send, look)))
    assert (str(reached), follow_up.send_ms, follow_up.look_ms) == wanted


@pytest.mark.parametrize("state", [State.UNSURE, State.DOOMED, State.SENT, State.RETURNING])
@pytest.mark.parametrize("seen", list(Seen))
@pytest.mark.parametrize("age", ["1s", "10m", "2d", "4d", "31d"])
@pytest.mark.parametrize("seen_success", [False, True])
def test_no_query_leads_to_a_forbidden_step(state: State, seen: Seen, age: str, seen_success: bool) -> None:
    """Whatever is seen in whatever state: every event is one that the life allows, and nothing waits for nothing."""
    at_ms = NOW_MS - span_ms(age)
    facts = Facts(state=state, fen=100, tries=2, first_try_ms=at_ms, last_try_ms=at_ms, seen_success=seen_success)
    follow_up = after_look(Sighting(seen=seen), facts, asked_ms=NOW_MS, now_ms=NOW_MS, limits=LimitSet(), quiet=True)
    reached = state
    for event in follow_up.events:
        after = step(reached, event)
        assert after is not None, f"{reached} forbids {event}"
        reached = after
    if reached in {State.UNSURE, State.DOOMED, State.SENT, State.RETURNING}:
        assert follow_up.look_ms is not None
        assert follow_up.look_ms > NOW_MS
    # A send is never proposed for a number that WeChat once confirmed, nor after its days.
    if follow_up.send_ms is not None:
        assert not seen_success
        assert age in {"1s", "10m", "2d"}


def test_a_resend_waits_for_the_morning() -> None:
    """A query at night may find that the number should go again: the send waits, and the next query with it."""
    night_ms = NOW_MS + 13 * 3_600_000  # 01:00
    facts = Facts(state=State.UNSURE, fen=100, tries=1, first_try_ms=NOW_MS, last_try_ms=NOW_MS)
    follow_up = after_look(
        Sighting(seen=Seen.NOT_FOUND), facts, asked_ms=night_ms, now_ms=night_ms, limits=LimitSet(), quiet=True
    )
    opens_ms = NOW_MS + 20 * 3_600_000 + 5_000
    assert (follow_up.send_ms, follow_up.look_ms) == (opens_ms, opens_ms + 60_000)


def test_another_amount_is_another_packet() -> None:
    """A query that shows another amount under our number goes to a person, whatever its status."""
    facts = Facts(state=State.UNSURE, fen=100, tries=1, first_try_ms=NOW_MS, last_try_ms=NOW_MS)
    sighting = Sighting(seen=Seen.RECEIVED, fen=101)
    follow_up = after_look(sighting, facts, asked_ms=NOW_MS, now_ms=NOW_MS, limits=LimitSet(), quiet=True)
    assert [str(event) for event in follow_up.events] == ["handed_over"]


def test_the_third_dead_number_ends_it() -> None:
    """A grant whose numbers die one after the other is given up: its money is free again."""
    facts = Facts(
        state=State.DOOMED, fen=100, tries=3, first_try_ms=NOW_MS - 600_000, last_try_ms=NOW_MS - 600_000, renewal=2
    )
    follow_up = after_look(
        Sighting(seen=Seen.FAILED), facts, asked_ms=NOW_MS, now_ms=NOW_MS, limits=LimitSet(), quiet=True
    )
    assert [str(event) for event in follow_up.events] == ["saw_failed", "given_up"]
