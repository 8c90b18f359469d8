"""What stands where something is to be written: only files are replaced, and models."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from .errors import OccupiedError

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What is there and is never replaced."""

PARTS = ("variables", "assets", "assets.extra")
"""The folders of a SavedModel, which has nothing else than these and `.pb` files
(TensorFlow, saved_model/README.md)."""

ELSEWHERE = "Move it away, or choose another place with --output or --plan."


def kind_at(path: Path) -> str:
    """What stands there in place of a file, links followed; "" for a file or nothing."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ""
    except OSError:
        return "a link to itself" if os.path.islink(path) else ""  # noqa: PTH114
    return "" if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "no file")


def check_file(path: Path) -> None:
    """See that a file may be put there.

    Raises:
        UsageError: What stands there is none, or a link to none.
    """
    kind = kind_at(path)
    if kind:
        raise OccupiedError(f"can't write {path}: it is {kind}, no file", ELSEWHERE)


def check_model(path: Path, folder: bool) -> None:
    """See that a converted model may be put there.

    Args:
        folder: Whether it is a folder: that replaces a SavedModel, and nothing else.

    Raises:
        UsageError: Something else would be lost.
    """
    if not folder:
        check_file(path)
        return
    if path.is_dir():
        foreign = next(_foreign(path), None)
        if foreign is not None:
            raise OccupiedError(
                f"{path} would be replaced, and {foreign.name} in it is of no SavedModel",
                ELSEWHERE,
            )
    elif path.exists():
        kind = kind_at(path) or "a file"
        raise OccupiedError(f"can't write {path}: it is {kind}, no folder", ELSEWHERE)


def _foreign(folder: Path) -> Iterator[Path]:
    """What a SavedModel does not have."""
    for path in sorted(folder.iterdir()):
        known = path.name in PARTS if path.is_dir() else path.suffix == ".pb"
        if not known:
            yield path
