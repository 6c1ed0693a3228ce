"""Random histories: whatever happens in whatever order, the store's books are those of a book kept by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.worlds import APPID, CAMPAIGN, CAPS, MERCHANT, PERSON_KEY, EvenPacing, World, claim

from hongbao.clock import SeededDice
from hongbao.engine.ports import Leased, Renewal
from hongbao.errors import BadInput
from hongbao.ids import AppId, CampaignId, GrantId, MerchantId, OrderNumber
from hongbao.ledger.book import Book, Rejection, post
from hongbao.ledger.grant import ENDED, Event, State
from hongbao.money import Fen
from hongbao.store.opening import open_sqlite

Below = Callable[[int], int]
"""Gives a whole number below another: from a seed, or from hypothesis."""

M, C = MerchantId(MERCHANT), CampaignId(CAMPAIGN)
PACING = EvenPacing(capped=replace(CAPS, person_packets=3, merchant_fen=20_000))
SAID = (Event.SAID_SENT, Event.SAID_NO, Event.SAID_DEAD, Event.NO_ANSWER, Event.NOT_TRIED, Event.GIVEN_UP)
SAW = (
    Event.SAW_SENT,
    Event.SAW_RECEIVED,
    Event.SAW_RETURNING,
    Event.SAW_RETURNED,
    Event.SAW_STUCK,
    Event.SAW_NOTHING_NEW,
    Event.SAW_FAILED,
    Event.HANDED_OVER,
    Event.RULED_PAID,
    Event.RULED_UNPAID,
)


class History:
    """One random life of a store."""

    def __init__(self, world: World, below: Below) -> None:
        self._world = world
        self._below = below
        self._leased: list[Leased] = []
        self._grants: list[GrantId] = []
        self._keys = 0

    def run(self, steps: int) -> None:
        """Do so many things, then compare everything."""
        for _ in range(steps):
            deed = (self._claim, self._claim, self._lease, self._lease, self._say, self._say, self._see, self._see)
            rare = (self._money, self._lose, self._wait, self._cancel)
            choice = self._below(20)
            (deed[choice % len(deed)] if choice < 16 else rare[choice - 16])()
        self.compare()

    def _claim(self) -> None:
        claims = [claim(self._below(6), f"{self._below(4)}", 100 + 50 * self._below(5)) for _ in range(4)]
        for answer in self._world.store.intake(claims):
            grant = getattr(answer, "grant", None)
            if grant is not None and grant not in self._grants:
                self._grants.append(grant)

    def _lease(self) -> None:
        self._leased.extend(self._world.leased(1 + self._below(4), pacing=PACING))

    def _say(self) -> None:
        if self._leased:
            leased = self._leased[self._below(len(self._leased))]
            due_ms = self._world.clock.at_ms + self._below(3) * 1_500
            self._world.answer(leased, SAID[self._below(len(SAID))], due_ms=due_ms, full=self._below(9) == 0)

    def _see(self) -> None:
        if self._grants:
            grant = self._grants[self._below(len(self._grants))]
            self._keys += 1
            renewal = Renewal(number=OrderNumber(f"renewed{self._keys}"), frozen=b"again")
            events = [SAW[self._below(len(SAW))]]
            if events == [Event.SAW_FAILED]:
                events.append((Event.RENEWED, Event.GIVEN_UP)[self._below(2)])
            due_ms = self._world.clock.at_ms + 1_000 if self._below(2) else None
            self._world.saw(grant, *events, renewal=renewal, due_ms=due_ms)

    def _money(self) -> None:
        self._keys += 1
        fen = Fen(self._below(4_000) - 2_000)
        try:
            if self._below(2):
                self._world.store.fund(M, fen, f"key {self._keys}")
            else:
                self._world.store.allot(C, fen, f"key {self._keys}")
        except BadInput:
            pass

    def _lose(self) -> None:
        for expired in self._world.store.expired(count=3):
            lost = next(each for each in self._leased if each.token == expired.token)
            self._world.lose(replace(lost, grant=expired.grant, serial=expired.serial))

    def _wait(self) -> None:
        self._world.clock.at_ms += (1_000, 31_000, 3_600_000, 86_400_000)[self._below(4)]

    def _cancel(self) -> None:
        self._world.store.cancel_rest(C, count=self._below(3))

    def compare(self) -> None:
        """The audit finds nothing; a book kept by hand has the same balances; counters count, places are held."""
        world = self._world
        assert world.findings() == []
        book = Book()
        with world.store.audit() as books:
            for transfer in books.transfers():
                posted = post(book, transfer)
                assert not isinstance(posted, Rejection), (transfer, posted)
                book = posted
            assert dict(book.merchants) == dict(books.merchants())
            assert dict(book.campaigns) == dict(books.campaigns())
        grants = world.store.grants(C, count=1_000)
        counted: dict[State, int] = {}
        for grant in grants:
            counted[grant.state] = counted.get(grant.state, 0) + 1
            may_be_sent, leased = {State.DUE, State.UNSURE}, {State.SENDING, State.RESENDING}
            appointments = (grant.due_ms is not None) + (grant.look_ms is not None)
            if grant.state in ENDED | leased:
                assert appointments == 0, grant
            elif grant.state is not State.NEEDS_PERSON:
                assert appointments >= 1, grant
            assert grant.due_ms is None or grant.state in may_be_sent
            frees = {State.DUE, State.DEAD, State.FAILED, State.CANCELLED}
            assert (grant.place is None) or grant.state not in frees, grant
        assert counted == world.states()
        held: dict[tuple[str | None, int], int] = {}
        for grant in grants:
            if grant.place is not None:
                held[grant.openid, grant.place] = held.get((grant.openid, grant.place), 0) + 1
        assert held == self._places()
        assert all(packets <= 3 for packets in held.values())

    def _places(self) -> dict[tuple[str | None, int], int]:
        from sqlalchemy import select

        from hongbao.store.schema import person_days, persons

        query = select(persons.c.openid, person_days.c.day, person_days.c.packets).join(
            persons, persons.c.id == person_days.c.person_id
        )
        with self._world.store.database.reading() as session:
            return {(openid, day): packets for openid, day, packets in session.core.execute(query) if packets}


@pytest.mark.parametrize("seed", range(4))
def test_a_random_history_closes(world: World, seed: int) -> None:
    """Two hundred deeds from a seed, on every database."""
    History(world, SeededDice(seed).below).run(200)


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_history_closes_in_memory(data: Any) -> None:
    """Found and made small by hypothesis."""
    made = World(lambda **options: open_sqlite(":memory:", person_key=PERSON_KEY, **options), grouped=False)
    try:
        made.set_up(M, AppId(APPID), C, 5_000)
        History(made, lambda limit: data.draw(st.integers(0, limit - 1))).run(30)
    finally:
        made.close()
