"""The hot statements: a few texts per database, each with a name and a sentence.

A file in `hot/` is a row of ``-- name: sentence`` lines, each followed by one statement.
"""

import re
from functools import cache
from importlib.resources import files

_HEAD = re.compile(r"^-- (?P<name>[a-z_]+): .+$", re.MULTILINE)


@cache
def hot(database: str) -> dict[str, str]:
    """Return the hot statements of "sqlite" or "postgres" by name."""
    source = (files("hongbao.store") / "hot" / f"{database}.sql").read_text("utf-8")
    heads = list(_HEAD.finditer(source))
    ends = [head.start() for head in heads[1:]] + [len(source)]
    return {
        head["name"]: source[head.end() : end].strip().removesuffix(";") for head, end in zip(heads, ends, strict=True)
    }
