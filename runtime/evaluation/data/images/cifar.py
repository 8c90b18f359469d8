"""CIFAR-10 and CIFAR-100: 32 × 32 images in colour, in ten or a hundred classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....common.errors import DataError
from ..arrays import Arrays, checked
from .classes import classes
from .pickled import read_batch

SOURCE = "https://www.cs.toronto.edu/~kriz/{}.tar.gz"
SIDE, CHANNELS = 32, 3
PIXELS = CHANNELS * SIDE * SIDE


def read_cifar10(root: Path, *, train: bool = False) -> Arrays:
    """The images of `cifar-10-python.tar.gz`, unpacked.

    The files are looked for in the folder, and in `cifar-10-batches-py` in it.

    Args:
        root: The folder.
        train: Whether the 50 000 to learn from are read, not the 10 000 to test with.

    Returns:
        Images uint8 (samples, 32, 32, 3) in RGB; labels int64 (samples,).

    Raises:
        DataError: The files are not there, or hold something else.
    """
    names = [f"data_batch_{k}" for k in range(1, 6)] if train else ["test_batch"]
    folder = _folder(root, "cifar-10-batches-py", names, "cifar-10-python")
    return _read([folder / name for name in names], "labels", 10)


def read_cifar100(root: Path, *, train: bool = False) -> Arrays:
    """The images of `cifar-100-python.tar.gz`, unpacked, with their fine labels.

    The files are looked for in the folder, and in `cifar-100-python` in it.

    Args:
        root: The folder.
        train: Whether the 50 000 to learn from are read, not the 10 000 to test with.

    Returns:
        Images uint8 (samples, 32, 32, 3) in RGB; labels int64 (samples,).

    Raises:
        DataError: The files are not there, or hold something else.
    """
    names = ["train" if train else "test"]
    folder = _folder(root, "cifar-100-python", names, "cifar-100-python")
    return _read([folder / name for name in names], "fine_labels", 100)


def _folder(root: Path, inner: str, names: list[str], source: str) -> Path:
    for folder in (root, root / inner):
        if all((folder / name).is_file() for name in names):
            return folder
    raise DataError(
        f"{root} does not hold {', '.join(names)}",
        f"Nothing is downloaded: unpack {SOURCE.format(source)} there.",
    )


def _read(paths: list[Path], key: str, count: int) -> Arrays:
    images, labels = [], []
    for path in paths:
        pixels, numbers = read_batch(path, key)
        if pixels.ndim != 2 or pixels.shape[1] != PIXELS:
            raise DataError(
                f"{path.name}: an image is {pixels.shape[1:]} bytes, not {PIXELS}"
            )
        images.append(pixels)
        labels.append(classes(numbers, count, path.name))
    stacked = np.concatenate(images).reshape(-1, CHANNELS, SIDE, SIDE)
    last = np.ascontiguousarray(stacked.transpose(0, 2, 3, 1))
    return checked(Arrays((last,), np.concatenate(labels)), paths[0].name)
