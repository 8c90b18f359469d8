"""`narrowcast run`: the script of a spec, written and run; or those of many."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from narrowcast.runtime.common.telling.early import is_json_asked

from .compiling import loaded, source
from .many import STDIN, spec_files
from .options import Formatted, Framework, Strict, Vendor
from .saying import begin, failure, refused, spill
from .telling.formats import Format


def run(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC",
            help="YAML specs, folders of them, or - for standard input; then what the "
            "scripts are to be given.",
            show_default=False,
        ),
    ],
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="ENGINE",
            help="Run each on a worker of dask://HOST:PORT, ray or ray://HOST:PORT.",
        ),
    ] = None,
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
    """Generate the script for SPEC and run it; several one after another, or on ENGINE.

    Further options go to the script: --output, --plan, --search, --resume, --json, …
    """
    if is_json_asked(given):
        begin(Format.json)
    named, options = _split(given)
    if format is Format.json and not is_json_asked(options):
        options.append("--json")
    specs = spec_files(named)
    several = on is not None or len(specs) > 1 or named[0].is_dir()
    if several:
        _check(specs, script, on, python)
    program = "" if python is None else _interpreter(python)
    model = "" if several else _model(options)

    def write(spec: Path) -> tuple[str, Path]:
        found = loaded(spec, framework, strict, model)
        path, text = source(found, spec, script, vendor)
        _put(path, text)
        return found.model.slug, Path(os.path.abspath(path))  # noqa: PTH100 (links stay)

    if not several:
        _become(program or sys.executable, write(specs[0])[1], options)
    from .fleet.fleet import fleet

    fleet(specs, write, options, on=on, python=program)


def _put(path: Path, text: str) -> None:
    """Put a script in place, and its copy of the runtime."""
    from narrowcast.codegen import OutputError, write
    from narrowcast.codegen.vendoring.beside import copy_for

    try:
        with copy_for(path, text).in_place():
            write(path, text)
    except OutputError as error:
        raise failure(str(error), error.code) from error


def _become(program: str, script: Path, options: list[str]) -> NoReturn:
    from narrowcast.runtime.common.processes.replacing import become

    spill()
    become([program, str(script), *options])


def _split(given: list[str]) -> tuple[list[Path], list[str]]:
    """The specs, and the script's options: all from the first of them on."""
    first = next(
        (k for k, each in enumerate(given) if each.startswith("-") and each != "-"),
        len(given),
    )
    if not first:
        raise failure(
            f"error: {given[0]} stands before any spec\n"
            "  Name the specs first, and then the script's options."
        )
    return [Path(each) for each in given[:first]], given[first:]


def _check(
    specs: Sequence[Path], script: Path | None, on: str | None, python: str | None
) -> None:
    """What is for one spec, or for this machine.

    Raises:
        typer.Exit: It is given with several, or with an engine.
    """
    if STDIN in specs:
        raise failure(
            "error: - is for one spec alone\n  Name its file, without --on too."
        )
    if script is not None:
        raise failure(
            f"error: --script {script} is one file, and specs may be several here\n"
            "  Leave it out: each script is written beside its spec."
        )
    if on is not None and python is not None:
        raise failure(
            "error: --python is for this machine, and --on for others\n"
            "  Start the engine's workers in the environment that is to run the scripts."
        )


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
