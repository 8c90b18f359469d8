"""`narrowcast migrate`: a file for Neural Compressor, in today's words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import STDOUT, Formatted, Framework
from .saying import done, failure, wrong
from .telling.formats import Format


def migrate(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The YAML spec.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="NEW", help="Where it goes, if to a file."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that is there.")
    ] = False,
    framework: Framework = None,
    format: Formatted = Format.text,
) -> None:
    """Print OLD, a spec for Neural Compressor, in today's words; OLD stays as it is.

    Comments say what changed and what fell away, and which command runs it.
    """
    from narrowcast.codegen import OutputError, is_same, write
    from narrowcast.spec import SpecError, read
    from narrowcast.spec.migration import migrated

    printed = output is None or output == STDOUT
    try:
        text = migrated(
            read(old), framework or "", "NEW.yaml" if printed else str(output)
        )
    except SpecError as error:
        raise wrong(error.diagnostics) from error
    if output is None or printed:
        done(text, nl=False, spec=str(old), text=text)
        return
    if is_same(output, old):
        raise failure(f"{old} is never changed; name another file with -o", "NC902")
    try:
        changed = write(output, text, force, is_ours=lambda _text: False)
    except OutputError as error:
        raise failure(str(error), error.code) from error
    text = f"{'wrote' if changed else 'unchanged:'} {output}"
    done(text, spec=str(old), output=str(output), changed=changed)
