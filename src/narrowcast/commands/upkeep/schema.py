"""`narrowcast schema`: what editors check and complete specs by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import STDOUT
from ..saying import failure


def schema(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where it goes."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that is something else.")
    ] = False,
) -> None:
    """Print the JSON Schema of specs, for editors: draft-07, with what each key means."""
    from narrowcast.codegen import OutputError, write
    from narrowcast.spec.reference.schema import is_ours, schema_text

    text = schema_text()
    if output is None or output == STDOUT:
        typer.echo(text, nl=False)
        return
    try:
        changed = write(output, text, force, is_ours)
    except OutputError as error:
        raise failure(str(error), error.code) from error
    typer.echo(f"{'wrote' if changed else 'unchanged:'} {output}")
