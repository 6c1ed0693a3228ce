"""Links between the pages lead somewhere."""

import re
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, pages

_FENCED = re.compile(r"^(?P<indent> *)```.*?^(?P=indent)```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\((?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]*))?\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_EXTRA = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors that a code host makes of the headings."""
    found: dict[str, int] = {}
    result: set[str] = set()
    for heading in _HEADING.finditer(prose(page)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading["text"]).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        result.add(f"{slug}-{count}" if count else slug)
    return result


@pytest.mark.parametrize(
    "page", [*pages(), *(ROOT / name for name in _EXTRA)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_link_of_the_page_leads_somewhere(page: Path) -> None:
    """The file is there, and the heading in it."""
    broken: list[str] = []
    for link in _LINK.finditer(prose(page)):
        if link["path"].startswith(("http:", "https:")):
            continue
        target = (page.parent / link["path"]).resolve() if link["path"] else page
        if not target.exists() or (link["anchor"] and link["anchor"] not in anchors(target)):
            broken.append(link[0].removeprefix("]"))
    assert broken == []
