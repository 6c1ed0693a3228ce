"""The runner of the pages: a page that says what is not so must fail."""

from pathlib import Path

import pytest
from tests.docs.pages import BadPage, Block, blocks
from tests.docs.running import DocumentFails, Reader, reason_not_to_run


def read(folder: Path, page: str) -> list[Block]:
    path = folder / "page.md"
    path.write_text(page, "utf-8")
    return list(blocks(path))


def do(folder: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    with Reader(folder, monkeypatch, language="en") as reader:
        for block in read(folder, page):
            reader.do(block)


@pytest.mark.parametrize(
    "page",
    [
        "```python\nassert 1 == 2\n```",
        "```python\nprint(1)\n```\n<!-- output -->\n```text\n2\n```",
        "```console\n$ echo 1\n2\n```",
        "```console\n$ echo 1\n1\n1\n```",
        "```console\n$ false\n```",
        "```console\necho 1\n```",
        "```sh\nfalse\ntrue\n```",
        "```sh\nexit 0\n```\n```sh\ntrue\n```",
        "<!-- run: background -->\n```console\n$ echo started\nready\n```",
        "```toml\na =\n```",
        "```json\n{\n```",
        "```xml\n<!DOCTYPE xml><xml/>\n```",
        '<!-- file: hongbao.toml -->\n```toml\n[merchants.main]\nmch = "1900000001"\n```',
        "```cobol\nSTOP RUN.\n```",
    ],
)
def test_a_page_that_is_wrong_fails(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these says something that is not so, or cannot be done."""
    with pytest.raises(DocumentFails):
        do(tmp_path, monkeypatch, page)


@pytest.mark.parametrize(
    "page",
    [
        "```python\na = 1\n```\n```python\nassert a == 1\n```",
        "```python\nprint('one two')\nprint('three')\n```\n<!-- output -->\n```text\none ...\nthree\n```",
        "```console\n$ printf '1\\n2\\n3\\n'\n1\n...\n3\n```",
        "```console\n$ printf '1\\n3\\n'\n1\n...\n3\n```",
        "```console\n$ false\n...\n```",
        "```console\n$ cat <<END\n> 1\n> END\n1\n```",
        "```sh\nname=1\n```\n```console\n$ echo $name\n1\n```",
        "<!-- file: one.txt -->\n```text\n1\n```\n```console\n$ cat one.txt\n1\n```",
        "<!-- run: background -->\n```console\n$ sh -c 'echo ready; exec cat'\nready\n```",
        "- in a list\n\n  ```sh\n  true\n  ```",
    ],
)
def test_a_page_that_is_right_passes(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these is so."""
    do(tmp_path, monkeypatch, page)


@pytest.mark.parametrize(
    "page",
    ["```\ntrue\n```", "```sh\ntrue\n", "<!-- runs: no (typing error) -->\n```sh\ntrue\n```"],
)
def test_a_block_that_cannot_be_understood_is_refused(page: str, tmp_path: Path) -> None:
    """No language, no end, no such directive."""
    with pytest.raises(BadPage):
        read(tmp_path, page)


def test_a_block_that_does_not_run_says_why(tmp_path: Path) -> None:
    """The reason is there to be read."""
    (block,) = read(tmp_path, "<!-- run: no (it deletes the disk) -->\n```sh\ntrue\n```")
    assert reason_not_to_run(block) == "it deletes the disk"


@pytest.mark.parametrize("directive", ["no", "no ()", "no because"])
def test_a_block_without_a_reason_fails(directive: str, tmp_path: Path) -> None:
    """Not running must be explained."""
    (block,) = read(tmp_path, f"<!-- run: {directive} -->\n```sh\ntrue\n```")
    with pytest.raises(DocumentFails):
        reason_not_to_run(block)


def test_a_program_that_is_missing_is_a_reason(tmp_path: Path) -> None:
    """A machine without the program leaves the block out."""
    (block,) = read(tmp_path, "<!-- needs: no-such-program -->\n```sh\nno-such-program\n```")
    assert reason_not_to_run(block) == "there is no no-such-program on this machine"
