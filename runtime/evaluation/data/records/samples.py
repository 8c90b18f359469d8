"""A record of an image → a sample: what TensorFlow's scripts call its features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..images.annotations import Label
from ..images.decoding import Pixels, read_classes, read_image
from .example import Example, Malformed, Value, read_example

IMAGE = "image/encoded"
CLASS = "image/class/label"
CLASSES_OF_PIXELS = "image/segmentation/class/encoded"
NAMES_OF_OBJECTS = "image/object/class/text"
CLASSES_OF_OBJECTS = "image/object/class/label"
EDGES = tuple(f"image/object/bbox/{edge}" for edge in ("ymin", "xmin", "ymax", "xmax"))

WRITTEN = "Write it as create_coco_tf_record.py of TensorFlow's models does."


def imagenet_sample(record: bytes, where: str) -> tuple[Pixels, int]:
    """An image uint8 (height, width, 3) in RGB, and its class as the record has it.

    TensorFlow's script counts classes from 1, 0 is the background's: a model of 1000
    classes needs the postprocessing LabelShift: 1.

    Raises:
        DataError: It is none.
    """
    example = _example(record, where)
    return read_image(_one(example, IMAGE, where), where), _class(example, where)


def voc_sample(record: bytes, where: str) -> tuple[Pixels, Pixels]:
    """An image uint8 (height, width, 3) in RGB, and classes uint8 (height, width, 1).

    Raises:
        DataError: It is none.
    """
    example = _example(record, where)
    image = read_image(_one(example, IMAGE, where), where)
    classes = read_classes(_one(example, CLASSES_OF_PIXELS, where), where)
    if classes.shape[:2] != image.shape[:2]:
        raise DataError(
            f"{where}: an image of {image.shape[:2]} and classes of "
            f"{classes.shape[:2]} pixels",
            "Write a class for each pixel of the image.",
        )
    return image, classes


def coco_sample(record: bytes, where: str) -> tuple[Pixels, Label]:
    """An image uint8 (height, width, 3) in RGB, and its objects.

    The label is (boxes, names, classes, image id) as `images/annotations.py` says, boxes in
    float32; the image id is the record's `image/source_id`.

    Raises:
        DataError: It is none.
    """
    example = _example(record, where)
    boxes = _boxes(example, where)
    names = _of_objects(example, NAMES_OF_OBJECTS, len(boxes), where)
    classes = _of_objects(example, CLASSES_OF_OBJECTS, len(boxes), where)
    if len(boxes) and not len(names) and not len(classes):
        raise DataError(
            f"{where} has boxes and no {NAMES_OF_OBJECTS}, no {CLASSES_OF_OBJECTS}",
            WRITTEN,
        )
    label = (
        boxes,
        np.array(names, np.bytes_).reshape(-1),
        np.array(classes, np.int64).reshape(-1),
        _one(example, "image/source_id", where, b""),
    )
    return read_image(_one(example, IMAGE, where), where), label


def objects_in(record: bytes, where: str) -> int:
    """How many objects a record of COCO has; its image is not decoded.

    Raises:
        DataError: It is none.
    """
    return len(_boxes(_example(record, where), where))


def _example(record: bytes, where: str) -> Example:
    try:
        return read_example(record)
    except Malformed as error:
        raise DataError(
            f"{where} is no tf.train.Example: {error}",
            "Name a TFRecord file of Examples.",
        ) from error


def _one(
    example: Example, name: str, where: str, instead: bytes | None = None
) -> bytes:
    """The bytes of a feature that has one value."""
    found = example.get(name, [])
    if not len(found) and instead is not None:
        return instead
    if not isinstance(found, list) or len(found) != 1:
        known = ", ".join(sorted(example)) or "nothing"
        raise DataError(
            f"{where} has no {name}, or not one of bytes", f"It holds: {known}."
        )
    return found[0]


def _class(example: Example, where: str) -> int:
    found = example.get(CLASS, [])
    if not isinstance(found, np.ndarray) or found.dtype != np.int64 or len(found) != 1:
        known = ", ".join(sorted(example)) or "nothing"
        raise DataError(
            f"{where} has no {CLASS}, or not one integer", f"It holds: {known}."
        )
    return int(found[0])


def _boxes(example: Example, where: str) -> npt.NDArray[np.float32]:
    """(objects, 4): top, left, bottom, right."""
    edges = [np.asarray(example.get(name, ())) for name in EDGES]
    if len({len(edge) for edge in edges}) > 1 or any(
        edge.dtype != np.float32 for edge in edges if len(edge)
    ):
        raise DataError(f"{where}: its boxes have not four edges each")
    boxes = np.stack(edges, axis=1).astype(np.float32).reshape(-1, 4)
    if not np.isfinite(boxes).all():
        raise DataError(f"{where}: an edge of a box is no finite number", WRITTEN)
    return boxes


def _of_objects(example: Example, name: str, count: int, where: str) -> Value:
    """One value for each object, or none at all."""
    found = example.get(name, [])
    kind = "S" if name == NAMES_OF_OBJECTS else "i"
    if len(found) and (len(found) != count or np.asarray(found).dtype.kind != kind):
        raise DataError(
            f"{where}: {name} has {len(found)} values for {count} boxes, or of another "
            "kind",
            WRITTEN,
        )
    return found
