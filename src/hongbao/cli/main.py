"""The `hongbao` command: says which extra is missing, or runs :mod:`hongbao.cli.commands`."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: what stands after `hongbao`; None takes the process's own.
    """
    try:
        import pydantic_settings  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import rich  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import typer  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        sys.stderr.write(
            f"the command line's extra is not installed ({error}): pip install 'hongbao[cli]'\n"
            "未安装命令行组件：pip install 'hongbao[cli]'\n"
        )
        return 1
    from hongbao.cli.commands import run

    return run(sys.argv[1:] if arguments is None else list(arguments))
