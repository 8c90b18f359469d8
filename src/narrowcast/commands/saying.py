"""What commands say beside their output: notes and errors, on standard error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from .options import BAD

if TYPE_CHECKING:
    from narrowcast.spec import Diagnostic


def say(text: str) -> None:
    """Print it on standard error."""
    typer.echo(text, err=True)


def failure(text: str) -> typer.Exit:
    """Print it on standard error; what ends the command."""
    say(text)
    return typer.Exit(BAD)


def tell(notices: Sequence[Diagnostic], strict: bool) -> None:
    """Print the notes; as errors, which end the command, where that is asked for.

    Raises:
        typer.Exit: There are notes, and `strict`.
    """
    from narrowcast.spec import format_diagnostic

    if strict and notices:
        errors = (replace(notice, severity="error") for notice in notices)
        raise failure("\n".join(map(format_diagnostic, errors)))
    for notice in notices:
        say(format_diagnostic(notice))
