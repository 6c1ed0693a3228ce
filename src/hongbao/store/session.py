"""One transaction, as the verbs see it: hot statements by name, cold ones as Core expressions, one way to hold rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection

Row = Mapping[Any, Any]
"""A row by the names of its columns."""


class Session(Protocol):
    """A transaction that is open."""

    @property
    def core(self) -> Connection:
        """The connection, for Core expressions."""
        ...

    def now_ms(self) -> int:
        """Return the store's clock at this moment, not at the transaction's begin: locks may have been waited for."""
        ...

    def rows(self, name: str, **given: Any) -> list[Row]:  # noqa: ANN401  what the driver takes
        """Run a hot statement that returns rows. A list is handed over as one value."""
        ...

    def each(self, name: str, rows: Sequence[Row]) -> None:
        """Run a hot statement for all rows at once."""
        ...

    def load(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Add many plain rows to a table, the fastest way the database has."""
        ...

    def matching(self, name: str, columns: Sequence[str], rows: Sequence[Row], **given: Any) -> list[Row]:  # noqa: ANN401
        """Run a hot statement that looks up many keys at once and returns what is there."""
        ...

    def hold(self, merchants: Iterable[str], campaigns: Iterable[str]) -> None:
        """Hold balance rows until the transaction ends: merchants before campaigns, each in one order.

        Every verb that changes rows of a merchant or campaign begins with this. Where one writer excludes all others
        it does nothing.
        """
        ...

    def ids(self, table: str, count: int) -> list[int]:
        """Return new ids of a table, ascending."""
        ...
