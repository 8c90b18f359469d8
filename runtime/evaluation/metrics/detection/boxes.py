"""Boxes as models and data give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..values import LABELS, OUTPUTS, numbers, plain, texts

TAKES = (
    "labels of boxes are (boxes, names, numbers, image) for each sample: boxes (k, 4) as "
    "[ymin, xmin, ymax, xmax], and k names or k numbers of classes"
)
REMEDY = "COCORaw and COCORecord give them so; a dataset of your own does as well."


@dataclass(frozen=True, slots=True)
class Boxes:
    """The boxes of one image.

    Attributes:
        corners: [ymin, xmin, ymax, xmax] of each, shape (k, 4).
        classes: Shape (k,).
        scores: Of what was detected, shape (k,); ones where the boxes are known.
    """

    corners: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Order:
    """Which output is what.

    Attributes:
        num_detections: Of how many boxes are there for each image; -1 where all count.
    """

    boxes: int = 0
    scores: int = 1
    classes: int = 2
    num_detections: int = -1


COUNTED = Order(boxes=1, scores=2, classes=3, num_detections=0)
"""That of TensorFlow's detection models with four outputs."""


def detected(predictions: Any, order: Order | None, name: str) -> list[Boxes]:
    """What a model detects in each image of a batch.

    Args:
        predictions: A tuple of outputs: boxes (n, k, 4), scores and classes (n, k), and
            how many of them count (n,); without the axis of images where there is one.
        order: None for boxes, scores, classes, or for the number before these.

    Raises:
        DataError: There are other outputs.
    """
    outputs = predictions if isinstance(predictions, tuple) else (predictions,)
    if order is None:
        order = COUNTED if len(outputs) == 4 else Order()
    wanted = {"boxes": order.boxes, "scores": order.scores, "classes": order.classes}
    highest = max(*wanted.values(), order.num_detections)
    if len(outputs) <= highest or len(outputs) < 3:
        raise DataError(
            f"{name} takes outputs of boxes, scores and classes, the model gives "
            f"{len(outputs)}",
            "Say which output is what: `COCOmAPv2: {output_index_mapping: {boxes: 0, "
            "scores: 1, classes: 2}}`.",
        )
    found = {
        key: numbers(outputs[place], OUTPUTS, f"{name} takes numbers as {key}")
        for key, place in wanted.items()
    }
    images = _images(found, name)
    count = len(images["boxes"])
    kept = np.full(count, images["scores"].shape[1])
    if order.num_detections >= 0:
        counts = numbers(outputs[order.num_detections], OUTPUTS, f"{name} takes counts")
        if counts.size != count:
            raise DataError(
                f"{name} takes one number of boxes for each of {count} images, the "
                f"model gives {counts.shape}",
                "Check output_index_mapping: num_detections.",
            )
        kept = np.clip(counts.reshape(-1), 0, kept).astype(np.int64)
    return [
        Boxes(
            images["boxes"][k, : kept[k]].astype(np.float64),
            np.rint(images["classes"][k, : kept[k]]).astype(np.int64),
            images["scores"][k, : kept[k]].astype(np.float64),
        )
        for k in range(count)
    ]


def _images(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Boxes (n, k, 4), scores and classes (n, k).

    Raises:
        DataError: The shapes don't fit.
    """
    if found["boxes"].ndim == 2 and found["scores"].ndim == 1:
        found = {key: value[None] for key, value in found.items()}
    shape = found["boxes"].shape
    fits = len(shape) == 3 and shape[2] == 4
    if not fits or {found[key].shape for key in ("scores", "classes")} != {shape[:2]}:
        shapes = ", ".join(f"{key} {value.shape}" for key, value in found.items())
        raise DataError(
            f"{name} takes boxes (n, k, 4), scores (n, k) and classes (n, k), the model "
            f"gives {shapes}",
            "Check the order of the outputs: output_index_mapping of COCOmAPv2.",
        )
    return found


def known(labels: Any, names: Mapping[str, int], name: str) -> Iterator[Boxes]:
    """The boxes that are in each image of a batch.

    Args:
        labels: (boxes, names, numbers, image) or (boxes, classes), each a sequence over
            the samples; a name or a number for each box.
        names: Class names → numbers.

    Raises:
        DataError: They are not built so, or a name is unknown.
    """
    boxes, *kinds = _parts(labels, name)
    for sample, each in enumerate(boxes):
        corners = numbers(each, LABELS, f"{name} takes numbers as boxes")
        if corners.size and corners.shape[1:] != (4,):
            raise DataError(
                f"{name}: {TAKES}; sample {sample} of a batch has boxes {corners.shape}",
                REMEDY,
            )
        corners = corners.reshape(-1, 4).astype(np.float64)
        parts = [kind[sample] for kind in kinds]
        classes = _classes(parts, len(corners), names, f"{name}: sample {sample}")
        yield Boxes(corners, classes, np.ones(len(corners)))


def _parts(labels: Any, name: str) -> list[Any]:
    """Boxes and those of names and numbers that there are, one of each a sample.

    Raises:
        DataError: They are not built so.
    """
    if not isinstance(labels, tuple | list) or len(labels) not in (2, 4):
        size = f" of {len(labels)}" if isinstance(labels, tuple | list) else ""
        said = f"the data has a {type(labels).__name__}{size}"
        raise DataError(f"{name}: {TAKES}; {said}", REMEDY)
    boxes, *kinds = labels[:3]
    # Lists that are empty for all samples are nothing once they are a batch.
    found = [boxes, *(each for each in kinds if _count(each) != 0)]
    counts = {_count(each) for each in found}
    if len(counts) > 1 or min(counts) < 1:
        names = ", ".join(f"{type(each).__name__} of {_count(each)}" for each in found)
        raise DataError(f"{name}: {TAKES}; the data has {names}", REMEDY)
    return found


def _count(part: Any) -> int:
    """How many samples a part is of; 0 for nothing, -1 for what is no batch."""
    if part is None:
        return 0
    if isinstance(part, np.ndarray):
        return int(part.shape[0]) if part.ndim else -1
    return len(part) if isinstance(part, list | tuple) else -1


def _classes(
    parts: Sequence[Any], count: int, names: Mapping[str, int], name: str
) -> npt.NDArray[np.int64]:
    """The class of each of `count` boxes: from the part that has one for each."""
    fitting = [np.ravel(part) for part in parts if np.size(part) == count]
    if not fitting:
        sizes = " and ".join(str(np.size(part)) for part in parts)
        raise DataError(
            f"{name} of a batch has {count} boxes and {sizes} classes", f"{TAKES}."
        )
    part = fitting[-1] if fitting[-1].dtype.kind in "biuf" else fitting[0]
    if part.dtype.kind in "biuf":
        return part.astype(np.int64)
    found = []
    for text in texts(part, LABELS, "classes of boxes are names or numbers"):
        if text not in names:
            raise DataError(
                f"{name} of a batch has a class {plain(text)!r} that has no number",
                "Write a YAML file of `name: number` lines and name it: `anno_path`.",
            )
        found.append(names[text])
    return np.array(found, np.int64)
