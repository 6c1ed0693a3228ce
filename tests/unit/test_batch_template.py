"""A template says everything about a batch's packets but who gets them; what it cannot say is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongbao.batch.template import Fixed, Spread, Template, kept_template, read_template
from hongbao.errors import BadInput

DEFAULTS = {"send_name": "示例商户", "wishing": "恭喜发财", "act_name": "活动", "remark": "备注"}


def read(folder: Path, text: str, client_ip: str = "192.0.2.1") -> Template:
    path = folder / "spring.toml"
    path.write_text(text, encoding="utf-8")
    return read_template(path, words=DEFAULTS, client_ip=client_ip)


def test_what_it_does_not_say_comes_from_the_settings_and_the_name_from_the_file(tmp_path: Path) -> None:
    told = read(tmp_path, 'wishing = "新年好"\nscene = "PRODUCT_2"\n[amount]\nfixed_yuan = "1.88"\n')
    assert told == Template(
        name="spring",
        words={**DEFAULTS, "wishing": "新年好"},
        client_ip="192.0.2.1",
        scene="PRODUCT_2",
        amount=Fixed(188),
    )


def test_times_without_a_zone_are_beijing_time(tmp_path: Path) -> None:
    told = read(tmp_path, "[window]\nbegins = 2025-01-01T12:00:00\nends = 2025-01-01T05:00:00Z\n")
    assert (told.begins_ms, told.ends_ms) == (1_735_704_000_000, 1_735_707_600_000)


def test_what_is_kept_is_what_was_read(tmp_path: Path) -> None:
    told = read(tmp_path, "[amount]\nmin_fen = 100\nmax_fen = 300\nbudget_yuan = '20'\n")
    assert told.amount == Spread(100, 300, 2_000)
    assert kept_template(told.json()) == told


def test_the_machine_that_submits_does_not_make_it_another_template(tmp_path: Path) -> None:
    text = "[amount]\nfixed_fen = 100\n"
    assert read(tmp_path, text).hash() == read(tmp_path, text, "192.0.2.2").hash()
    assert read(tmp_path, text).hash() != read(tmp_path, 'name = "again"\n' + text).hash()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("wishes = 'x'", "wishes: is not a key"),
        ("wishing = 7", "not a text"),
        ("[amount]\nfixed_yuan = 1.88", "put it in quotes"),
        ("[amount]\nfixed_fen = 0", "above 0"),
        ("[amount]\nfixed_fen = 100\nmin_fen = 100", "give fixed alone"),
        ("[amount]\nmin_fen = 200\nmax_fen = 100\nbudget_fen = 500", "empty range"),
        ("[amount]\nfixed_fen = 100\nfixed_yuan = '1'", "in yuan and in fen"),
        ("[window]\nbegins = 2025-01-02T00:00:00\nends = 2025-01-01T00:00:00", "ends before"),
        ("[window]\nbegins = 2025-01-02", "no date with time"),
        ("amount = 5", "not a section"),
        ("= broken", "is not TOML"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read(tmp_path, text)


@given(
    low=st.integers(1, 500),
    width=st.integers(0, 500),
    count=st.integers(1, 60),
    share=st.integers(0, 1_000),
    seed=st.integers(0, 2**64),
)
def test_shares_lie_in_their_range_and_make_the_budget(low: int, width: int, count: int, share: int, seed: int) -> None:
    """For every range, number of people and budget that can be shared at all."""
    budget = low * count + width * count * share // 1_000
    amounts = list(Spread(low, low + width, budget).amounts(count, seed))
    assert (len(amounts), sum(amounts)) == (count, budget)
    assert low <= min(amounts) <= max(amounts) <= low + width
