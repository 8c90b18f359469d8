"""Metrics of boxes in images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from ...reading.codes import Code
from ...releases.libraries import PYCOCOTOOLS, PYYAML
from ..fields import Among, File, Refused, Whole
from ..section import Block, Problem, Section
from .measure import Measure

MAP_KEYS = (
    "DetectionBoxes_Precision/mAP",
    "DetectionBoxes_Precision/mAP@.50IOU",
    "DetectionBoxes_Precision/mAP@.75IOU",
    "DetectionBoxes_Precision/mAP (small)",
    "DetectionBoxes_Precision/mAP (medium)",
    "DetectionBoxes_Precision/mAP (large)",
    "DetectionBoxes_Recall/AR@1",
    "DetectionBoxes_Recall/AR@10",
    "DetectionBoxes_Recall/AR@100",
    "DetectionBoxes_Recall/AR@100 (small)",
    "DetectionBoxes_Recall/AR@100 (medium)",
    "DetectionBoxes_Recall/AR@100 (large)",
)
"""COCO's numbers, as Neural Compressor calls them."""

STANDARD = "0.5:0.05:0.95"
"""COCO's overlaps."""

MapKey = Annotated[str, AfterValidator(Among(MAP_KEYS).check)]


def _overlaps(value: object) -> object:
    """One overlap, also in quotes, or `first:step:last`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        parts = [float(value)]
    elif isinstance(value, str):
        try:
            parts = [float(part) for part in value.split(":")]
        except ValueError:
            parts = []
    else:
        parts = []
    first, step, last = parts if len(parts) == 3 else (*parts, 1.0, *parts, 0, 0, 0)[:3]
    if len(parts) not in (1, 3) or not (0 < first <= last <= 1 and step > 0):
        raise Refused(
            "overlaps are one number above 0 and up to 1, or first:step:last of several",
            f'0.5 or "{STANDARD}"',
            code=Code.RANGE,
        )
    return parts[0] if len(parts) == 1 else value


Overlaps = Annotated[
    float | str, BeforeValidator(_overlaps, json_schema_input_type=float | str)
]


def _points(count: int) -> int:
    if count not in (0, 11, 101):
        raise Refused(
            "must be 0, 11 or 101", "0 is the area under the curve", code=Code.RANGE
        )
    return count


Points = Annotated[Whole, AfterValidator(_points)]


class AveragePrecision(Measure):
    """Mean average precision of boxes.

    `iou_thrs` and `map_points` are fields of those that leave them open.
    """

    higher_is_better = True
    anno_path: File | None = Field(
        default=None,
        description="A YAML file of `name: number` lines, by which names of classes "
        "count, not the labels' numbers; left out, COCO's for labels without numbers.",
    )
    map_key: MapKey = Field(
        default=MAP_KEYS[0],
        description="Which of COCO's numbers is the metric: DetectionBoxes_Precision/mAP, "
        "DetectionBoxes_Recall/AR@1 and ten more.",
    )

    @property
    def overlaps(self) -> float | str:
        """The least overlaps of a right box."""
        return STANDARD

    @property
    def points(self) -> int:
        """Recalls at which precision is taken; 0 for the area under the curve."""
        return 101

    @property
    def packages(self) -> tuple[str, ...]:
        names = (PYYAML,) if self.anno_path else ()
        return (PYCOCOTOOLS, *names)

    @property
    def files(self) -> Mapping[str, str]:
        return {"CLASSES": self.anno_path} if self.anno_path else {}


class OpenPrecision(AveragePrecision):
    """Mean average precision whose overlaps and points are written."""

    iou_thrs: Overlaps = Field(
        default=STANDARD,
        description="The least overlap of a right box, or `first:step:last` of several.",
    )
    map_points: Points = Field(
        default=101,
        description="Recalls at which precision is taken: 11 or 101; 0 for the area "
        "under the curve.",
    )

    @property
    def overlaps(self) -> float | str:
        return self.iou_thrs

    @property
    def points(self) -> int:
        return self.map_points

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._one_overlap()

    def _one_overlap(self) -> Iterator[Problem]:
        """A number that is taken at one overlap, which is none of those written."""
        for name, overlap in (("@.50IOU", 0.5), ("@.75IOU", 0.75)):
            single = isinstance(self.iou_thrs, float)
            if self.map_key.endswith(name) and single and self.iou_thrs != overlap:
                yield Problem(
                    f"is taken at an overlap of {overlap}, and iou_thrs is "
                    f"{self.iou_thrs}",
                    f'write {MAP_KEYS[0]}, or iou_thrs: "{STANDARD}"',
                    ("map_key",),
                )


class MAP(OpenPrecision):
    """Mean average precision: by default the area under the curve at one overlap."""

    iou_thrs: Overlaps = Field(
        default=0.5,
        description="The least overlap of a right box, or `first:step:last` of several.",
    )
    map_points: Points = Field(
        default=0,
        description="Recalls at which precision is taken: 11 or 101; 0 for the area "
        "under the curve.",
    )


class COCOmAP(AveragePrecision):
    """Mean average precision as COCO has it."""


class OutputIndex(Section):
    """Which of the model's outputs is what, from 0."""

    num_detections: Whole = Field(
        default=-1, description="How many boxes of each image count; -1: all do."
    )
    boxes: Whole = Field(default=0, description="Boxes: ymin, xmin, ymax, xmax.")
    scores: Whole = Field(default=1, description="Scores.")
    classes: Whole = Field(default=2, description="Class numbers.")

    def problems(self) -> Iterator[Problem]:
        places = [self.boxes, self.scores, self.classes]
        places += [self.num_detections] * (self.num_detections != -1)
        if min(places) < 0 or len(set(places)) < len(places):
            yield Problem(
                "outputs are numbered from 0, and each is one thing",
                "{boxes: 0, scores: 1, classes: 2}",
            )


class COCOmAPv2(OpenPrecision):
    """Mean average precision as COCO has it, of outputs in any order."""

    output_index_mapping: OutputIndex = Field(
        default_factory=OutputIndex.model_construct,
        description="Which of the model's outputs is what, from 0.",
    )


class VOCmAP(AveragePrecision):
    """Mean average precision as Pascal VOC has it: the area under the curve."""

    @property
    def overlaps(self) -> float | str:
        return 0.5

    @property
    def points(self) -> int:
        return 0


# In the section, a field hides the class that it is called after.
_COCOmAP = COCOmAP
_COCOmAPv2 = COCOmAPv2
_VOCmAP = VOCmAP


class Catalogue(Section):
    """What `metric` can name of these."""

    mAP: Block[MAP] = Field(
        default=None, description="Mean average precision of boxes."
    )
    COCOmAP: Block[_COCOmAP] = Field(
        default=None, description="Mean average precision as COCO has it."
    )
    COCOmAPv2: Block[_COCOmAPv2] = Field(
        default=None, description="COCOmAP of outputs in any order."
    )
    VOCmAP: Block[_VOCmAP] = Field(
        default=None, description="Mean average precision as Pascal VOC has it."
    )
