"""Group commit: calls that wait at the same moment share one transaction, each answered after that commit.

A commit costs a wait for the disk, whatever is in it; under load one wait serves dozens of calls. It must not be
noticed otherwise:

* If the shared transaction fails, it is undone and the calls are run again in halves, down to the one that is at
  fault: that one gets its error, the others their answers.
* If the outcome of the COMMIT is not known, the calls are run again (`Database.write`), and each finds what it did.
* A caller who hangs up changes nothing for the others; if its call had not begun, it is not run.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from hongbao.engine.ports import StoreDown, StoreUnsure
from hongbao.store.database import Database
from hongbao.store.session import Session

T = TypeVar("T")
ItemT = TypeVar("ItemT")
AnswerT = TypeVar("AnswerT")

Homes = tuple[set[Any], set[Any]]
"""Merchants and campaigns whose rows a call will hold."""

ITEMS_MAX = 2_000
"""So many claims or results go into one transaction; more would keep everybody waiting."""


class Writer(Protocol):
    """Runs calls that write."""

    def call(self, verb: Callable[[Session], T], homes: Callable[[Session], Homes]) -> T:
        """Run a verb by itself or beside others."""
        ...

    def batch(
        self,
        verb: Callable[[Session, Sequence[ItemT]], list[AnswerT]],
        homes: Callable[[Session, Sequence[ItemT]], Homes],
        items: Sequence[ItemT],
    ) -> list[AnswerT]:
        """Run a verb that takes many items, together with other calls of the same verb."""
        ...

    def close(self) -> None:
        """Finish what waits, and take nothing more."""
        ...


class Direct:
    """Every call in a transaction of its own, in the caller's thread."""

    def __init__(self, database: Database) -> None:
        """Write to this database."""
        self._database = database

    def call(self, verb: Callable[[Session], T], homes: Callable[[Session], Homes]) -> T:
        """Run a verb."""
        return self._database.write(verb)

    def batch(
        self,
        verb: Callable[[Session, Sequence[ItemT]], list[AnswerT]],
        homes: Callable[[Session, Sequence[ItemT]], Homes],
        items: Sequence[ItemT],
    ) -> list[AnswerT]:
        """Run a verb on its items."""
        return self._database.write(lambda session: verb(session, items)) if items else []

    def close(self) -> None:
        """Nothing waits."""


@dataclass(slots=True, eq=False)
class _Member:
    """One call that waits.

    Attributes:
        verb: of a batch, shared with other members: takes a session and items.
        items: of a batch; None for a single call.
    """

    verb: Callable[..., Any]
    homes: Callable[..., Homes]
    items: Sequence[Any] | None
    future: Future[Any] = field(default_factory=Future[Any])


class GroupWriter:
    """One thread that writes for everybody in this process."""

    def __init__(self, database: Database) -> None:
        """Start the thread."""
        self._database = database
        self._waiting: queue.SimpleQueue[_Member | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="hongbao-writer", daemon=True)
        self._thread.start()

    def call(self, verb: Callable[[Session], T], homes: Callable[[Session], Homes]) -> T:
        """Wait for the next commit that holds this call."""
        return self._put(_Member(verb, homes, None)).result()

    def batch(
        self,
        verb: Callable[[Session, Sequence[ItemT]], list[AnswerT]],
        homes: Callable[[Session, Sequence[ItemT]], Homes],
        items: Sequence[ItemT],
    ) -> list[AnswerT]:
        """Wait for the next commit that holds these items."""
        return self._put(_Member(verb, homes, items)).result() if items else []

    def _put(self, member: _Member) -> Future[Any]:
        if self._closed:
            raise StoreDown("the store is closed")
        self._waiting.put(member)
        return member.future

    def close(self) -> None:
        """Finish what waits."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            members: list[_Member] = []
            items = 0
            member = self._waiting.get()
            while True:
                if member is None:
                    closing = True
                elif member.future.set_running_or_notify_cancel():
                    members.append(member)
                    items += len(member.items or (None,))
                if closing or items >= ITEMS_MAX:
                    break
                try:
                    member = self._waiting.get_nowait()
                except queue.Empty:
                    break
            if members:
                self._turn(members)

    def _turn(self, members: list[_Member]) -> None:
        """Run calls in one transaction; if it fails, in two, and so on."""
        try:
            answers = self._database.write(lambda session: _together(session, members))
        except (StoreDown, StoreUnsure) as error:
            for member in members:
                member.future.set_exception(error)
        except BaseException as error:  # noqa: BLE001  whatever it is belongs to the caller who waits for it
            if len(members) == 1:
                members[0].future.set_exception(error)
            else:
                half = len(members) // 2
                self._turn(members[:half])
                self._turn(members[half:])
        else:
            for member, answer in zip(members, answers, strict=True):
                member.future.set_result(answer)


def _together(session: Session, members: Sequence[_Member]) -> list[Any]:
    """Run all calls in one transaction: batches of the same verb as one, and everything held in the one order."""
    merchants: set[Any] = set()
    campaigns: set[Any] = set()
    batches: dict[Any, list[_Member]] = {}
    for member in members:
        if member.items is not None:
            batches.setdefault(member.verb, []).append(member)
        else:
            held = member.homes(session)
            merchants |= held[0]
            campaigns |= held[1]
    for batch in batches.values():
        held = batch[0].homes(session, [item for member in batch for item in member.items or ()])
        merchants |= held[0]
        campaigns |= held[1]
    session.hold(merchants, campaigns)
    answers: dict[_Member, Any] = {}
    for verb, batch in batches.items():
        found = verb(session, [item for member in batch for item in member.items or ()])
        start = 0
        for member in batch:
            count = len(member.items or ())
            answers[member] = found[start : start + count]
            start += count
    for member in members:
        if member.items is None:
            answers[member] = member.verb(session)
    return [answers[member] for member in members]
