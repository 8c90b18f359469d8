"""`narrowcast run`: the script of a spec, written and run."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from .compiling import loaded, source
from .options import Framework, SpecFile, Strict, Vendor
from .saying import failure


def run(
    context: typer.Context,
    spec: SpecFile,
    script: Annotated[
        Path | None,
        typer.Option("--script", metavar="FILE", help="Where the script goes."),
    ] = None,
    vendor: Vendor = None,
    strict: Strict = False,
    framework: Framework = None,
) -> None:
    """Generate the script for SPEC and run it.

    Further options go to the script: --output, --plan, --search, --resume, --json, …
    """
    from narrowcast.codegen import OutputError, write
    from narrowcast.codegen.vendoring.beside import copy_for
    from narrowcast.runtime.common.processes.replacing import become

    found = loaded(spec, framework, strict, _model(context.args))
    path, text = source(found, spec, script, vendor)
    try:
        copy = copy_for(path, text)
        copy.check()
        write(path, text)
        copy.put()
    except OutputError as error:
        raise failure(str(error)) from error
    become([sys.executable, str(path), *context.args])


def _model(options: list[str]) -> str:
    """The value of the script's `--model`, "" if it is not given."""
    for option, value in pairwise([*options, ""]):
        if option == "--model":
            return value
        if option.startswith("--model="):
            return option.removeprefix("--model=")
    return ""
