"""The command line: text and exit codes live here, decisions do not."""

from __future__ import annotations

import gc
import sys
from typing import Annotated

import typer

from narrowcast import __version__
from narrowcast.commands.doctor import doctor
from narrowcast.commands.explain import explain
from narrowcast.commands.generate import generate
from narrowcast.commands.migrate import migrate
from narrowcast.commands.report import report
from narrowcast.commands.run import run
from narrowcast.commands.saying import begin
from narrowcast.commands.telling.ending import ended
from narrowcast.commands.upkeep.clean import clean
from narrowcast.commands.upkeep.init import init
from narrowcast.commands.upkeep.schema import schema
from narrowcast.commands.validate import validate


def exits(*more: str) -> str:
    """The exit codes, as help tells them."""
    codes = ("0 done", "2 bad input", "4 internal error", "130 interrupted", *more)
    told = "; ".join(sorted(codes, key=lambda each: int(each.split()[0])))
    return f"Exit codes: {told}. `narrowcast explain NC201` explains an error's code."


app = typer.Typer(
    name="narrowcast",
    epilog=exits("1 drift, or a criterion missed", "3 requirement not met"),
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SCRIPTS_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""What `run` does not know is the script's."""

app.command(epilog=exits("3 requirement not met"))(init)
app.command(epilog=exits("1 --check or --diff found drift"))(generate)
app.command(epilog=exits())(validate)
app.command(
    context_settings=SCRIPTS_OPTIONS,
    epilog=exits("1 criterion not met", "3 requirement not met"),
)(run)
app.command(epilog=exits())(migrate)
app.command(epilog=exits())(explain)
app.command(epilog=exits())(doctor)
app.command(epilog=exits())(report)
app.command(epilog=exits())(schema)
app.command(epilog=exits())(clean)


def main() -> None:
    """Entry point of the console script."""
    # All that a command loads stays: looking for what doesn't takes a tenth of its time.
    gc.disable()
    sys.exit(ended(app, sys.argv[1:]))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"narrowcast {__version__}")
        raise typer.Exit


@app.callback()
def narrowcast(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Say which this is."
        ),
    ] = False,
) -> None:
    """Compile a YAML spec into a script that converts a model to mixed precision."""
    begin()
