"""Conversions that a user's own function judges, the same in every framework."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from project import Project

from narrowcast import MixedPrecision

SCORES = """
import numpy as np

{predicted}


def evaluate(model):
    with np.load("digits.npz") as data:
        images, labels = data["images"], data["labels"]
    right = predicted(model, images).argmax(1) == labels
    return [float(right.mean()), "and how long it took"]
"""
"""A user's module; `predicted(model, images)` gives logits."""

SEQUENCES: Mapping[str, Sequence[float]] = {
    "falling": [0.9, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0],
    "rising": [0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
}
"""What a function says of the model as loaded, of trials, and of what was saved."""


def check_judged(
    project: Project, model: Mapping[str, Any], predicted: str, saved: str
) -> None:
    """A spec names the function; it reads the digits itself.

    Args:
        model: The spec's section.
        predicted: Source of a function of a model, as the framework's own object, and
            images.
        saved: Pattern of what is delivered.
    """
    (project.folder / "scores.py").write_text(SCORES.format(predicted=predicted))
    project.write(
        model={"name": "net", **model},
        mixed_precision={"precisions": "bf16"},
        evaluation={"accuracy": {"python": "scores:evaluate"}},
    )
    report = project.report("--costs", "static")
    assert report["exit_code"] == 0
    assert report["flops_low"] == report["flops"] > 0
    judged = report["judgement"]
    assert judged["result"]["metric"] == "eval_func[0]"
    assert judged["result"]["samples"] is None
    assert judged["baseline"]["value"] > 0.95
    assert abs(judged["baseline"]["value"] - judged["result"]["value"]) < 0.01
    assert project.hashes(saved)


def check_sequences(
    folder: Path, spec: Mapping[str, Any], model: Any, casts: Callable[[Any], bool]
) -> None:
    """10. Whatever the function says, the search ends, with a model that has casts.

    Args:
        casts: Whether the framework's own object has any.
    """
    for name, scores in SEQUENCES.items():
        said = iter(scores)
        ends = {"exit_policy": {"max_trials": 4}}
        converter = MixedPrecision({**spec, "tuning": ends, "costs": "static"})
        converter.precisions = "bf16"
        converter.model = model
        converter.eval_func = lambda model, said=said: [next(said)]
        with _in(folder):
            result = converter()
        assert result.report.trials <= 4
        assert casts(result.model) is bool(result.report.casts)
        assert result.report.casts or "every op stays" in str(result.report.warnings)
        assert bool(result) is (name == "rising")


@contextmanager
def _in(folder: Path) -> Iterator[None]:
    """A user's folder, where bf16 is forced if the CPU lacks it."""
    before, forced = Path.cwd(), os.environ.get("FORCE_BF16")
    os.chdir(folder)
    os.environ["FORCE_BF16"] = "1"
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.pop("FORCE_BF16")
        os.environ |= {} if forced is None else {"FORCE_BF16": forced}
