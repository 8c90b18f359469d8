"""What several commands take, and what they exit with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .saying import begin
from .telling.formats import Format

DRIFT = 1
BAD = 2

STDOUT = Path("-")
"""Stands for standard output."""


def _said_so(format: Format) -> Format:
    return begin(format)


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
Vendor = Annotated[
    bool | None,
    typer.Option(
        "--vendor/--no-vendor",
        help="Copy what the script needs of narrowcast beside it, so that it runs without "
        "narrowcast. Left out: as the script that is there has it.",
        show_default=False,
    ),
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


def _as_json(wanted: bool) -> bool:
    _said_so(Format.json if wanted else Format.text)
    return wanted


Json = Annotated[
    bool,
    typer.Option(
        "--json", callback=_as_json, is_eager=True, help="Print one JSON object."
    ),
]
Formatted = Annotated[
    Format,
    typer.Option(
        "--format",
        callback=_said_so,
        is_eager=True,
        help="How mistakes are shown: text, one JSON object, or GitHub's annotations.",
    ),
]
