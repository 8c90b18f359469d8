"""`narrowcast validate`: whether a spec is one."""

from __future__ import annotations

import typer

from .options import Framework, SpecFile, Strict
from .saying import failure, tell


def validate(
    spec: SpecFile, strict: Strict = False, framework: Framework = None
) -> None:
    """Check SPEC without writing anything."""
    from narrowcast.spec import SpecError, check

    try:
        notices = check(spec, framework=framework or "")
    except SpecError as error:
        raise failure(str(error)) from error
    tell(notices, strict)
    typer.echo(f"{spec} is valid")
