"""What a database does for the verbs: transactions that end well, end without a trace, or are asked for again.

A COMMIT can fail without saying whether it took place. Every verb finds what it did before under its own key, so the
answer is to run it again: it then reads its result instead of making it twice.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError

from hongbao.engine.ports import BookBroken, StoreDown, StoreUnsure
from hongbao.store.session import Session

T = TypeVar("T")

_TRIES = 5
"""A deadlock or a lost connection is tried again so often; more would hide something."""


class CommitUnknown(Exception):
    """A COMMIT ended without saying whether it took place."""


class Database(ABC):
    """One database, SQLite or PostgreSQL."""

    def write(self, verb: Callable[[Session], T]) -> T:
        """Run a verb in a transaction of its own and return its answer once that is durable.

        Raises:
            BookBroken: a rule that the database itself keeps refused the change; nothing was changed.
            StoreDown: the database did not take the transaction; nothing was changed.
            StoreUnsure: a commit's outcome is not known, and asking again failed.
        """
        unsure = False
        last: Exception | None = None
        for _ in range(_TRIES):
            try:
                with self.transaction() as session:
                    answer = verb(session)
            except CommitUnknown as error:
                unsure, last = True, error
            except IntegrityError as error:
                raise BookBroken(self.rule(error)) from error
            except self.driver_errors as error:
                broken = self.broken_rule(error)
                if broken is not None:
                    raise BookBroken(broken) from error
                if not self.passes(error):
                    if self.down(error):
                        raise StoreDown(str(error)) from error
                    raise
                last = error
            else:
                return answer
        if unsure:
            raise StoreUnsure(f"after {_TRIES} tries: {last}") from last
        raise StoreDown(f"after {_TRIES} tries: {last}") from last

    def rule(self, error: DBAPIError) -> str:
        """Return which rule of the schema an error names."""
        original = error.orig
        broken = self.broken_rule(original) if isinstance(original, Exception) else None
        return broken or "a rule of the schema"

    driver_errors: tuple[type[Exception], ...]
    """What the driver and SQLAlchemy raise."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Session]:
        """Open a transaction that writes: committed at the end of the block, undone if the block raises.

        Raises:
            CommitUnknown: at the end of the block.
        """

    @abstractmethod
    def reading(self) -> AbstractContextManager[Session]:
        """Open a transaction that only reads, all of it at one moment."""

    @abstractmethod
    def broken_rule(self, error: Exception) -> str | None:
        """Return the rule of the schema that the driver's error is about, without any value; None if it is not one."""

    @abstractmethod
    def passes(self, error: Exception) -> bool:
        """Return whether the same transaction may well succeed at the next try."""

    @abstractmethod
    def down(self, error: Exception) -> bool:
        """Return whether the error is about the database's own state and not about what was asked of it."""

    @abstractmethod
    def now_ms(self) -> int:
        """Return the store's clock."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""


@contextmanager
def undone(roll_back: Callable[[], None], gone: tuple[type[Exception], ...]) -> Generator[None]:
    """Undo the transaction if the block raises anything at all: a killed task must not leave its lock behind.

    Args:
        roll_back: undoes it.
        gone: errors of `roll_back` that mean that the connection is lost, and the transaction with it.
    """
    try:
        yield
    except BaseException:
        with suppress(*gone):
            roll_back()
        raise
