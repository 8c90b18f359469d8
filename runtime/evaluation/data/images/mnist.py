"""MNIST and Fashion-MNIST: 28 × 28 grey images of ten classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..arrays import Arrays, checked
from ..files.npz import read_npz
from .classes import classes
from .idx import read_idx

DIGITS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
FASHION = "https://github.com/zalandoresearch/fashion-mnist"


def read_mnist(root: Path, *, train: bool = False) -> Arrays:
    """The digits of `mnist.npz`, or of the four IDX files, packed or not.

    They are looked for in the folder, and in `MNIST` and `MNIST/raw` in it.

    Args:
        root: The folder.
        train: Whether the 60 000 to learn from are read, not the 10 000 to test with.

    Returns:
        Images uint8 (samples, 28, 28, 1); labels int64 (samples,).

    Raises:
        DataError: The files are not there, or hold something else.
    """
    folders = _folders(root, "MNIST")
    for folder in folders:
        if (folder / "mnist.npz").is_file():
            return _archive(folder / "mnist.npz", "train" if train else "test")
    found = _idx(folders, train)
    if found is None:
        raise _missing("mnist.npz", train, root, DIGITS)
    return found


def read_fashion_mnist(root: Path, *, train: bool = False) -> Arrays:
    """The clothes of the four IDX files, packed or not.

    They are looked for in the folder, and in `FashionMNIST` and `FashionMNIST/raw`.

    Args:
        root: The folder.
        train: Whether the 60 000 to learn from are read, not the 10 000 to test with.

    Returns:
        Images uint8 (samples, 28, 28, 1); labels int64 (samples,).

    Raises:
        DataError: The files are not there, or hold something else.
    """
    found = _idx(_folders(root, "FashionMNIST"), train)
    if found is None:
        raise _missing("", train, root, FASHION)
    return found


def _folders(root: Path, name: str) -> tuple[Path, ...]:
    """Where Neural Compressor, and where torchvision has the files."""
    return root, root / name, root / name / "raw"


def _archive(path: Path, part: str) -> Arrays:
    found = read_npz(path, inputs=(f"x_{part}", f"y_{part}"), label=None)
    images, labels = found.inputs
    return _arrays(images, labels, path.name)


def _idx(folders: tuple[Path, ...], train: bool) -> Arrays | None:
    names = _names(train)
    for folder in folders:
        images, labels = (_packed_or_not(folder / name) for name in names)
        if images and labels:
            return _arrays(read_idx(images), read_idx(labels), images.name)
    return None


def _names(train: bool) -> tuple[str, str]:
    part = "train" if train else "t10k"
    return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"


def _packed_or_not(path: Path) -> Path | None:
    packed = path.with_name(f"{path.name}.gz")
    return next((each for each in (packed, path) if each.is_file()), None)


def _arrays(
    images: npt.NDArray[np.generic], labels: npt.NDArray[np.generic], where: str
) -> Arrays:
    if images.ndim != 3 or images.dtype != np.uint8 or labels.ndim != 1:
        raise DataError(
            f"{where}: {images.dtype} images {images.shape} and labels {labels.shape}",
            "Images are uint8 (samples, height, width), with a label for each.",
        )
    return checked(
        Arrays((images[..., np.newaxis],), classes(labels, 10, where)), where
    )


def _missing(archive: str, train: bool, root: Path, source: str) -> DataError:
    files = " and ".join(f"{name}.gz" for name in _names(train))
    return DataError(
        f"{root} holds neither {archive} nor {files}"
        if archive
        else f"{root} does not hold {files}",
        f"Nothing is downloaded: put there what {source} has.",
    )
