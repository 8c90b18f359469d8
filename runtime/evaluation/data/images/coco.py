"""COCO: images, and the objects that are in them.

The label of a sample is (boxes, names, classes, image id), as in Neural Compressor:

- boxes: (objects, 4), top, left, bottom, right, each a share of the image's height or
  width;
- names: (objects,) bytes, the names of the objects' categories; () where classes say it;
- classes: int64 (objects,), the ids of the categories; () where names say it;
- image id: bytes, the name of the image's file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError, first_line
from .decoding import Pixels, read_image

SOURCE = "https://cocodataset.org/#download"

Label = tuple[
    npt.NDArray[np.floating[Any]], npt.NDArray[np.bytes_], npt.NDArray[np.int64], bytes
]
"""Boxes, names, classes and image id."""

IMG_DIR = "val2017"
ANNO_DIR = "annotations/instances_val2017.json"


@dataclass(frozen=True, slots=True)
class _Annotated:
    """An image's file and its label."""

    path: Path
    label: Label


class CocoImages:
    """Images of COCO with their objects, in the order of the annotations.

    A sample is (image, label): uint8 (height, width, 3) in RGB, and what the module's
    text says, with names: a metric may number them as the model does. Images without objects are left out, as in Neural Compressor.

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
        found = _annotated(root / anno_dir, root / img_dir, "")
        self._images = tuple(each for each in found if len(each.label[0]))
        _check(self._images, root / img_dir)

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

    A sample is (array, label): the array as it is, and what the module's text says,
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
        self._images = tuple(_annotated(root / anno_dir, root / npy_dir, ".npy"))
        _check(self._images, root / npy_dir)

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


def _annotated(path: Path, folder: Path, suffix: str) -> Iterator[_Annotated]:
    """The images of a file of annotations.

    Args:
        path: The file.
        folder: Where the images are.
        suffix: What follows the name of an image's file.
    """
    content = _json(path)
    try:
        names = {each["id"]: str(each["name"]) for each in content["categories"]}
        objects: dict[Any, list[Mapping[str, Any]]] = {}
        for each in content["annotations"]:
            if each["category_id"] in names and each["bbox"]:
                objects.setdefault(each["image_id"], []).append(each)
        for image in content["images"]:
            name = str(image["file_name"])
            label = _label(image, objects.get(image["id"], ()), names)
            yield _Annotated(folder / f"{name}{suffix}", label)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise DataError(
            f"{path.name} is no file of COCO's instances: "
            f"{type(error).__name__}: {first_line(error)}",
            f"It has images, annotations and categories, as {SOURCE} has them.",
        ) from error


def _label(
    image: Mapping[str, Any],
    objects: list[Mapping[str, Any]] | tuple[()],
    names: Mapping[Any, str],
) -> Label:
    """COCO's boxes are left, top, width and height in pixels."""
    pixels = np.array([each["bbox"] for each in objects], float).reshape(-1, 4)
    left, top, width, height = pixels.T
    edges = np.stack((top, left, top + height, left + width), axis=1)
    size = np.array([image["height"], image["width"]] * 2, float)
    kinds = [each["category_id"] for each in objects]
    return (
        edges / size,
        np.array([names[kind].encode() for kind in kinds], np.bytes_),
        np.array(kinds, np.int64),
        str(image["file_name"]).encode(),
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist",
            f"Nothing is downloaded: {SOURCE} has images and annotations.",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path.name} can't be read: {first_line(error)}") from error


def _check(images: tuple[_Annotated, ...], folder: Path) -> None:
    if not images:
        raise DataError("the annotations have no image with an object in it")
    missing = [each.path for each in images if not each.path.is_file()]
    if missing:
        raise DataError(
            f"{len(missing)} of the {len(images)} images that are annotated are not in "
            f"{folder}: {missing[0].name}",
            f"Put them there, or take them out of the annotations; {SOURCE} has them.",
        )
