"""Metrics of boxes."""

from __future__ import annotations

from narrowcast.spec.sections.metrics.detection import (
    MAP,
    AveragePrecision,
    COCOmAP,
    COCOmAPv2,
    OutputIndex,
    VOCmAP,
)

from ...writing.code import Code, literal
from ...writing.imports import Import
from ...writing.layout import Group, call
from .making import METRICS, Making, Makings

BOXES = f"{METRICS}.detection"


def _made(name: str, metric: AveragePrecision, *imports: Import) -> Making:
    """The call that all of them come to, with what each decides."""
    what = "recall" if "Recall" in metric.map_key else "precision"
    arguments: dict[str, Code | Group] = {
        "name": literal(name),
        "iou_thrs": literal(metric.overlaps),
        "map_points": literal(metric.points),
        "map_key": literal(metric.map_key),
    }
    if metric.anno_path:
        arguments["anno_path"] = Code("CLASSES")
    return Making(
        f"{name}: mean average {what} of boxes, over classes.",
        (f"{BOXES}.average_precision", "AveragePrecision"),
        arguments,
        imports,
    )


def _map(metric: MAP) -> Making:
    return _made("mAP", metric)


def _coco(metric: COCOmAP) -> Making:
    return _made("COCOmAP", metric)


def _voc(metric: VOCmAP) -> Making:
    return _made("VOCmAP", metric)


def _coco_v2(metric: COCOmAPv2) -> Making:
    made = _made("COCOmAPv2", metric, (f"{BOXES}.boxes", "Order"))
    return Making(
        made.title,
        made.metric,
        {**made.arguments, "order": _order(metric.output_index_mapping)},
        made.imports,
    )


def _order(given: OutputIndex) -> Group:
    """Which output is what; how many boxes count, where an output says so."""
    places = {"boxes": given.boxes, "scores": given.scores, "classes": given.classes}
    if given.num_detections != -1:
        places["num_detections"] = given.num_detections
    return call("Order", **{name: literal(place) for name, place in places.items()})


MAKINGS: Makings = {MAP: _map, COCOmAP: _coco, VOCmAP: _voc, COCOmAPv2: _coco_v2}

NAMES = "AveragePrecision CLASSES Order"
"""What a script imports for these."""
