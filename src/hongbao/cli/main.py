"""The `hongbao` command."""

import typer

from hongbao.cli import simulator

app = typer.Typer(
    name="hongbao",
    help="WeChat cash red packets (微信现金红包): send them, and rehearse without a merchant account.",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(simulator.app, name="simulator")


def main() -> None:
    """Run the command line."""
    app()
