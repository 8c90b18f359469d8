"""The baseline: what is refused, and what is said of a judgement worth little."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.baseline import (
    Baseline,
    baseline_data,
    baseline_of,
)
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation
from narrowcast.runtime.evaluation.judging.doubts import doubts
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.metrics.topk import TopK
from narrowcast.runtime.evaluation.sharding import Workers
from narrowcast.runtime.record.sources import Sources
from narrowcast.runtime.run import Context, Options
from narrowcast.runtime.run.scoring import scored_as_loaded
from narrowcast.runtime.run.slots.slots import Slots

SAMPLES, CLASSES = 200, 4


class Silent:
    def live(self, label: str, text: str) -> None: ...

    def batch(self, number: int) -> None: ...

    def goes_on(self, what: str, seconds: float) -> None: ...

    def line(self, label: str, text: str) -> None: ...


def a_run(folder: Path, workers: Executor | None = None) -> Context:
    options = Options(folder, folder / "net.plan.json")
    run = Context("net", folder / "convert.py", options, Silent(), time.perf_counter)
    run.workers = Workers(2, workers) if workers else None
    return run


def batches_of(labels: Any) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        for part in np.array_split(np.asarray(labels), 10):
            yield (part,), part

    return read


def right(inputs: Any) -> Any:
    """A model that knows the labels."""
    return (np.eye(CLASSES, dtype=np.float32)[inputs[0]],)


def scored(
    run: Context, predict: Any, labels: Any, criterion: Criterion, metric: Any = TopK
) -> Baseline:
    """The baseline of a model as loaded."""
    adapter: Any = SimpleNamespace(predictor=lambda model, inputs: predict)
    slots = Slots(adapter, lambda: None, batches_of(labels), (), Sources())
    return scored_as_loaded(run, slots, predict, metric, criterion).judged_by


def judged(
    run: Context, predict: Any, labels: Any, criterion: Criterion, metric: Any = TopK
) -> list[str]:
    """What is said of a baseline."""
    baseline = scored(run, predict, labels, criterion, metric)
    return [*run.warnings, *doubts(criterion, baseline)]


MIXED = np.arange(SAMPLES) % CLASSES


def test_of_a_sound_judgement_nothing_is_said(tmp_path: Path) -> None:
    assert judged(a_run(tmp_path), right, MIXED, Criterion(absolute=0.01)) == []


# Noise


class Noisy:
    """Right on as many samples as its seed says; predicts each batch once more."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def __call__(self, inputs: Any) -> Any:
        wrong = self.random.random(len(inputs[0])) < 0.1
        return right(((inputs[0] + wrong) % CLASSES,))


@pytest.mark.parametrize("allowed", [0.0, 0.001, 0.5])
def test_a_model_that_is_not_deterministic(tmp_path: Path, allowed: float) -> None:
    run = a_run(tmp_path)
    criterion = Criterion(absolute=allowed)
    baseline = scored(run, Noisy(), MIXED, criterion)
    said = [*run.warnings, *doubts(criterion, baseline)]
    assert baseline.again is not None
    first, second = baseline.found.value, baseline.again
    assert said[0] == (
        "the model is not deterministic: two passes over the data gave top-1 "
        f"{first:.4f} and {second:.4f}"
    )
    low = [text for text in said if "below the model's own noise of" in text]
    assert bool(low) == (allowed < abs(first - second))
    assert all("by chance. Make the model deterministic" in text for text in low)


def test_a_model_that_starts_over_is_deterministic(tmp_path: Path) -> None:
    class Counting:
        count = 0

        def restart(self) -> None:
            self.count = 0

        def __call__(self, inputs: Any) -> Any:
            self.count += 1
            return (right(inputs)[0] * self.count,)

    run = a_run(tmp_path)
    assert judged(run, Counting(), MIXED, Criterion(absolute=0.01)) == []


@pytest.mark.parametrize("state", [False, True])
def test_a_model_with_state_is_scored_in_one_process(
    tmp_path: Path, state: bool
) -> None:
    class Summing:
        """Each prediction is of all samples so far."""

        total = 0.0

        def restart(self) -> None:
            self.total = 0.0

        def __call__(self, inputs: Any) -> Any:
            self.total += float(inputs[0].sum()) * state
            return (right(inputs)[0] + np.float32(self.total),)

    class Unused(ThreadPoolExecutor):
        submitted = 0

        def submit(self, *args: Any, **options: Any) -> Any:
            Unused.submitted += 1
            return super().submit(*args, **options)

    with Unused(2) as executor:
        judged(a_run(tmp_path, executor), Summing(), MIXED, Criterion(absolute=0.1))
    assert (Unused.submitted == 0) is state


