"""Ten million intents, ten million numbers."""

import binascii
import heapq
import multiprocessing
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongbao.number import OrderIntent, order_number

KEYS = 10_000_000
PARTS = ("mch_id", "appid", "campaign", "openid", "occasion")


def numbers(start: int) -> "array[int]":
    """Return the first 64 bits of the number of each intent from `start` in steps of two, sorted.

    The characters of a number are ones of base64, so its first twelve decode to nine bytes. If the first eight differ
    so do the numbers.
    """
    bits = array(
        "Q",
        (
            int.from_bytes(
                binascii.a2b_base64(
                    order_number(
                        OrderIntent(
                            mch_id="1900000001",
                            appid="wx0000000000000001",
                            campaign="spring",
                            openid=f"o{each:027d}",
                            occasion="welcome",
                        )
                    )[:12]
                )[:8]
            )
            for each in range(start, KEYS, 2)
        ),
    )
    return array("Q", sorted(bits))


@pytest.mark.timeout(900)
def test_ten_million_intents_have_ten_million_numbers() -> None:
    """Spread over two processes, since it is long; the second starts afresh, so the numbers are the same there."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        even, odd = pool.map(numbers, range(2))
    assert len(even) + len(odd) == KEYS
    assert all(one != other for one, other in pairwise(heapq.merge(even, odd)))


@given(
    st.lists(st.tuples(*[st.text(alphabet="ab1:", min_size=1, max_size=4)] * 5), min_size=2, max_size=2, unique=True)
)
def test_two_intents_never_run_together(parts: list[tuple[str, ...]]) -> None:
    one, other = (order_number(OrderIntent(**dict(zip(PARTS, each, strict=True)))) for each in parts)
    assert one != other
