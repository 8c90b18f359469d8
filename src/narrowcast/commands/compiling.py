"""From a spec's file to a script's text, for the commands that generate one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .many import STDIN
from .saying import failure, tell, wrong

if TYPE_CHECKING:
    from narrowcast.spec import Spec

TYPED = "<stdin>"
"""What standard input is called in messages."""


def loaded(path: Path, framework: str | None, strict: bool, model: str = "") -> Spec:
    """The spec; its notes are told.

    Args:
        path: Its file, or `-` for standard input.

    Raises:
        typer.Exit: It is no valid spec, which is told.
    """
    from narrowcast.spec import SpecError, load, loads

    given = framework or ""
    try:
        if path == STDIN:
            spec = loads(typed(), TYPED, framework=given, model=model)
        else:
            spec = load(path, framework=given, model=model)
    except SpecError as error:
        raise wrong(error.diagnostics) from error
    tell(spec.notices, strict)
    return spec


def typed() -> str:
    """The spec on standard input.

    Raises:
        SpecError: It is no text, or too long.
        typer.Exit: It is closed, which is told.
    """
    from narrowcast.spec.load import LIMIT, decoded

    if sys.stdin is None:
        raise failure("standard input is closed\nName the spec's file instead of -.")
    return decoded(sys.stdin.buffer.read(LIMIT + 1), TYPED)


def source(
    spec: Spec, spec_file: Path, output: Path | None, vendor: bool | None = None
) -> tuple[Path, str]:
    """The script's path and text.

    Args:
        vendor: Whether the runtime is copied beside it; None: as it is now.

    Raises:
        typer.Exit: No script can be made of it, which is told.
    """
    from narrowcast.codegen import OutputError, compile_script, default_name, render
    from narrowcast.codegen.vendoring.beside import runtime_for

    path = spec_file.parent / default_name(spec) if output is None else output
    try:
        runtime = runtime_for(path, vendor)
        script = compile_script(spec, _standing(spec_file), _standing(path), runtime)
    except OutputError as error:
        raise failure(str(error), error.code) from error
    except ValueError as error:
        raise failure(str(error), "NC803") from error
    return path, render(script)


def _standing(path: Path) -> Path:
    """The file in the folder it really is in, as a script finds its own folder."""
    return path.parent.resolve() / path.name
