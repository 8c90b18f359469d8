"""What a user sees of a conversion, the same in every framework."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import one_model
from project import Project

BATCH = 100


def project_in(folder: Path, channels_last: bool = False) -> Project:
    """A folder with the test digits in it."""
    images, labels = one_model.digits(every=10)
    if channels_last:
        images = images.transpose(0, 2, 3, 1)
    np.savez(folder / "digits.npz", images=images, labels=labels)
    return Project(folder)


def evaluation(**criterion: float) -> dict[str, Any]:
    """The part of a spec that judges by the test digits."""
    dataset = {"npz": {"path": "digits.npz", "inputs": "images", "label": "labels"}}
    loader = {"batch_size": BATCH, "dataset": dataset}
    accuracy = {"metric": {"topk": 1}, "dataloader": loader}
    tuning = {"accuracy_criterion": criterion or {"absolute": 0.005}}
    return {"evaluation": {"accuracy": accuracy}, "tuning": tuning}


NEAR = {"agreement": 0.98, "cosine": 0.999}
"""How near outputs stay to fp32's, in each framework."""


def check_conversion(
    project: Project, model: Mapping[str, Any], precision: str, saved: str
) -> None:
    """Convert, judged by labels and by fp32's outputs, replay, pin, miss a criterion.

    Args:
        model: The spec's section.
        precision: The 16-bit one.
        saved: Pattern of what is delivered.
    """
    named = {"name": "net", **model}
    low = {"precisions": precision}
    judged = evaluation()
    judged["tuning"]["accuracy_criterion"]["drift"] = NEAR
    project.write(model=named, mixed_precision=low, **judged)
    report = project.report()
    assert report["exit_code"] == 0
    numbers = {each["metric"]: each for each in report["judgement"]["numbers"]}
    assert list(numbers) == ["top-1", "agreement", "cosine"]
    assert 0.999 < numbers["cosine"]["result"] < 1
    assert report["flops_low"] == report["flops"] > 0
    assert report["saved_bytes"] <= 0.6 * report["fp32_bytes"]
    assert report["judgement"]["holds"]
    assert report["judgement"]["result"]["samples"] == 500
    delivered = project.hashes(saved)
    assert delivered
    check_replay(project, saved)
    check_pin(project, named)
    check_missed(project, saved)
    assert not list(project.folder.glob("candidate-*"))


def check_replay(project: Project, saved: str) -> None:
    """The plan gives the same bytes, and nothing is said to have changed."""
    before = project.hashes(saved)
    again = project.report()
    assert again["exit_code"] == 0
    assert again["replayed"]
    assert project.hashes(saved) == before
    assert not [w for w in again["warnings"] if "FORCE_" not in w and "costs" not in w]


def check_pin(project: Project, model: Mapping[str, Any]) -> None:
    """A plan with a pinned op low is refused; a new search keeps it fp32."""
    pinned = next(
        name
        for name, precision in project.plan["ops"].items()
        if precision == project.plan["precision"]
    )
    pattern = pinned.replace(".", r"\.").replace("+", r"\+")
    pins = {"op_wise": {pattern: {"activation": {"dtype": ["fp32"]}}}}
    low = {"precisions": project.plan["precision"]}
    project.write(model=model, mixed_precision={**low, **pins}, **evaluation())
    code, error = project.refused()
    assert code == 2
    assert pinned in error
    assert "--search" in error
    report = project.report("--search")
    assert report["exit_code"] == 0
    assert 0 < report["flops_low"] < report["flops"]
    reason = project.plan["ops"][pinned]
    assert "fp32" in str(reason)
    assert "mixed_precision.op_wise" in report["fp32"][pinned]


def check_missed(project: Project, saved: str) -> None:
    """A criterion out of reach: exit 1, the best kept apart, what was there stays.

    No spec demands that the result be better than fp32; the script can.
    """
    before = project.hashes(saved)
    script = project.edited("absolute=0.005", "absolute=-0.5")
    report = project.report("--search", "--max-trials", "2", command=script)
    assert report["exit_code"] == 1
    assert report["trials"] <= 2
    assert project.hashes(f"failed/{saved}")
    assert project.hashes(saved) == before


def check_bad_input(
    project: Project, model: Mapping[str, Any], file: str, input_name: str
) -> None:
    """A name that is nearly right, a file that is cut off, and none at all.

    Args:
        file: The model's.
        input_name: The model's own name of its input.
    """
    inputs = [{"name": f"{input_name}s"}]
    project.write(model={"name": "net", **model, "inputs": inputs}, **evaluation())
    code, error = project.refused()
    assert code == 2
    assert f"{input_name}s" in error
    assert f"id you mean `{input_name}`?" in error, error
    project.write(model={"name": "net", **model}, **evaluation())
    path = project.folder / file
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    code, error = project.refused()
    assert code == 2
    assert path.name in error
    path.unlink()
    code, error = project.refused()
    assert code == 2
    assert path.name in error
    assert sorted(each.name for each in project.folder.glob("*.plan.json")) == []


METRIC = """
class Right:
    def reset(self):
        self.right = self.seen = 0

    def update(self, predictions, labels):
        self.right += int((predictions.argmax(1) == labels).sum())
        self.seen += len(labels)

    def result(self):
        return self.right / self.seen
"""

DATA = """
import numpy as np


class Digits:
    def __init__(self):
        archive = np.load("digits.npz")
        self.images, self.labels = archive["images"], archive["labels"]

    def __getitem__(self, k):
        return self.images[k], self.labels[k]

    def __len__(self):
        return len(self.labels)
"""


def check_supplied(project: Project, model: str, **named: Any) -> None:
    """A spec that names nothing is whole: without data, with data, with a metric.

    Args:
        model: What --model is given.
        named: What the spec says of it: its file tells the framework where it can.
    """
    project.write(model={"name": "net", **named})
    (project.folder / "digits_right.py").write_text(METRIC)
    (project.folder / "digits_data.py").write_text(DATA)
    supplied = ("--search", "--model", model)
    judging = ("--metric", "digits_right:Right")
    unjudged = project.report(*supplied)
    assert unjudged["exit_code"] == 0
    assert unjudged["judgement"] is None
    assert unjudged["flops_low"] == unjudged["flops"] > 0
    assert any("no data was given" in note for note in unjudged["notes"])
    for data in ("digits.npz", "digits_data:Digits"):
        report = project.report(*supplied, *judging, "--data", data)
        assert report["exit_code"] == 0
        assert report["flops_low"] == report["flops"] > 0
        assert report["judgement"]["holds"]
        assert report["judgement"]["result"]["metric"] == "Right"
        assert report["judgement"]["result"]["samples"] == 500
    assert {"digits_data", "digits_right"} <= set(project.plan["files"]["python"])
    absent = project.run()
    assert absent.returncode == 2
    assert "--model" in absent.stderr