# The metric


@pytest.mark.parametrize(
    ("allowed", "said"),
    [(0.0, False), (0.0049, True), (0.005, False), (0.01, False)],
)
def test_a_tolerance_below_the_metrics_step(
    tmp_path: Path, allowed: float, said: bool
) -> None:
    found = judged(a_run(tmp_path), right, MIXED, Criterion(absolute=allowed))
    text = (
        "the tolerance of 0.0049 is below the step of top-1, 0.005 for one of 200 "
        "samples: none may be lost. Allow 0.005, judge on more samples, or write 0 if "
        "it is meant."
    )
    assert found == ([text] if said else [])


def test_errors_have_no_step(tmp_path: Path) -> None:
    criterion = Criterion(absolute=1e-9, higher_is_better=False)
    labels = np.linspace(1, 2, 50, dtype=np.float32)[:, None]
    model = lambda inputs: (inputs[0] + 0.1,)  # noqa: E731
    assert judged(a_run(tmp_path), model, labels, criterion, MSE) == []


@pytest.mark.parametrize("workers", [False, True])
@pytest.mark.parametrize("share", [0.5, 0.995])
def test_a_metric_that_cannot_tell_a_broken_model(
    tmp_path: Path, share: float, workers: bool
) -> None:
    labels = (np.arange(SAMPLES) >= share * SAMPLES).astype(int)
    with ThreadPoolExecutor(2) as executor:
        run = a_run(tmp_path, executor if workers else None)
        baseline = scored(run, right, labels, Criterion(absolute=0.01))
    assert baseline.zeros == share
    found = [*run.warnings, *doubts(Criterion(absolute=0.01), baseline)]
    text = (
        "top-1 can't tell a broken model: outputs that are all zero give 0.9950, which "
        "the criterion allows. Check labels and metric, or allow less."
    )
    assert found == ([text] if share == 0.995 else [])


def test_zeros_that_a_metric_fails_on_are_let_be(tmp_path: Path) -> None:
    class Correlation:
        """Undefined where one side is constant."""

        def reset(self) -> None:
            self.outputs: list[Any] = []

        def update(self, predictions: Any, labels: Any) -> None:
            if not predictions.any():
                raise ZeroDivisionError("no variance")

        def result(self) -> float:
            return 0.9

    run, criterion = a_run(tmp_path), Criterion(absolute=0.01)
    baseline = scored(run, right, MIXED, criterion, Correlation)
    assert [*run.warnings, *doubts(criterion, baseline)] == []
    assert baseline.zeros is None


def test_a_metric_that_cannot_get_worse(tmp_path: Path) -> None:
    wrong = lambda inputs: right(((inputs[0] + 1) % CLASSES,))  # noqa: E731
    found = judged(a_run(tmp_path), wrong, MIXED, Criterion(absolute=0.01))
    assert found == [
        "top-1 of the fp32 model is 0.0000, the worst there is: no trial can fail. "
        "Check labels, transforms and metric."
    ]


def test_a_metric_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    labels = np.full((20, 1), math.nan, np.float32)
    model = lambda inputs: (np.ones_like(inputs[0]),)  # noqa: E731
    with pytest.raises(DataError) as caught:
        judged(a_run(tmp_path), model, labels, Criterion(absolute=0.1), MSE)
    assert str(caught.value) == (
        "the fp32 model's MSE is not a finite number, although its outputs are: "
        "the label of sample 0 is nan\n"
        "  No 16-bit model can be judged by it: look for labels that are NaN, or for "
        "what the metric divides by."
    )


def test_a_demand_that_fp32_misses_itself(tmp_path: Path) -> None:
    found = judged(a_run(tmp_path), right, MIXED, Criterion(absolute=-0.5))
    assert found == [
        "the fp32 model itself misses the criterion: top-1 is 1.0000, demanded is "
        "1.5000"
    ]


@pytest.mark.parametrize("again", [None, 0.25])
@pytest.mark.parametrize("zeros", [None, 0.5])
def test_a_baseline_survives_as_plain_data(
    again: float | None, zeros: float | None
) -> None:
    scores = np.array([0.0, 1.0])
    found = Evaluation("top-1", 0.5, 2, True, scores, (0.0, 1.0))
    whole = baseline_of(baseline_data(Baseline(found, zeros, again)))
    assert (whole.found, whole.zeros, whole.again) == (found, zeros, again)
    assert whole.found.scores is not None
    assert whole.found.scores.tolist() == [0, 1]
