"""From a spec's file to a script's text, for the commands that generate one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .saying import failure, tell

if TYPE_CHECKING:
    from narrowcast.spec import Spec


def loaded(path: Path, framework: str | None, strict: bool, model: str = "") -> Spec:
    """The spec; its notes are told.

    Raises:
        typer.Exit: It is no valid spec, which is told.
    """
    from narrowcast.spec import SpecError, load

    try:
        spec = load(path, framework=framework or "", model=model)
    except SpecError as error:
        raise failure(str(error)) from error
    tell(spec.notices, strict)
    return spec


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
    except (OutputError, ValueError) as error:
        raise failure(str(error)) from error
    return path, render(script)


def _standing(path: Path) -> Path:
    """The file in the folder it really is in, as a script finds its own folder."""
    return path.parent.resolve() / path.name
