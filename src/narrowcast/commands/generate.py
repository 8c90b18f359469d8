"""`narrowcast generate`: the scripts of specs, written or compared."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from .compiling import loaded, source
from .many import for_each, spec_files
from .options import DRIFT, STDOUT, Formatted, Framework, SpecFiles, Strict, Vendor
from .saying import done, failure, is_json, say
from .telling.formats import Format

Target = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Where the script goes; - prints it."
    ),
]


def generate(
    specs: SpecFiles,
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
    format: Formatted = Format.text,
) -> None:
    """Write the conversion script of each SPEC, or compare it with what is there.

    A spec that fails stops no other.
    """
    from narrowcast.codegen import is_same

    chosen = spec_files(specs)
    if output is not None and len(chosen) > 1:
        raise failure(
            f"error: -o {output} is one file, and these are {len(chosen)} specs\n"
            "  Leave -o out: each script is written beside its spec."
        )
    if output == STDOUT and (check or diff or vendor):
        raise failure(
            "error: -o - writes no file\n  Leave --check, --diff and --vendor out."
        )
    made: dict[str, Path] = {}

    def one(spec: Path) -> int:
        beside = None if output == STDOUT else output
        path, text = source(loaded(spec, framework, strict), spec, beside, vendor)
        if output == STDOUT:
            done(text, nl=False, spec=str(spec), script=text)
            return 0
        first = made.setdefault(os.path.realpath(path), spec)
        if first != spec:
            raise failure(
                f"error: {spec} and {first} both generate {path}\n"
                "  Give their models other names."
            )
        if is_same(path, spec):
            raise failure(f"{path} is the spec; name another file with -o", "NC902")
        if check or diff:
            return _compared(spec, path, text, diff)
        return _written(spec, path, text, force)

    for_each(chosen, one)


def _compared(spec: Path, path: Path, text: str, diff: bool) -> int:
    """Tell how the script, and its copy of the runtime, differ from what is there."""
    from narrowcast.codegen import OutputError, difference
    from narrowcast.codegen.vendoring.beside import copy_for

    try:
        copy = copy_for(path, text)
        changes = difference(path, text) + copy.difference()
    except OutputError as error:
        raise failure(str(error), error.code) from error
    if diff:
        done(changes, nl=False, spec=str(spec), output=str(path), diff=changes)
    if changes and (not diff or is_json()):
        return failure(_drift(spec, path, copy.is_none), "NC911", DRIFT, path).exit_code
    return DRIFT if changes else 0


def _drift(spec: Path, path: Path, alone: bool) -> str:
    """What is not up to date, and what can be done about it."""
    if not path.exists():
        return f"there is no script of {spec}\nnarrowcast generate {spec} writes it."
    what = "it is" if alone else "it, with its copy of the runtime, is"
    return f"{what} not what {spec} generates\n--diff shows how it differs."


def _written(spec: Path, path: Path, text: str, force: bool) -> int:
    """Put the script in place, and its copy of the runtime."""
    from narrowcast.codegen import OutputError, write
    from narrowcast.codegen.vendoring.beside import copy_for

    try:
        copy = copy_for(path, text)
        # The copy first: if there is no room for it, the script that is there works on.
        with copy.in_place() as copied:
            changed = write(path, text, force)
    except OutputError as error:
        raise failure(str(error), error.code) from error
    text = f"{'wrote' if changed else 'unchanged:'} {path}"
    if copied:
        text += f"\nwrote {copy.folder}"
    done(text, spec=str(spec), output=str(path), changed=changed or copied)
    for other in copy.others:
        say(f"note: {other} needs another copy than is there now: generate it again")
    return 0
