"""Commits that fail, commits nobody hears of, and calls that share one."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from tests.conformance.worlds import APPID, CAMPAIGN, MERCHANT, PERSON_KEY, EvenPacing, World, claim

from hongbao.clock import SystemClock
from hongbao.engine.ports import Granted, Repeated, StoreDown, StoreUnsure
from hongbao.errors import BadInput
from hongbao.ids import AppId, CampaignId, MerchantId
from hongbao.ledger.grant import Event, State
from hongbao.money import Fen
from hongbao.store.database import Database
from hongbao.store.opening import open_postgres, open_sqlite
from hongbao.store.postgres import PostgresDatabase
from hongbao.store.session import Session
from hongbao.store.writer import GroupWriter, _Member

M, C = MerchantId(MERCHANT), CampaignId(CAMPAIGN)


def broken(database: Database) -> Exception:
    """What a driver raises when the line or the disk breaks."""
    if isinstance(database, PostgresDatabase):
        return psycopg.OperationalError("server closed the connection unexpectedly")
    return sqlite3.OperationalError("disk I/O error")


def fail_commits(world: World, monkeypatch: pytest.MonkeyPatch, *, after: bool, times: int) -> list[str]:
    """Let the next commits raise: after they took place, or before."""
    database: Any = world.store.database
    seen: list[str] = []

    def commit(real: Callable[[], None]) -> None:
        if len(seen) < times:
            seen.append("failed")
            if after:
                real()
            raise broken(database)
        real()

    monkeypatch.setattr(database, "commit", commit)
    return seen


def test_a_claim_whose_commit_was_not_heard_of_is_one_grant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller is told of the very grant that the unheard commit made."""
    seen = fail_commits(world, monkeypatch, after=True, times=1)
    (answer,) = world.store.intake([claim()])
    assert seen == ["failed"]
    assert isinstance(answer, Granted | Repeated)
    assert answer.grant == world.store.find(M, answer.number)
    assert world.states() == {State.DUE: 1}
    assert world.findings() == []


