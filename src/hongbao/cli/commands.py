"""Every command, in one place, and what happens to an error that no command reports itself."""

import io
import re
import sys

import typer

from hongbao.cli import batch, demo, doctor, explain, ledger, merchant, packet, simulator, worker
from hongbao.cli.voice import Exit, Voice, Words, both
from hongbao.ids import masked

_OPENID = re.compile(r"\bo[0-9A-Za-z_-]{27}(?![0-9A-Za-z_-])", re.ASCII)

app = typer.Typer(
    name="hongbao",
    help=both(
        "WeChat cash red packets: send them, and rehearse without a merchant account.",
        "微信现金红包：发放，或在没有商户号时演练。",
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # The boxes that rich draws cut Chinese text off at their edge.
    rich_markup_mode=None,
)
app.add_typer(packet.app, name="packet")
app.add_typer(batch.app, name="batch")
app.add_typer(merchant.app, name="merchant")
worker.add_to(app)
app.add_typer(ledger.app, name="ledger")
app.add_typer(simulator.app, name="simulator")
explain.add_to(app)
doctor.add_to(app)
demo.add_to(app)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code (docs/reference/cli.md, "Exit codes")."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show Chinese must not turn a sent packet into a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")  # pyright: ignore[reportUnknownMemberType]
    try:
        code = app(arguments, prog_name="hongbao", standalone_mode=False)
    except typer.TyperException as usage:
        return _complain_of_usage(usage, arguments)
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    return int(code or 0)


def _complain_of_usage(usage: typer.TyperException, arguments: list[str]) -> int:
    """Report a mistyped command. No command ran that could know about --json, so it is looked for here."""
    # A mistyped line may quote an openid back.
    text = _OPENID.sub(lambda match: masked(match[0]), usage.format_message())
    if text.startswith("Usage: "):
        # A group without a command is answered with its help.
        typer.echo(text)
        return usage.exit_code
    voice = Voice(None, as_json="--json" in arguments)
    told = {"field": "command line", "fault": text, "remedy": "see --help"}
    return voice.fail("bad input", Exit.BAD_INPUT, voice.say(Words(f"{text} See --help.", f"{text} 见 --help。")), told)
