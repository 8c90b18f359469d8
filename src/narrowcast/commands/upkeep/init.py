"""`narrowcast init`: a first spec of a model, commented and valid."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..options import STDOUT, Framework
from ..saying import failure, refused, wrong

MISSING = """\
error: --model is missing
  Name the model's file, its folder, or what makes it (PACKAGE.MODULE:FACTORY); for one
  that the script is given later, --name and --framework are enough."""


def init(
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Its file or folder, or package.module:name.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="FILE", help="Of what a factory makes."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="What it is called; as its file, if left out."),
    ] = None,
    framework: Framework = None,
    precisions: Annotated[
        str | None,
        typer.Option(
            "--precisions", metavar="NAMES", help="bf16, fp16, or both; int8,bf16."
        ),
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option("--runtime", metavar="NAME", help="What executes an ONNX model."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="NAME.yaml, if left out."),
    ] = None,
    look: Annotated[
        bool,
        typer.Option("--look/--no-look", help="Whether to look into the model's file."),
    ] = True,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema/--no-schema",
            help="Whether editors find narrowcast.schema.json beside the spec.",
        ),
    ] = True,
) -> None:
    """Write a first spec: what the model's file tells, and comments for the rest.

    Asks for what is not given, on a terminal. Nothing that is there is overwritten.
    """
    from narrowcast.beginning.asking import Given, filled
    from narrowcast.beginning.begin import begin
    from narrowcast.runtime.common.errors import NarrowcastError
    from narrowcast.spec import SpecError

    if output == STDOUT:
        raise failure("-o - names no file\nLeave it out, or name one.")
    given = Given(model, weights, name, framework, precisions, runtime)
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    if not asks and not model and not (name and framework):
        raise failure(MISSING)
    try:
        answers = filled(given, asks)
        made = begin(answers, output, look=look, schema=schema)
    except NarrowcastError as error:
        raise refused(error) from error
    except SpecError as error:
        raise wrong(error.diagnostics) from error
    for path in made:
        typer.echo(f"wrote {path}")
    typer.echo(f"next: narrowcast generate {made[-1]}")
