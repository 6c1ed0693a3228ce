"""Every code block of the project's pages runs and says what the page says. The rules: CONTRIBUTING.md."""

from pathlib import Path

import pytest
from tests.docs.pages import ROOT, blocks, pages
from tests.docs.running import Reader, reason_not_to_run


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_the_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does what the page says, from top to bottom, gets what the page says."""
    with Reader(tmp_path, monkeypatch, language="zh" if page.stem.endswith("zh-CN") else "en") as reader:
        for block in blocks(page):
            if reason_not_to_run(block) is None:
                reader.do(block)
