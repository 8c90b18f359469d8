"""How the command line ends: an exit code, and a word for it, in every outcome."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

from narrowcast.runtime.common.telling.early import (
    interrupts_were_caught,
    was_interrupted,
)

from ..options import BAD
from ..saying import begin, failure, finish, is_json
from .formats import Format, asked

INTERNAL = 4
INTERRUPTED = 130
REFUSED: type[Exception] = typer.BadParameter.__mro__[2]
"""What Typer refuses options by: it has a click of its own, or takes the installed."""


def ended(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    begin(asked(arguments))
    try:
        if sys.stdout is None or sys.stderr is None:
            return _without_streams()
        before = empty(arguments)
        code = _code(app, arguments) if before is None else _nameless(before)
        finish(code)
    except OSError as error:
        return _unwritten(error)
    return code


def empty(arguments: Sequence[str]) -> str | None:
    """What stands before an argument that is empty, None where none is.

    Typer takes an empty path for the folder that one is in.
    """
    for before, each in pairwise(["narrowcast", *arguments]):
        if not each:
            return before
        if each.startswith("--") and each.endswith("="):
            return each
    return None


def _nameless(before: str) -> int:
    said = f"an empty name was given, after {before}"
    return failure(f"{said}\nProbably a variable that is not set.").exit_code


def _code(app: typer.Typer, arguments: Sequence[str]) -> int:
    try:
        found = app(list(arguments), standalone_mode=False)
        code = found if isinstance(found, int) else 0
        return _interrupted(arguments) if code == INTERRUPTED else code
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(arguments)
    except REFUSED as error:
        begin(asked(arguments))
        return _refused(error)
    except OSError as error:
        if error.filename is None:
            raise
        text = f"{error.filename}: {error.strerror or error}"
        return failure(text, "NC901").exit_code
    except SystemExit as end:  # Typer's, where nobody reads standard output
        if isinstance(end.__context__, OSError):
            raise end.__context__ from None
        return end.code if isinstance(end.code, int) else BAD
    except Exception as error:
        if was_interrupted(error):
            return _interrupted(arguments)
        return _internal(error)


def _interrupted(arguments: Sequence[str]) -> int:
    interrupts_were_caught()
    if (
        not is_json() and asked(arguments) is Format.json
    ):  # nothing read that option yet
        begin(Format.json)
    return failure("interrupted", "NC921", INTERRUPTED).exit_code


def _refused(error: Any) -> int:
    """Options or arguments that there are not, or that are wrong."""
    said = error.format_message()
    context = getattr(error, "ctx", None)
    if context is None or said == context.get_help():  # nothing was given
        typer.echo(said, err=True)
        return int(error.exit_code)
    help_ = f"'{context.command_path} --help' lists the options."
    return failure(f"{said}\n{help_}").exit_code


def _internal(error: Exception) -> int:
    from narrowcast.runtime.failing import logged

    what, where = logged(error, "narrowcast", Path.cwd())
    return failure(f"{what}\n{where}", "NC931", INTERNAL).exit_code


def _without_streams() -> int:
    from narrowcast.runtime.common.telling.streams import output_needed

    with output_needed():
        return BAD


def _unwritten(error: OSError) -> int:
    from narrowcast.runtime.common.telling.streams import unwritten

    if error.errno == errno.EPIPE:  # what waits in the streams fails again
        sys.stderr = sys.__stderr__
    return unwritten(error)
