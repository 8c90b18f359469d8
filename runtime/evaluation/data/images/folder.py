"""Images in folders, and images that a list names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ....common.errors import DataError
from ....common.telling.remarks import remark
from ..files.folders import is_there, seen
from .decoding import EXTENSIONS, Pixels, read_image

LABEL = re.compile(r"-?[0-9]{1,18}")
"""A number of at most 64 bits."""

SHOWN = 200
"""Characters of a line or a path that a message shows."""


NAMED = 3
"""Empty folders that a warning names."""


class ImageFolder:
    """Images of `root/CLASS/…`, classes and images in order of their names.

    A sample is (image, label): uint8 (height, width, 3) in RGB, and the number of its
    class. Classes are the folders in `root`, an image is what ends like one, at any
    depth; files and folders whose names begin with a dot are passed over.

    Args:
        root: The folder of folders.

    Raises:
        DataError: There is no such folder, or no image in it.
    """

    def __init__(self, root: Path) -> None:
        self.classes = tuple(folder.name for folder in _folders(root))
        self._root = root
        self._images = tuple(
            (path, label)
            for label, name in enumerate(self.classes)
            for path in _images(root, name)
        )
        if not self._images:
            raise DataError(
                f"{root} holds no image in a folder of its class",
                "Arrange it as root/CLASS/IMAGE; an image ends in "
                f"{', '.join(sorted(EXTENSIONS))}.",
            )
        held = {label for _path, label in self._images}
        _tell_of_empty(name for k, name in enumerate(self.classes) if k not in held)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Pixels, int]:
        name, label = self._images[index]
        path = self._root / name
        return read_image(path, str(path)), label


class ListedImages:
    """Images that a list names with their labels, in the list's order.

    A sample is (image, label): uint8 (height, width, 3) in RGB, and the list's number.

    Args:
        data_path: The folder that names are relative to.
        image_list: A text file, an image and its label in each line; None for
            `val.txt` in the folder.

    Raises:
        DataError: The list or an image is missing, or a line says something else.
    """

    def __init__(self, data_path: Path, image_list: Path | None = None) -> None:
        listed = data_path / "val.txt" if image_list is None else image_list
        self.files = (listed,)
        self._root = data_path
        self._images = tuple(_listed(listed))
        names = (name for name, _label in self._images)
        missing = [name for name in names if not is_there(data_path / name)]
        if missing:
            raise DataError(
                f"{len(missing)} of {len(self)} images that {listed.name} names are "
                f"not there: {str(data_path / missing[0])[:SHOWN]}",
                "Put them there, or take them off the list.",
            )

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Pixels, int]:
        name, label = self._images[index]
        path = self._root / name
        return read_image(path, str(path)), label


def _tell_of_empty(classes: Iterable[str]) -> None:
    """Have it said that these have no image: a class that was not unpacked."""
    names = list(classes)
    if not names:
        return
    more = f" and {len(names) - NAMED} more" if names[NAMED:] else ""
    remark(
        f"no image in {', '.join(names[:NAMED])}{more}, which each count as a class: "
        "nothing is known of how the model does on these"
    )


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise DataError(
            f"{root} is no folder", "dataset.root holds a folder for each class."
        )
    found = (
        path
        for path in root.iterdir()
        if path.is_dir() and seen(path.relative_to(root))
    )
    return sorted(found, key=lambda path: path.name)


def _images(root: Path, name: str) -> list[str]:
    """Paths of a class's images in the root, in order."""
    found = (
        path.relative_to(root)
        for path in (root / name).rglob("*")
        if path.suffix.lower() in EXTENSIONS and path.is_file()
    )
    return sorted(path.as_posix() for path in found if seen(path))


def _listed(path: Path) -> list[tuple[str, int]]:
    """Names and labels; the label is what follows the last white space of a line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist",
            "It names an image and its label in each line: dataset.image_list says "
            "where it is.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} can't be read: {error}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        *names, label = line.rsplit(maxsplit=1)
        if not names or not LABEL.fullmatch(label):
            raise DataError(
                f"{path.name}, line {number}: {line.strip()[:SHOWN]!r} is not an image "
                "and its label",
                "Write `IMAGE NUMBER` in each line.",
            )
        found.append((names[0].strip(), int(label)))
    if not found:
        raise DataError(f"{path.name} names no image")
    return found
