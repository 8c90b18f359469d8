"""Mean average precision, against pycocotools on files and against brute force."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO as Annotations
from pycocotools.cocoeval import COCOeval

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.metrics.detection.average_precision import (
    MEASURED,
    AveragePrecision,
)
from narrowcast.runtime.evaluation.metrics.detection.boxes import Order
from narrowcast.runtime.evaluation.metrics.detection.coco_names import COCO

STANDARD = "0.5:0.05:0.95"
Image = tuple[Any, Any, Any, Any, Any]
"""Wanted boxes and classes; found boxes, scores and classes."""


def drawn(seed: int, images: int = 4, size: float = 300.0) -> list[Image]:
    """Boxes, and near them what was found: some missed, some invented."""
    random = np.random.default_rng(seed)

    def boxes(count: int) -> Any:
        corners = random.uniform(0, size, (count, 2))
        return np.concatenate(
            [corners, corners + random.uniform(20, 150, (count, 2))], 1
        )

    found = []
    for _ in range(images):
        wanted, classes = boxes(3), random.integers(1, 4, 3)
        near = np.concatenate([wanted + random.uniform(-9, 9, wanted.shape), boxes(2)])
        kinds = np.concatenate([classes, random.integers(1, 4, 2)])
        scores = random.permutation(99)[:5] / 100
        found.append((wanted, classes, near, scores, kinds))
    return found


def batch(images: Sequence[Image]) -> tuple[Any, Any]:
    """The same as a model and COCORaw give it."""
    wanted, classes, found, scores, kinds = zip(*images, strict=True)
    names = {number: name for name, number in COCO.items()}
    named = [np.array([names[each].encode() for each in row]) for row in classes]
    nothing = [np.zeros(0)] * len(images)
    labels = np.stack(wanted), named, nothing, [f"{k}.jpg" for k in range(len(images))]
    return (np.stack(found), np.stack(scores), np.stack(kinds).astype("f4")), labels


def by_files(images: Sequence[Image], folder: Path) -> Any:
    """pycocotools' own summary: through its files, all of its numbers."""
    known, guessed = [], []
    for number, (wanted, classes, found, scores, kinds) in enumerate(images):
        for (top, left, bottom, right), kind in zip(wanted, classes, strict=True):
            box = [left, top, right - left, bottom - top]
            area = box[2] * box[3]
            entry = {"image_id": number, "category_id": int(kind), "bbox": box}
            known.append({**entry, "id": len(known) + 1, "area": area, "iscrowd": 0})
        for (top, left, bottom, right), score, kind in zip(
            found, scores, kinds, strict=True
        ):
            box = [left, top, right - left, bottom - top]
            entry = {"image_id": number, "category_id": int(kind), "bbox": box}
            guessed.append({**entry, "score": score})
    (folder / "known.json").write_text(
        json.dumps(
            {
                "images": [{"id": k} for k in range(len(images))],
                "categories": [{"id": k} for k in (1, 2, 3)],
                "annotations": known,
            }
        )
    )
    (folder / "guessed.json").write_text(json.dumps(guessed))
    with contextlib.redirect_stdout(io.StringIO()):
        annotations = Annotations(str(folder / "known.json"))
        guesses = annotations.loadRes(str(folder / "guessed.json"))
        run = COCOeval(annotations, guesses, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats


@pytest.mark.parametrize("seed", [1, 2])
def test_every_number_is_that_of_pycocotools(seed: int, tmp_path: Path) -> None:
    images = drawn(seed, images=8)
    expected = by_files(images, tmp_path)
    assert len(set(expected.tolist())) > 6
    for key, value in zip(MEASURED, expected, strict=True):
        metric = AveragePrecision("COCOmAP", STANDARD, 101, map_key=key)
        for part in (images[:3], images[3:]):
            metric.update(*batch(part))
        if value == -1:
            with pytest.raises(DataError, match="no box that counts"):
                metric.result()
        else:
            assert metric.result() == pytest.approx(value), key


def overlap(a: Any, b: Any) -> float:
    top, left = np.maximum(a[:2], b[:2])
    bottom, right = np.minimum(a[2:], b[2:])
    both = max(0.0, bottom - top) * max(0.0, right - left)
    areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (a, b)]
    return both / (sum(areas) - both)


def curve(images: Sequence[Image], kind: int, least: float) -> tuple[Any, Any] | None:
    """Recall and the largest precision at it or above, at each detection."""
    count = sum(int((classes == kind).sum()) for _, classes, _, _, _ in images)
    if not count:
        return None
    guesses = []
    for wanted, classes, found, scores, kinds in images:
        free = [box for box, each in zip(wanted, classes, strict=True) if each == kind]
        for k in sorted(np.flatnonzero(kinds == kind), key=lambda k: -scores[k]):
            best = max(free, key=lambda box: overlap(box, found[k]), default=None)
            hit = best is not None and overlap(best, found[k]) >= least
            if hit:
                free = [box for box in free if box is not best]
            guesses.append((scores[k], hit))
    hits = np.cumsum([hit for _, hit in sorted(guesses, key=lambda each: -each[0])])
    precision = hits / np.arange(1, len(hits) + 1)
    above = np.maximum.accumulate(precision[::-1])[::-1] if len(hits) else precision
    return hits / count, above


