"""What a spec may say of metrics, and of what is done to outputs before them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from narrowcast.runtime.evaluation.metrics.detection.average_precision import (
    MEASURED,
    overlaps,
)
from narrowcast.spec import Spec, SpecError, loads
from narrowcast.spec.releases.libraries import PYCOCOTOOLS, PYYAML, TOKENIZERS
from narrowcast.spec.sections.metrics.detection import (
    MAP_KEYS,
    STANDARD,
    VOCmAP,
)

NPZ = {"npz": {"path": "a.npz", "inputs": "x", "label": "y"}}
UNLABELLED = {"npz": {"path": "a.npz", "inputs": "x"}}
FILES = {"label_file": "a.json", "vocab_file": "a.txt"}


def spec(metric: Any, steps: Any = None, dataset: Any = NPZ) -> Spec:
    accuracy = {"metric": metric, "dataloader": {"dataset": dataset}}
    if steps:
        accuracy["postprocess"] = {"transform": steps}
    model = {
        "name": "net",
        "framework": "onnx",
        "runtime": "openvino",
        "path": "a.onnx",
    }
    data = {"model": model, "evaluation": {"accuracy": accuracy}}
    return loads(yaml.safe_dump(data, sort_keys=False))


@pytest.mark.parametrize(
    ("metric", "steps", "said"),
    [
        ({"mAP": {"iou_thrs": 0}}, None, "overlaps are one number above 0 and up to 1"),
        ({"mAP": {"iou_thrs": "0.9:0.1:0.5"}}, None, "overlaps are one number"),
        ({"mAP": {"iou_thrs": "0.5:0:0.9"}}, None, "overlaps are one number"),
        ({"mAP": {"iou_thrs": "0.5:0.9"}}, None, "overlaps are one number"),
        ({"mAP": {"iou_thrs": "half"}}, None, "overlaps are one number"),
        ({"mAP": {"iou_thrs": [0.5]}}, None, "overlaps are one number"),
        ({"mAP": {"map_points": 10}}, None, "must be 0, 11 or 101"),
        ({"mAP": {"map_key": "mAP"}}, None, "unknown value `mAP`"),
        (
            {"mAP": {"map_key": "DetectionBoxes_Precision/mAP@.75IOU"}},
            None,
            "is taken at an overlap of 0.75, and iou_thrs is 0.5",
        ),
        (
            {"COCOmAPv2": {"output_index_mapping": {"boxes": 1}}},
            None,
            "outputs are numbered from 0, and each is one thing",
        ),
        (
            {"COCOmAPv2": {"output_index_mapping": {"boxes": -2}}},
            None,
            "outputs are numbered from 0",
        ),
        ({"GLUE": {"task": "sst"}}, None, "unknown value `sst`"),
        ({"F1": {"average": "mean"}}, None, "unknown value `mean`"),
        ({"topk": 1}, {"LabelShift": True}, "shifted by an integer"),
        (
            {"topk": 1},
            {"SquadV1": FILES},
            "makes answers, and topk is no metric of them",
        ),
        ({"SquadF1": {}}, {"SquadV1": {}}, "label_file"),
    ],
)
def test_what_can_not_be_meant_is_refused(metric: Any, steps: Any, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        spec(metric, steps)


@pytest.mark.parametrize(
    ("metric", "steps"),
    [
        ({"Loss": {}}, None),
        ({"SquadF1": {}}, {"SquadV1": FILES}),
        ({"python": "a:B"}, None),
    ],
)
def test_what_reads_no_labels_needs_none(metric: Any, steps: Any) -> None:
    assert spec(metric, steps, UNLABELLED).evaluation.metric is not None
    with pytest.raises(SpecError, match="compares with labels"):
        spec({"Accuracy": {}}, None, UNLABELLED)


def test_overlaps_in_quotes_are_numbers() -> None:
    quoted, plain = (spec({"mAP": {"iou_thrs": each}}) for each in ("0.25", 0.25))
    assert quoted.evaluation.metric == plain.evaluation.metric
    assert overlaps("0.5:0.25:1.0").tolist() == [0.5, 0.75, 1]
    assert len(overlaps(STANDARD)) == 10


def test_the_runtime_knows_every_key() -> None:
    assert tuple(MEASURED) == MAP_KEYS


@pytest.mark.parametrize(
    "names", [["Collect", "LabelShift"], ["LabelShift", "Collect"]]
)
def test_steps_keep_their_order(names: list[str]) -> None:
    steps = {"Collect": {"length": 2}, "LabelShift": 1}
    found = spec({"topk": 1}, {name: steps[name] for name in names})
    assert [type(each).__name__ for each in found.evaluation.postprocess] == names


def notes(found: Spec) -> dict[str, str]:
    return {note.path: note.message for note in found.notices}


def test_notes_say_what_steps_are_without() -> None:
    at = "evaluation.accuracy.postprocess"
    shifted = notes(spec({"Loss": {}}, {"LabelShift": 1}))
    text = "is about labels, and the metric reads none"
    assert shifted[f"{at}.transform.LabelShift"] == text
    assert not spec({"Loss": {}}, {"LabelShift": 1}).evaluation.postprocess
    alone = loads(
        "model: {name: n, framework: pytorch}\n"
        "evaluation: {accuracy: {postprocess: {transform: {LabelShift: 1}}}}\n"
    )
    assert "none is written" in notes(alone)[at]
    paths = notes(spec({"SquadF1": {}}, {"SquadV1": FILES | {"vocab_file": "/v.txt"}}))
    assert "is absolute" in paths[f"{at}.transform.SquadV1.vocab_file"]
    names = notes(spec({"mAP": {"anno_path": "/names.yaml"}}))
    assert "is absolute" in names["evaluation.accuracy.metric.mAP.anno_path"]


def test_packages_and_files_are_those_of_what_is_written() -> None:
    squad = spec({"SquadF1": {}}, {"SquadV1": FILES}).evaluation
    assert [each.packages for each in squad.postprocess] == [(TOKENIZERS,)]
    for written, packages in (
        ({}, (PYCOCOTOOLS,)),
        ({"anno_path": "a"}, (PYCOCOTOOLS, PYYAML)),
    ):
        metric = spec({"VOCmAP": written}).evaluation.metric
        assert isinstance(metric, VOCmAP)
        assert metric.packages == packages
        assert list(metric.files.values()) == list(written.values())