def test_money_lease_and_record_survive_a_commit_that_was_not_heard_of(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is found under its own key: nothing is done twice, and the answer is the first one."""
    grant = world.grant()
    world.grant(2)
    fail_commits(world, monkeypatch, after=True, times=1)
    world.store.fund(M, Fen(500), "in")
    fail_commits(world, monkeypatch, after=True, times=1)
    (leased,) = world.leased()
    assert leased.grant.grant == grant
    fail_commits(world, monkeypatch, after=True, times=1)
    kept = world.answer(leased, Event.SAID_SENT)
    assert (kept.took, kept.grant.state) == ((Event.SAID_SENT,), State.SENT)
    assert world.states() == {State.SENT: 1, State.DUE: 1}
    merchant = world.store.merchant(M)
    assert merchant is not None
    assert merchant.balance.funded == 100_500
    assert world.findings() == []


def test_a_commit_that_surely_failed_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the call may fail, or be done at the second try; never half."""
    fail_commits(world, monkeypatch, after=False, times=1)
    try:
        world.store.intake([claim()])
    except StoreDown:
        assert world.states() == {}
    else:
        assert world.states() == {State.DUE: 1}
    assert world.findings() == []


def test_a_line_that_stays_broken_is_reported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every commit fails unheard: the caller learns that nobody knows, and asks again later."""
    fail_commits(world, monkeypatch, after=True, times=99)
    with pytest.raises(StoreUnsure):
        world.store.fund(M, Fen(500), "in")
    monkeypatch.undo()
    assert not world.store.fund(M, Fen(500), "in")


@pytest.fixture
def grouped(opener: Callable[..., Any]) -> Iterator[World]:
    """A world whose calls share commits."""
    made = World(opener, grouped=True)
    made.set_up(M, AppId(APPID), C, 100_000)
    yield made
    made.close()


class Gate:
    """Keeps the writer busy until it is opened, so that calls pile up behind it."""

    def __init__(self, world: World) -> None:
        self._begun, self._open = threading.Event(), threading.Event()
        self._world = world
        self._thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        def wait(_session: Session) -> None:
            self._begun.set()
            assert self._open.wait(20)

        self._world.store._writer.call(wait, lambda _session: (set(), set()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(20)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._open.set()
        self._thread.join()


def waiting(world: World) -> int:
    writer: Any = world.store._writer
    return writer._waiting.qsize()


def pile_up(world: World, *calls: Callable[[], Any]) -> list[Any]:
    """Let all calls wait for one turn of the writer; return their answers or errors in order."""
    answers: list[Any] = [None] * len(calls)

    def run(i: int) -> None:
        try:
            answers[i] = calls[i]()
        except Exception as error:  # noqa: BLE001  it is the answer
            answers[i] = error

    with Gate(world):
        threads: list[threading.Thread] = []
        for i in range(len(calls)):
            thread = threading.Thread(target=run, args=(i,))
            thread.start()
            threads.append(thread)
            while waiting(world) < i + 1:
                thread.join(0.001)
    for thread in threads:
        thread.join()
    return answers


def test_calls_that_wait_share_one_commit(grouped: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty claims, a fund and a lease: one commit, each with its own answer."""
    commits: list[int] = []
    database: Any = grouped.store.database
    real = database.commit
    grouped.grant(99)

    def commit(do: Callable[[], None]) -> None:
        commits.append(1)
        real(do)

    monkeypatch.setattr(database, "commit", commit)
    calls: list[Callable[[], Any]] = [
        *(lambda person=person: grouped.store.intake([claim(person)]) for person in range(30)),
        lambda: grouped.store.fund(M, Fen(5), "in"),
        lambda: grouped.lease(1),
    ]
    answers = pile_up(grouped, *calls)
    assert len(commits) == 2  # the gate's own, and the one that all share
    assert len({answer[0].grant for answer in answers[:30]}) == 30
    assert answers[30] is True
    assert len(answers[31].grants) == 1
    assert grouped.findings() == []


def test_one_callers_mistake_is_its_own(grouped: World) -> None:
    """Among twenty claims one asks for money that is not there: it alone is refused, the others are granted."""
    calls: list[Callable[[], Any]] = [
        lambda person=person: grouped.store.intake([claim(person)]) for person in range(20)
    ]
    calls.insert(7, lambda: grouped.store.allot(C, Fen(99), "too much"))
    answers = pile_up(grouped, *calls)
    assert isinstance(answers.pop(7), BadInput)
    assert all(isinstance(answer[0], Granted) for answer in answers)
    assert grouped.states() == {State.DUE: 20}
    assert grouped.findings() == []


def test_a_shared_commit_that_was_not_heard_of_answers_everybody(
    grouped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call finds what it did."""
    with_gate = {"count": 0}
    database: Any = grouped.store.database
    real = database.commit

    def commit(do: Callable[[], None]) -> None:
        with_gate["count"] += 1
        real(do)
        if with_gate["count"] == 2:  # the first is the gate's
            raise broken(database)

    monkeypatch.setattr(database, "commit", commit)
    answers = pile_up(grouped, *(lambda person=person: grouped.store.intake([claim(person)]) for person in range(10)))
    assert with_gate["count"] == 3
    assert [grouped.store.find(M, answer[0].number) for answer in answers] == [answer[0].grant for answer in answers]
    assert grouped.states() == {State.DUE: 10}
    assert grouped.findings() == []


def test_a_caller_who_hangs_up_changes_nothing_for_others(grouped: World) -> None:
    """A call that is cancelled before its turn is not run; its neighbours are."""
    writer = grouped.store._writer
    assert isinstance(writer, GroupWriter)
    with Gate(grouped):
        first = put(grouped, writer, 1)
        gone = put(grouped, writer, 2)
        last = put(grouped, writer, 3)
        assert gone.cancel()
    assert isinstance(first.result(20)[0], Granted)
    assert isinstance(last.result(20)[0], Granted)
    assert grouped.states() == {State.DUE: 2}


def put(world: World, writer: GroupWriter, person: int) -> Future[Any]:
    store = world.store
    return writer._put(_Member(store._intake, store._intake_homes, [claim(person)]))


def test_a_closed_store_takes_nothing_more(tmp_path: Path) -> None:
    """What waited was done; what comes later is told so."""
    store = open_sqlite(str(tmp_path / "hongbao.db"), clock=SystemClock(), person_key=PERSON_KEY)
    store.close()
    with pytest.raises(StoreDown):
        store.fund(M, Fen(1), "late")


def test_connections_that_the_server_cut_are_replaced(postgres_url: str) -> None:
    """A restart of the server between two calls is not noticed."""
    made = World(lambda **options: open_postgres(postgres_url, person_key=PERSON_KEY, **options), grouped=False)
    made.set_up(M, AppId(APPID), C, 100_000)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        other.execute(f"{cut} AND pid <> pg_backend_pid()".encode())
    grant = made.grant()
    assert made.at(grant).state is State.DUE
    made.close()


def test_a_worker_whose_line_is_cut_inside_a_transaction_tries_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The half transaction is gone with its connection; the second try is whole."""
    made = World(lambda **options: open_postgres(postgres_url, person_key=PERSON_KEY, **options), grouped=False)
    made.set_up(M, AppId(APPID), C, 100_000)
    cuts: list[int] = []

    class Cutting(EvenPacing):
        def caps(self, merchant: Any) -> Any:
            if not cuts:
                cuts.append(1)
                with psycopg.connect(postgres_url, autocommit=True) as other:
                    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    other.execute(f"{cut} AND pid <> pg_backend_pid()".encode())
            return super().caps(merchant)

    made.grant()
    assert len(made.leased(pacing=Cutting())) == 1
    assert made.states() == {State.SENDING: 1}
    assert made.findings() == []
    made.close()
