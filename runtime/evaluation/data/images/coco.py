"""Datasets of COCO's images, or of arrays made of them, with their objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError, first_line
from .annotations import Label, annotated, check_there
from .decoding import Pixels, read_image

IMG_DIR = "val2017"
ANNO_DIR = "annotations/instances_val2017.json"


class CocoImages:
    """Images of COCO with their objects, in the order of the annotations.

    A sample is (image, label): uint8 (height, width, 3) in RGB, and what
    `annotations.py` says, with names: a metric may number them as the model does. Images
    without objects are left out, as in Neural Compressor.

    Args:
        root: The folder of what follows.
        img_dir: The folder of images.
        anno_dir: The file of annotations, in JSON.

    Raises:
        DataError: A file is missing, or the annotations say something else.
    """

    def __init__(
        self, root: Path, *, img_dir: str = IMG_DIR, anno_dir: str = ANNO_DIR
    ) -> None:
        self.files = (root / anno_dir,)
        found = annotated(root / anno_dir, root / img_dir, "")
        self._images = tuple(each for each in found if len(each.label[0]))
        check_there(self._images, root / img_dir)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Pixels, Label]:
        image = self._images[index]
        boxes, names, _ids, name = image.label
        label = boxes, names, np.zeros(0, np.int64), name
        return read_image(image.path, str(image.path)), label

    def objects(self, index: int) -> int:
        """How many objects an image has, which is not read for that."""
        return len(self._images[index].label[0])


class CocoArrays:
    """Prepared images of COCO, each in `npy_dir/IMAGE.npy`, with their objects.

    A sample is (array, label): the array as it is, and what `annotations.py` says,
    with the ids of categories.

    Args:
        root: The folder of what follows.
        npy_dir: The folder of arrays.
        anno_dir: The file of annotations, in JSON.

    Raises:
        DataError: A file is missing, or the annotations say something else.
    """

    def __init__(
        self, root: Path, *, npy_dir: str = IMG_DIR, anno_dir: str = ANNO_DIR
    ) -> None:
        self.files = (root / anno_dir,)
        self._images = tuple(annotated(root / anno_dir, root / npy_dir, ".npy"))
        check_there(self._images, root / npy_dir)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[Any], Label]:
        image = self._images[index]
        try:
            array = np.load(image.path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{image.path} can't be read: {first_line(error)}",
                "It must be written by numpy.save.",
            ) from error
        boxes, _names, ids, name = image.label
        return array, (boxes, np.zeros(0, np.bytes_), ids, name)
