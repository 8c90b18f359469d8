"""`narrowcast run`: the script of a spec, written and run."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from .compiling import loaded, source
from .options import Formatted, Framework, SpecFile, Strict, Vendor
from .saying import begin, failure, refused, spill
from .telling.formats import Format


def run(
    context: typer.Context,
    spec: SpecFile,
    script: Annotated[
        Path | None,
        typer.Option("--script", metavar="FILE", help="Where the script goes."),
    ] = None,
    vendor: Vendor = None,
    python: Annotated[
        str | None,
        typer.Option(
            "--python",
            metavar="PATH",
            help="Another environment's python to run it in.",
        ),
    ] = None,
    strict: Strict = False,
    framework: Framework = None,
    format: Formatted = Format.text,
) -> None:
    """Generate the script for SPEC and run it.

    Further options go to the script: --output, --plan, --search, --resume, --json, …
    """
    from narrowcast.codegen import OutputError, write
    from narrowcast.codegen.vendoring.beside import copy_for
    from narrowcast.runtime.arguments import is_json_asked
    from narrowcast.runtime.common.processes.replacing import become

    if is_json_asked([str(spec), *context.args]):
        begin(Format.json)
    program = sys.executable if python is None else _interpreter(python)
    found = loaded(spec, framework, strict, _model(context.args))
    path, text = source(found, spec, script, vendor)
    try:
        copy = copy_for(path, text)
        copy.check()
        write(path, text)
        copy.put()
    except OutputError as error:
        raise failure(str(error), error.code) from error
    spill()
    become([program, str(path), *context.args])


def _interpreter(given: str) -> str:
    from narrowcast.looking.environment import interpreter
    from narrowcast.runtime.common.errors import RequirementError

    try:
        return interpreter(given)
    except RequirementError as error:
        raise refused(error) from error


def _model(options: list[str]) -> str:
    """The value of the script's `--model`, "" if it is not given."""
    for option, value in pairwise([*options, ""]):
        if option == "--model":
            return value
        if option.startswith("--model="):
            return option.removeprefix("--model=")
    return ""
