"""`narrowcast clean`: what killed runs left behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..saying import failure, say

if TYPE_CHECKING:
    from .leftovers import Leftover


def clean(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER", help="Where runs wrote; here, if none is named."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="List it and remove nothing.")
    ] = False,
) -> None:
    """Remove candidates and temporary files that killed runs left in FOLDER.

    Nothing of a run that is not over, and nothing that isn't narrowcast's own: plans,
    histories, reports, scripts and models stay. A history that --resume needs stays.
    """
    found = 0
    for folder in folders or [Path()]:
        found += _cleaned(folder, dry_run)
    if not found:
        typer.echo("nothing to clean")


def _cleaned(folder: Path, dry_run: bool) -> int:
    """How many there were; each is told."""
    from .leftovers import leftovers

    try:
        left, live = leftovers(folder)
    except OSError as error:
        raise failure(f"error: can't read {folder}: {error.strerror}") from error
    for name in live:
        say(f"{name}: a run in {folder} is not over; what is its is left alone")
    for each in left:
        if dry_run:
            typer.echo(f"would remove {each.path}")
        else:
            _removed(each)
    return len(left)


def _removed(left: Leftover) -> None:
    from narrowcast.runtime.common.errors import NarrowcastError

    from .leftovers import remove

    try:
        gone = remove(left)
    except NarrowcastError as error:
        raise failure(f"error: {error}") from error
    except OSError as error:
        raise failure(f"error: can't remove {left.path}: {error.strerror}") from error
    typer.echo(
        f"{'removed' if gone else 'left, since nothing is locked here:'} {left.path}"
    )
