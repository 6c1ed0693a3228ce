"""The generated pages say what the code says."""

import pytest
from docs.generate import PAGES, ROOT


@pytest.mark.parametrize("path", PAGES)
def test_the_committed_page_is_what_the_code_says_now(path: str) -> None:
    """After a change of the code, `make docs` writes the page anew."""
    assert (ROOT / path).read_text("utf-8") == PAGES[path](), "run: make docs"
