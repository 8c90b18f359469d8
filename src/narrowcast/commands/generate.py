"""`narrowcast generate`: the script of a spec, written or compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .compiling import loaded, source
from .options import DRIFT, Framework, SpecFile, Strict, Vendor
from .saying import failure, say

Target = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where the script goes."),
]


def generate(
    spec: SpecFile,
    output: Target = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 if the script is not up to date.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print what would change; exit 1 if any.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that was not generated.")
    ] = False,
    vendor: Vendor = None,
    strict: Strict = False,
    framework: Framework = None,
) -> None:
    """Write the conversion script for SPEC, or compare it with what is there."""
    from narrowcast.codegen import OutputError, difference, write
    from narrowcast.codegen.vendoring.beside import copy_for

    path, text = source(loaded(spec, framework, strict), spec, output, vendor)
    try:
        copy = copy_for(path, text)
        if check or diff:
            changes = difference(path, text) + copy.difference()
            if diff:
                typer.echo(changes, nl=False)
            elif changes:
                what = f"{path} is" if copy.is_none else f"{path} with its copy is"
                say(f"{what} not what {spec} generates; --diff shows how it differs")
            raise typer.Exit(DRIFT if changes else 0)
        copy.check()
        changed = write(path, text, force)
        copied = copy.put()
    except OutputError as error:
        raise failure(str(error)) from error
    typer.echo(f"{'wrote' if changed else 'unchanged:'} {path}")
    if copied:
        typer.echo(f"wrote {copy.folder}")
    for other in copy.others:
        say(f"note: {other} needs another copy than is there now: generate it again")
