"""Say at the end of a run which blocks of the pages were not run, and why."""

import pytest
from tests.docs.pages import BadPage, blocks, pages
from tests.docs.running import DocumentFails, reason_not_to_run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the blocks that were skipped. What is wrong with a page is the tests' to say."""
    skipped: list[str] = []
    count = 0
    for page in pages():
        try:
            for block in blocks(page):
                count += 1
                if (reason := reason_not_to_run(block)) is not None:
                    skipped.append(f"{block.place}: {reason}")
        except (BadPage, DocumentFails):
            continue
    terminalreporter.section(f"documents: {len(skipped)} of {count} blocks not run", sep="-")
    for line in skipped:
        terminalreporter.write_line(line)
