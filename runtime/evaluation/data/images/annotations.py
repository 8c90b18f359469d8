"""COCO's annotations: the objects that are in images.

The label of a sample is (boxes, names, classes, image id), as in Neural Compressor:

- boxes: (objects, 4), top, left, bottom, right, each a share of the image's height or
  width;
- names: (objects,) bytes, the names of the objects' categories; () where classes say it;
- classes: int64 (objects,), the ids of the categories; () where names say it;
- image id: bytes, the name of the image's file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError, first_line
from ..files.folders import is_there

SOURCE = "https://cocodataset.org/#download"

Label = tuple[
    npt.NDArray[np.floating[Any]], npt.NDArray[np.bytes_], npt.NDArray[np.int64], bytes
]
"""Boxes, names, classes and image id."""

LARGEST_ID = 2**63 - 1

SHOWN = 200
"""Characters of a value that a message shows."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """An image's file and its label."""

    path: Path
    label: Label


def annotated(path: Path, folder: Path, suffix: str) -> Iterator[Annotated]:
    """The images of a file of annotations.

    Args:
        path: The file.
        folder: Where the images are.
        suffix: What follows the name of an image's file.
    """
    content = _json(path)
    try:
        names = {_category(each): str(each["name"]) for each in content["categories"]}
        objects: dict[Any, list[Mapping[str, Any]]] = {}
        for each in content["annotations"]:
            if each["category_id"] in names and each["bbox"] != []:
                _check_box(each)
                objects.setdefault(each["image_id"], []).append(each)
        for image in content["images"]:
            name = str(image["file_name"])
            label = _label(image, objects.get(image["id"], ()), names)
            yield Annotated(folder / f"{name}{suffix}", label)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"{path.name} is no file of COCO's instances: "
            f"{type(error).__name__}: {first_line(error)[:SHOWN]}",
            f"It has images, annotations and categories, as {SOURCE} has them.",
        ) from error


def _category(category: Mapping[str, Any]) -> int:
    number = category["id"]
    if not isinstance(number, int) or abs(number) > LARGEST_ID:
        raise ValueError(f"the category {number!r} is no whole number of 64 bits")
    return number


def _check_box(annotation: Mapping[str, Any]) -> None:
    box = annotation["bbox"]
    if (
        not isinstance(box, list)
        or len(box) != len(("left", "top", "width", "height"))
        or not all(map(_finite, box))
    ):
        raise ValueError(
            f"annotation {annotation.get('id', 'without an id')} of image {annotation['image_id']}: its "
            f"bbox is {str(box)[:SHOWN]}, not 4 finite numbers"
        )


def _extent(image: Mapping[str, Any], side: str) -> float:
    """The height or the width of an image in pixels."""
    found = image[side]
    if not _finite(found) or found <= 0:
        raise ValueError(f"image {image['id']}: its {side} is {str(found)[:SHOWN]}")
    return float(found)


def _finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def _label(
    image: Mapping[str, Any],
    objects: list[Mapping[str, Any]] | tuple[()],
    names: Mapping[Any, str],
) -> Label:
    """COCO's boxes are left, top, width and height in pixels."""
    pixels = np.array([each["bbox"] for each in objects], float).reshape(-1, 4)
    left, top, width, height = pixels.T
    edges = np.stack((top, left, top + height, left + width), axis=1)
    size = np.array([_extent(image, side) for side in ("height", "width")] * 2)
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


def check_there(images: tuple[Annotated, ...], folder: Path) -> None:
    if not images:
        raise DataError("the annotations have no image with an object in it")
    missing = [each.path for each in images if not is_there(each.path)]
    if missing:
        raise DataError(
            f"{len(missing)} of the {len(images)} images that are annotated are not in "
            f"{folder}: {missing[0].name[:SHOWN]}",
            f"Put them there, or take them out of the annotations; {SOURCE} has them.",
        )
