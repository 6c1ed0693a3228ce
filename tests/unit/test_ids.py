"""An id that is shown can be recognised and not used."""

import pytest

from hongbao.ids import masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "…"),
        ("o", "…"),
        ("123456789", "…"),
        ("1234567890", "1234…890"),
        ("oxTWIuGaIt6gTKsQRLau2M0yL16E", "oxTW…16E"),
    ],
)
def test_the_middle_of_an_id_disappears_and_short_ids_altogether(text: str, shown: str) -> None:
    assert masked(text) == shown
