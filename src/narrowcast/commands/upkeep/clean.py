"""`narrowcast clean`: what killed runs left behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..saying import failure, refused, say

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
        raise failure(f"can't read {folder}: {error.strerror}", "NC901") from error
    for name in live:
        say(f"{name}: a run in {folder} is not over; what is its is left alone")
    for each in left:
        if dry_run:
            typer.echo(f"would remove {each.path}")
        else:
            _removed(each)
    return len(left) + _copies(folder, dry_run)


def _copies(folder: Path, dry_run: bool) -> int:
    """How many copies of the runtime a killed `generate` left; each is told."""
    from narrowcast.codegen.vendoring.exchange import abandoned, remove
    from narrowcast.codegen.vendoring.runtime import BESIDE

    place = folder / BESIDE
    # One that was moved away, and nothing came in its place: `generate` puts it back.
    left = [e for e in abandoned(place) if place.exists() or e.suffix != ".old"]
    for each in left:
        if not dry_run:
            remove(each)
            if each.exists():
                raise failure(f"can't remove {each}", "NC901")
        typer.echo(f"{'would remove' if dry_run else 'removed'} {each}")
    return len(left)


def _removed(left: Leftover) -> None:
    from narrowcast.runtime.common.errors import NarrowcastError

    from .leftovers import remove

    try:
        gone = remove(left)
    except NarrowcastError as error:
        raise refused(error) from error
    except OSError as error:
        raise failure(f"can't remove {left.path}: {error.strerror}", "NC901") from error
    typer.echo(
        f"{'removed' if gone else 'left, since nothing is locked here:'} {left.path}"
    )
