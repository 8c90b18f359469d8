"""Folders of files, one file a sample, a folder within for each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ....common.errors import DataError
from ....common.telling.remarks import remark


@dataclass(frozen=True)
class Labelled:
    """The files of a folder.

    Attributes:
        files: In order of their paths.
        classes: Names of the folders within, in order; () where files have no folder.
        labels: The number of its class for each file; () without classes.
    """

    files: tuple[Path, ...] = field(repr=False)
    classes: tuple[str, ...]
    labels: tuple[int, ...] = field(repr=False)

    def label(self, index: int) -> int | None:
        """Of one file, None without classes."""
        return self.labels[index] if self.classes else None


def labelled_files(path: Path, suffixes: Sequence[str], option: str) -> Labelled:
    """The files with these suffixes, those of hidden folders left out.

    Where the folder has folders that hold such files, each is a class, by number in
    order of names, and all files of it count, however deep.

    Args:
        suffixes: In small letters, with their dots.
        option: What names the folder in a spec, for messages.

    Raises:
        DataError: There is no such folder or no such file, or only some are in a class.
    """
    if not path.is_dir():
        raise DataError(
            f"{path} {'is no folder' if path.exists() else 'does not exist'}",
            f"Check {option}.",
        )
    found = sorted(
        (file.relative_to(path) for file in path.rglob("*") if _counts(file, suffixes)),
        key=lambda file: file.parts,
    )
    files = [file for file in found if seen(file)]
    if not files:
        raise DataError(
            f"{path} holds no file that ends in {' or '.join(suffixes)}",
            f"Check {option}.",
        )
    loose = [file for file in files if len(file.parts) == 1]
    whole = tuple(path / file for file in files)
    if len(loose) == len(files):
        return Labelled(whole, (), ())
    if loose:
        raise DataError(
            f"{path} holds files beside its folders of classes, such as {loose[0]}",
            "Put each into the folder of its class.",
        )
    classes = tuple(sorted({file.parts[0] for file in files}))
    for folder in sorted(path.iterdir()):
        name = Path(folder.name)
        if folder.is_dir() and seen(name) and folder.name not in classes:
            remark(
                f"{folder} holds no file that ends in {' or '.join(suffixes)}: it is no "
                "class, and classes are numbered without it"
            )
    numbers = {name: number for number, name in enumerate(classes)}
    return Labelled(whole, classes, tuple(numbers[file.parts[0]] for file in files))


def seen(path: Path) -> bool:
    """Whether neither the file nor a folder that it is in is hidden, as those are whose
    names begin with a dot.

    Args:
        path: Relative to the folder that is read.
    """
    return not any(part.startswith(".") for part in path.parts)


def is_there(path: Path) -> bool:
    """Whether there is such a file; none has a name that is no name, or too long."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _counts(file: Path, suffixes: Sequence[str]) -> bool:
    return file.suffix.lower() in suffixes and file.is_file()
