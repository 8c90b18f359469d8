"""What several commands take, and what they exit with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DRIFT = 1
BAD = 2


def _named(value: str | None) -> str | None:
    if value == "":
        raise typer.BadParameter("it is empty; name the model's framework")
    return value


SpecFiles = Annotated[
    list[Path],
    typer.Argument(
        metavar="SPEC", help="YAML specs, folders of them, or - for standard input."
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Take notes for errors: exit 2 if there are any."),
]
Framework = Annotated[
    str | None,
    typer.Option(
        "--framework",
        metavar="NAME",
        callback=_named,
        help="What the model is where SPEC doesn't say: pytorch, tensorflow, …",
    ),
]
