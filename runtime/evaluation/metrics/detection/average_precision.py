"""Mean average precision of boxes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ....common.optional import optional
from ..metric import OfAllSamples
from ..values import given_labels
from .boxes import Boxes, Order, detected, known
from .coco_names import COCO
from .names import class_numbers

AREAS = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
"""Of boxes, in square pixels, as COCO has them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One of the numbers of COCO's summary.

    Attributes:
        values: "precision" or "recall".
        overlap: The one intersection over union that counts, None for all.
        area: Of `AREAS`.
        most: How many detections of an image count.
    """

    values: str = "precision"
    overlap: float | None = None
    area: str = "all"
    most: int = 100


MEASURED = {
    "DetectionBoxes_Precision/mAP": Measured(),
    "DetectionBoxes_Precision/mAP@.50IOU": Measured(overlap=0.5),
    "DetectionBoxes_Precision/mAP@.75IOU": Measured(overlap=0.75),
    "DetectionBoxes_Precision/mAP (small)": Measured(area="small"),
    "DetectionBoxes_Precision/mAP (medium)": Measured(area="medium"),
    "DetectionBoxes_Precision/mAP (large)": Measured(area="large"),
    "DetectionBoxes_Recall/AR@1": Measured("recall", most=1),
    "DetectionBoxes_Recall/AR@10": Measured("recall", most=10),
    "DetectionBoxes_Recall/AR@100": Measured("recall"),
    "DetectionBoxes_Recall/AR@100 (small)": Measured("recall", area="small"),
    "DetectionBoxes_Recall/AR@100 (medium)": Measured("recall", area="medium"),
    "DetectionBoxes_Recall/AR@100 (large)": Measured("recall", area="large"),
}
"""Neural Compressor's `map_key` → what it is."""


class AveragePrecision(OfAllSamples):
    """Mean average precision over classes and overlaps, by pycocotools.

    Predictions are a tuple of boxes (n, k, 4), scores (n, k) and classes (n, k), or of
    these behind the number of boxes that count (n,). Labels are `boxes.TAKES`. Boxes are
    [ymin, xmin, ymax, xmax], in one unit on both sides. Classes without a box in the
    data count for nothing.
    """

    def __init__(
        self,
        name: str,
        iou_thrs: float | str,
        map_points: int,
        map_key: str = "DetectionBoxes_Precision/mAP",
        anno_path: Path | None = None,
        order: Order | None = None,
    ) -> None:
        """
        Args:
            iou_thrs: The least overlap of a right box, or "first:step:last" of several.
            map_points: Recalls at which precision is taken, evenly from 0 to 1: 11 or
                101; 0 for the area under the curve.
            map_key: Of `MEASURED`.
            anno_path: A YAML file of `name: number` lines, by which names count where
                labels have numbers, too; without it, COCO's for those without numbers.
            order: Which output is what; None for the ones above.
        """
        self.name = name
        self.overlaps = overlaps(iou_thrs)
        self.points = map_points
        self.measured = MEASURED[map_key]
        self.order = order
        self.names = COCO if anno_path is None else class_numbers(anno_path, name)
        self.by_name = anno_path is not None
        self._library()
        self.forget()

    def take(self, predictions: Any, labels: Any) -> None:
        given = given_labels(labels, self.name)
        wanted = list(known(given, self.names, self.name, by_name=self.by_name))
        found = detected(predictions, self.order, self.name)
        if len(found) != len(wanted):
            raise DataError(
                f"{self.name}: the model gives boxes of {len(found)} images, the data "
                f"has {len(wanted)}",
                "Check batch_size and the shapes of the model's outputs.",
            )
        self._found += found
        self._wanted += wanted

    def forget(self) -> None:
        self._found: list[Boxes] = []
        self._wanted: list[Boxes] = []

    def value(self) -> float:
        """The mean.

        Raises:
            DataError: No box of the data counts.
        """
        tool = self._library()
        # pycocotools tells each step.
        with redirect_stdout(io.StringIO()):
            values = np.concatenate([*self._values(tool)] or [np.zeros(0)])
        counting = values[values > -1]
        if not len(counting):
            raise DataError(
                f"{self.name}: the data has no box that counts",
                "Check the labels, and map_key where it names an area or an overlap.",
            )
        return float(counting.mean())

    def _values(self, tool: Any) -> Iterator[npt.NDArray[np.float64]]:
        """Precision or recall at each overlap, of all classes; -1 where undefined."""
        wanted, found = _dataset(tool, self._wanted), _dataset(tool, self._found)
        classes = sorted(wanted.cats)
        if self.points:
            levels = np.linspace(0.0, 1.0, self.points)
            yield self._evaluated(tool, wanted, found, classes, levels)
            return
        low, high = AREAS[self.measured.area]
        for each in classes:
            boxes = wanted.loadAnns(wanted.getAnnIds(catIds=[each]))
            count = sum(low <= box["area"] <= high for box in boxes)
            # Precision at each recall that can be reached: their mean is the area.
            levels = np.arange(1, count + 1) / count if count else np.ones(1)
            values = self._evaluated(tool, wanted, found, [each], levels)
            if values.size:
                yield values.mean(keepdims=True)

    def _evaluated(
        self,
        tool: Any,
        wanted: Any,
        found: Any,
        classes: Sequence[int],
        levels: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64]:
        run = tool.cocoeval.COCOeval(wanted, found, "bbox")
        run.params.catIds = list(classes)
        run.params.iouThrs, run.params.recThrs = self.overlaps, levels
        run.params.areaRng = [list(AREAS[self.measured.area])]
        run.params.areaRngLbl = [self.measured.area]
        run.params.maxDets = [self.measured.most]
        run.evaluate()
        run.accumulate()
        values = np.asarray(run.eval[self.measured.values])
        if self.measured.overlap is not None:
            values = values[np.isclose(self.overlaps, self.measured.overlap)]
        return values.reshape(-1)

    def _library(self) -> Any:
        optional("pycocotools.cocoeval", self.name)
        optional("pycocotools.coco", self.name)
        return optional("pycocotools", self.name)


def overlaps(written: float | str) -> npt.NDArray[np.float64]:
    """The overlaps of `iou_thrs`; the last is one of them."""
    if not isinstance(written, str):
        return np.array([written])
    first, step, last = map(float, written.split(":"))
    return np.linspace(first, last, round((last - first) / step) + 1)


def _dataset(tool: Any, images: Sequence[Boxes]) -> Any:
    """The boxes of all images as pycocotools takes them."""
    boxes: list[dict[str, Any]] = []
    for number, image in enumerate(images):
        for corners, kind, score in zip(
            image.corners.tolist(),
            image.classes.tolist(),
            image.scores.tolist(),
            strict=True,
        ):
            top, left, bottom, right = corners
            height, width = bottom - top, right - left
            boxes.append(
                {
                    # 0 would stand for no match.
                    "id": len(boxes) + 1,
                    "image_id": number,
                    "category_id": kind,
                    "bbox": [left, top, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                    "score": score,
                }
            )
    made = tool.coco.COCO()
    made.dataset = {
        "images": [{"id": number} for number in range(len(images))],
        "annotations": boxes,
        "categories": [{"id": kind} for kind in {box["category_id"] for box in boxes}],
    }
    made.createIndex()
    return made
