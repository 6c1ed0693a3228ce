"""When single answers become the merchant's or the batch's affair: by their share among the newest results."""

from collections.abc import Sequence
from dataclasses import dataclass

from hongbao.payout.outcome import About

PERSONS_WINDOW = 50
"""How many of the newest results tell whether a refusal is about people or about the merchant."""
PERSONS_MIN = 5
"""Fewer refused persons are persons."""
OPENIDS_WINDOW = 10
OPENIDS_MAX = 3
ROWS_WINDOW = 200
ROWS_MAX = 5
PROBE_MS = 600_000
"""How long after one probe the next may go."""


@dataclass(frozen=True, slots=True)
class Ended:
    """One ended send, for counting.

    Attributes:
        grant: whose.
        about: what its no was about; None for any other outcome.
        text: the text of the no.
    """

    grant: int
    about: About | None
    text: str


def refuses_all(newest_first: Sequence[Ended]) -> bool:
    """Whether NO_AUTH and its like are the merchant's: most of the last fifty results, and several people."""
    window = newest_first[:PERSONS_WINDOW]
    refused = [ended for ended in window if ended.about is About.PERSON_OR_SETUP]
    return len({ended.grant for ended in refused}) >= PERSONS_MIN and 2 * len(refused) > len(window)


def wrong_list(newest_first: Sequence[Ended]) -> bool:
    """Whether a batch's openids belong to another account: three of its last ten results."""
    window = newest_first[:OPENIDS_WINDOW]
    return len({ended.grant for ended in window if ended.about is About.OPENID}) >= OPENIDS_MAX


def same_fault(newest_first: Sequence[Ended], text: str) -> bool:
    """Whether what looks like a row's own fault is everybody's: five rows with the same text."""
    window = newest_first[:ROWS_WINDOW]
    return len({ended.grant for ended in window if ended.about is About.ROW and ended.text == text}) >= ROWS_MAX
