"""Read the project's pages: their code blocks, and what an HTML comment above a block says about running it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w-]*)\s*")
_COMMENT = re.compile(r"<!--\s*(?P<text>.*?)\s*-->")
_DIRECTIVE = re.compile(r"(?P<name>run|file|needs|output)(?::\s*(?P<argument>.+))?")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: where it stands, what it holds, and its directives (CONTRIBUTING.md, "Documents run")."""

    page: Path
    line: int
    language: str
    text: str
    directives: dict[str, str]

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return _place(self.page, self.line)


class BadPage(Exception):
    """A page has a block or a directive that cannot be understood."""


def pages() -> list[Path]:
    """Return all pages whose blocks run."""
    return sorted([*ROOT.glob("README*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(page: Path) -> Iterator[Block]:
    """Read the fenced blocks of a page in their order.

    Raises:
        BadPage: a fence has no language or no end, or the comment above it is no directive.
    """
    lines = page.read_text("utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.fullmatch(lines[number])
        if fence is None:
            number += 1
            continue
        place = _place(page, number + 1)
        if not fence["language"]:
            raise BadPage(f"{place}: the block does not say its language")
        closing = fence["indent"] + fence["ticks"]
        try:
            end = next(index for index in range(number + 1, len(lines)) if lines[index].rstrip() == closing)
        except StopIteration:
            raise BadPage(f"{place}: the block does not end") from None
        inside = [line.removeprefix(fence["indent"]) for line in lines[number + 1 : end]]
        yield Block(page, number + 1, fence["language"], "\n".join(inside) + "\n", _directives(lines[:number], place))
        number = end + 1


def _place(page: Path, line: int) -> str:
    return f"{page.relative_to(ROOT) if page.is_relative_to(ROOT) else page.name}:{line}"


def _directives(above: list[str], place: str) -> dict[str, str]:
    directives: dict[str, str] = {}
    for line in reversed(above):
        comment = _COMMENT.fullmatch(line.strip())
        if comment is None:
            break
        directive = _DIRECTIVE.fullmatch(comment["text"])
        if directive is None:
            raise BadPage(f"{place}: <!-- {comment['text']} --> is no directive")
        directives[directive["name"]] = directive["argument"] or ""
    return directives