@settings(max_examples=15)
@given(
    st.integers(0, 10**6), st.sampled_from([0, 11]), st.sampled_from([0.3, 0.5, 0.75])
)
def test_average_precision_by_brute_force(seed: int, points: int, least: float) -> None:
    images = drawn(seed)
    values = []
    for kind in (1, 2, 3):
        found = curve(images, kind, least)
        if found is None:
            continue
        recall, precision = found
        if points:
            levels = np.linspace(0, 1, points)
            reached = [precision[recall >= each] for each in levels]
            values.append(np.mean([each[0] if len(each) else 0 for each in reached]))
        else:
            steps = np.diff(np.concatenate([[0], recall]))
            values.append(float((steps * precision).sum()))
    metric = AveragePrecision("mAP", least, points)
    metric.update(*batch(images))
    assert metric.result() == pytest.approx(np.mean(values))


def test_outputs_come_in_any_order_and_number() -> None:
    images = drawn(3)
    (boxes, scores, classes), labels = batch(images)
    expected = AveragePrecision("mAP", 0.5, 0)
    expected.update((boxes, scores, classes), labels)
    order = Order(boxes=2, scores=0, classes=1)
    other = AveragePrecision("COCOmAPv2", 0.5, 0, order=order)
    other.update((scores, classes, boxes), labels)
    padded = [np.concatenate([each, np.ones_like(each)], 1) for each in (boxes, scores)]
    kinds = np.concatenate([classes, np.ones_like(classes)], 1)
    counted = AveragePrecision("mAP", 0.5, 0)
    counted.update((np.full(4, 5.0), *padded, kinds), labels)
    assert 0 < expected.result() < 1
    assert expected.result() == other.result() == counted.result()


def test_one_image_may_come_without_its_axis_and_classes_as_numbers() -> None:
    wanted, classes, found, scores, kinds = drawn(4, images=1)[0]
    named = AveragePrecision("mAP", 0.5, 0)
    named.update(*batch(drawn(4, images=1)))
    metric = AveragePrecision("mAP", 0.5, 0)
    metric.update((found, scores, kinds), ([wanted], [[]], [classes], ["a.jpg"]))
    pair = AveragePrecision("mAP", 0.5, 0)
    pair.update((found, scores, kinds), ([wanted], [classes]))
    bare = AveragePrecision("mAP", 0.5, 0)
    bare.update((found, scores, kinds), (wanted[None], (), classes[None], ["a.jpg"]))
    assert bare.result() == pair.result()
    assert metric.result() == named.result() == pair.result()


def test_images_without_boxes_are_judged_too() -> None:
    metric = AveragePrecision("mAP", 0.5, 0)
    box = np.array([[0.0, 0, 9, 9]])
    outputs = np.stack([box, box]), np.array([[0.8], [0.9]]), np.ones((2, 1))
    metric.update(outputs, ([box, np.zeros((0,))], [["person"], []], [[], []], "ab"))
    assert metric.result() == pytest.approx(0.5)


def test_class_names_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text("cone: 0\ntruck: 7\n")
    metric = AveragePrecision("mAP", 0.5, 0, anno_path=path)
    box = np.array([[0.0, 0, 9, 9]])
    metric.update((box[None], np.ones((1, 1)), np.zeros((1, 1))), ([box], [["cone"]]))
    assert metric.result() == pytest.approx(1)
    metric.reset()
    label = [box], [["cone"]], [[5]], ["a.jpg"]
    metric.update((box[None], np.ones((1, 1)), np.zeros((1, 1))), label)
    assert metric.result() == pytest.approx(1), "the file wins over the record's number"
    for text, said in (
        ("cone: x", "cone is 'x'"),
        ("[1]", "list"),
        ("a: [", "no YAML"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=said):
            AveragePrecision("mAP", 0.5, 0, anno_path=path)
    path.unlink()
    with pytest.raises(DataError, match="can't be read"):
        AveragePrecision("mAP", 0.5, 0, anno_path=path)


BOX = np.array([[0.0, 0, 9, 9]])
FOUND = BOX[None], np.ones((1, 1)), np.ones((1, 1))


@pytest.mark.parametrize(
    ("found", "labels", "said"),
    [
        (FOUND, None, "mAP needs labels"),
        (FOUND, [1], "the data has a list of 1"),
        (FOUND, np.zeros(4), "the data has a ndarray"),
        (FOUND, ([BOX], [["person", "dog"]]), "has 1 boxes and 2 classes"),
        (FOUND, ([BOX], [["gnome"]]), "a class 'gnome' that has no number"),
        (FOUND, ([np.zeros((1, 3))], [[1]]), r"has boxes \(1, 3\)"),
        (FOUND, ([BOX, BOX], [[1], [1]]), "boxes of 1 images, the data has 2"),
        (FOUND[0], ([BOX], [[1]]), "the model gives 1"),
        ((FOUND[1], *FOUND[:2]), ([BOX], [[1]]), r"the model gives boxes \(1, 1\)"),
        ((np.ones(3), *FOUND), ([BOX], [[1]]), "one number of boxes for each of 1"),
    ],
)
def test_what_does_not_fit_is_named(found: Any, labels: Any, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        AveragePrecision("mAP", 0.5, 0).update(found, labels)
    assert caught.value.remedy


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    metric = AveragePrecision("mAP", 0.5, 101)
    metric.update(FOUND, ([BOX], [[1]]))
    assert metric.result() == pytest.approx(1)
    assert capfd.readouterr() == ("", "")
