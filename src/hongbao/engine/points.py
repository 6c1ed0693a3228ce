"""Named places where a process may die. Inert in production: a test, or a rehearsal, puts something there."""

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """Where."""

    INTAKE_DONE = "intake_done"
    """Grants are committed; the caller has not been told."""
    LEASED = "leased"
    """A lease is committed; nothing was sent."""
    BEFORE_SEND = "before_send"
    """A request is about to leave."""
    AFTER_SEND = "after_send"
    """The answer is there; nothing is recorded."""
    BEFORE_RECORD = "before_record"
    """A batch of results is about to be recorded."""
    AFTER_RECORD = "after_record"
    """It is committed; brakes have not been told."""
    LOOKED = "looked"
    """Grants were taken to be queried; no query was made."""
    BEFORE_LOOK_RECORD = "before_look_record"
    """The query's answer is there; nothing is recorded."""
    AFTER_LOOK_RECORD = "after_look_record"
    """It is committed."""
    BEFORE_RESCUE = "before_rescue"
    """Lost leases were found."""
    AFTER_RESCUE = "after_rescue"
    """Lost leases are recorded."""
    BEFORE_NOTICE = "before_notice"
    """Notices were read; nobody was told."""
    AFTER_NOTICE = "after_notice"
    """Somebody was told; the notices are not acknowledged."""


Pass = Callable[[Point], None]
"""Called at each point; whatever it raises happens there."""


def nothing(point: Point) -> None:
    """Do nothing, as in production."""
    del point
