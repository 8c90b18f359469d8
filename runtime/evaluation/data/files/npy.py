"""Datasets in `.npy` files: arrays of all samples, or a file for each sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ....common.suggestion import suggestion
from ..arrays import check_lengths, single
from .folders import Labelled, labelled_files
from .lines import missing

Array = npt.NDArray[Any]

OPTION = "dataset.npy.path"


@dataclass(frozen=True)
class Stored:
    """Arrays whose first axis counts the samples, each mapped from its file.

    Attributes:
        files: Of the inputs, in order, and of the labels.
        inputs: One for each input of the model, each (samples, …).
        labels: (samples, …), None if there are none.
    """

    files: tuple[Path, ...]
    inputs: tuple[Array, ...] = field(repr=False)
    labels: Array | None = field(repr=False)

    def __len__(self) -> int:
        return len(self.inputs[0])

    def __getitem__(self, index: int) -> tuple[tuple[Array, ...], Any]:
        inputs = tuple(single(np.array(array[index])) for array in self.inputs)
        return inputs, None if self.labels is None else np.array(self.labels[index])


@dataclass(frozen=True)
class ArrayFolder:
    """One array a file, one file a sample, a folder for each class."""

    found: Labelled

    @property
    def files(self) -> tuple[Path, ...]:
        return self.found.files

    def __len__(self) -> int:
        return len(self.found.files)

    def __getitem__(self, index: int) -> tuple[Array, int | None]:
        """The array of one file, and the number of its class.

        Raises:
            DataError: It is no array, or holds Python objects.
        """
        return single(_loaded(self.found.files[index])), self.found.label(index)


def read_npy(path: Path, *, inputs: Sequence[str], label: str | None) -> Stored:
    """Named arrays of a folder, which stay on disk but for what is read.

    Args:
        path: A folder; the array `x` is its file `x.npy`.
        inputs: Names of the arrays (samples, …) that feed the model, in its order.
        label: Name of the labels (samples, …), None for none.

    Raises:
        DataError: One is missing or no array, or they differ in length.
    """
    names = (*inputs, *(() if label is None else (label,)))
    files = tuple(_named(path, name) for name in names)
    arrays = [_mapped(file) for file in files]
    given = tuple(arrays[: len(inputs)])
    labels = None if label is None else arrays[-1]
    check_lengths(given, labels, path.name, names=inputs, label=label)
    return Stored(files, given, labels)


def _named(folder: Path, name: str) -> Path:
    file = folder / f"{name}.npy"
    if file.is_file():
        return file
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder", f"Check {OPTION}.")
    known = sorted(each.stem for each in folder.glob("*.npy"))
    raise DataError(f"{folder.name} has no array {name}.npy", suggestion(name, known))


def npy_folder(path: Path) -> ArrayFolder:
    """The `.npy` files of a folder, in order of their paths.

    Raises:
        DataError: There are none.
    """
    return ArrayFolder(labelled_files(path, (".npy",), OPTION))


def _mapped(path: Path) -> Array:
    return _loaded(path, "r")


def _loaded(path: Path, mode: Any = None) -> Array:
    """Raises:
    DataError: It is no array, or holds Python objects.
    """
    try:
        found = np.load(path, mmap_mode=mode, allow_pickle=False)
    except FileNotFoundError as error:
        raise missing(path, OPTION, error) from error
    except Exception as error:  # NumPy's parser has errors of its own
        raise DataError(
            f"{path.name} can't be read: {error}", "It must be written by numpy.save."
        ) from error
    if not isinstance(found, np.ndarray):
        raise DataError(
            f"{path.name} is an archive, not one array", "Name it by dataset.npz."
        )
    return found
