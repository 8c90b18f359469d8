"""The command line: text and exit codes live here, decisions do not."""

from __future__ import annotations

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
from narrowcast.commands.upkeep.clean import clean
from narrowcast.commands.upkeep.init import init
from narrowcast.commands.upkeep.schema import schema
from narrowcast.commands.validate import validate

app = typer.Typer(
    name="narrowcast",
    help="Compile a YAML spec into a script that converts a model to mixed precision.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SCRIPTS_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""What `run` does not know is the script's."""

app.command()(init)
app.command()(generate)
app.command()(validate)
app.command(context_settings=SCRIPTS_OPTIONS)(run)
app.command()(migrate)
app.command()(explain)
app.command()(doctor)
app.command()(report)
app.command()(schema)
app.command()(clean)


def main() -> None:
    """Entry point of the console script."""
    try:
        if sys.stdout is None or sys.stderr is None:
            raise OSError("closed")
        app()
    except OSError:
        # Imported where it is needed: with it comes the runtime, and NumPy.
        from narrowcast.runtime.common.telling.streams import output_needed

        with output_needed():
            raise


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"narrowcast {__version__}")
        raise typer.Exit


@app.callback()
def narrowcast(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Exit codes: 0 done, 1 criterion not met or drift, 2 bad input, 3 requirement."""
