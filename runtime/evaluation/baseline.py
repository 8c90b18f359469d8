"""The model as loaded, scored: what all trials are judged against, and what of the
judgement is in doubt because of the model, the data or the metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from ..common.errors import DataError, ModelError, NarrowcastError
from ..common.places import described, place_of, users_code
from ..common.strict_json import listed, number, optional, record, seconds, text
from ..common.timing import Clock
from ..frameworks.protocol import Inputs, Outputs, Predict, Restarts, restart
from .batches import Batches, all_inputs, first_inputs, not_finite
from .criterion import Criterion
from .evaluation import (
    EVALUATION,
    Beside,
    Evaluation,
    Gatherable,
    add_batch,
    evaluation,
    evaluation_data,
    rounded,
    zeroed,
)
from .metrics.calling import made_metric, metric_value
from .metrics.metric import Metric
from .sizes import JUDGED


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the model as loaded gave.

    Attributes:
        zeros: The metric of outputs that are all zero, None where it has none.
        again: The metric of a second pass, where two predictions of one batch differ.
        seconds: What one pass took.
    """

    found: Evaluation
    zeros: float | None = None
    again: float | None = None
    seconds: float = 0.0

    @property
    def noise(self) -> float:
        """How far the metric moves by itself, in its own unit."""
        return 0.0 if self.again is None else abs(self.again - self.found.value)


def baseline_data(baseline: Baseline) -> dict[str, Any]:
    """A baseline as plain data."""
    seen = baseline.found.data
    return {
        "found": evaluation_data(baseline.found),
        "zeros": baseline.zeros,
        "again": baseline.again,
        "seconds": baseline.seconds,
        **({} if seen is None else {"data": list(seen.chain)}),
    }


BASELINE = record(
    {
        "found": EVALUATION,
        "zeros": optional(number),
        "again": optional(number),
        "seconds": seconds,
        "sizes": JUDGED,
    },
    {"data": listed(text)},
)


def baseline_of(data: Mapping[str, Any]) -> Baseline:
    """What `baseline_data` was given."""
    found, seen = evaluation(data["found"]), data.get("data")
    if seen is not None and found.data is not None:
        found = replace(found, data=replace(found.data, chain=tuple(seen)))
    return Baseline(found, data["zeros"], data["again"], data["seconds"])


def measured_baseline(
    predict: Predict,
    batches: Batches,
    metric: Callable[[], Metric],
    scored: Callable[[Beside], Evaluation],
    clock: Clock,
    names: Sequence[str] = (),
) -> Baseline:
    """Score the model once; a second time where two predictions of it differ.

    Args:
        scored: Evaluates it, in this process or in workers.
        names: Of the inputs, for messages.

    Raises:
        ModelError: It fails on the data.
        DataError: Its outputs or its metric are not finite.
    """
    zeros = _Zeros(metric)
    with _blamed():
        began = clock()
        found = scored(zeros.add)
        taken = clock() - began
        _check_finite(found, partial(not_finite, batches, names))
        same = _repeats(predict, first_inputs(batches))
        again = None if same else scored(lambda batch: None).value
    return Baseline(found, zeros.result(), again, taken)


def carries_state(predict: Predict, batches: Batches) -> bool:
    """Whether a prediction depends on the batch before: on the first of the second.

    Raises:
        ModelError: The model fails on the data.
    """
    if not isinstance(predict, Restarts):
        return False
    with _blamed():
        first = list(islice(all_inputs(batches), 2))
        restart(predict)
        behind = [predict(inputs) for inputs in first][-1]
        restart(predict)
        alone = predict(first[-1])
        restart(predict)
    return not _same(behind, alone)


@contextmanager
def _blamed() -> Iterator[None]:
    """What fails here is the model's, unless it says otherwise."""
    with users_code(_fails_on_data):
        yield


def _fails_on_data(error: BaseException) -> ModelError:
    return ModelError(
        f"the fp32 model fails on the data{place_of(error)}: {described(error)}",
        "Check model.inputs (shape, dtype), the dataset and its transforms.",
    )


def _check_finite(found: Evaluation, blamed: Callable[[], str]) -> None:
    if not found.finite:
        data = blamed()
        raise DataError(
            f"the fp32 model's outputs are not finite{f': {data}' if data else ''}",
            "Leave such samples out, or mend them."
            if data
            else "No 16-bit model can be judged against it: mend the model or the data.",
        )
    if math.isnan(found.value):
        raise DataError(
            f"the fp32 model's {found.metric} is not a finite number, although its "
            "outputs are",
            "No 16-bit model can be judged by it: look for labels that are NaN, or for "
            "what the metric divides by.",
        )


def _repeats(predict: Predict, inputs: Inputs) -> bool:
    """Whether two predictions of one batch are the same to the bit."""
    found = []
    for _time in range(2):
        restart(predict)
        found.append(predict(inputs))
    return _same(*found)


def _same(a: Outputs, b: Outputs) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


class _Zeros:
    """The metric of a model that is broken: its outputs are all zero.

    It only serves a warning, so a metric that fails on zeros just has no such value.
    """

    def __init__(self, make: Callable[[], Metric]) -> None:
        self.make = make
        self.metric: Metric | None = None
        self.fails = False

    def add(self, batch: Gatherable) -> None:
        """Take a batch."""
        if self.fails:
            return
        try:
            if self.metric is None:
                self.metric = made_metric(self.make)
            add_batch(self.metric, batch.zeros or zeroed(batch))
        except NarrowcastError:
            self.fails = True

    def result(self) -> float | None:
        """None where it has none."""
        if self.fails or self.metric is None:
            return None
        try:
            value = metric_value(self.metric)
        except NarrowcastError:
            return None
        return value if math.isfinite(value) else None


def doubts(criterion: Criterion, baseline: Baseline) -> Iterator[str]:
    """What a search can't know: reasons why its verdicts may be worth little."""
    found = baseline.found
    name, value = found.metric, found.value
    allowed = criterion.loss(value, criterion.bound(value))
    if not criterion.holds(value, value):
        yield (
            f"the fp32 model itself misses the criterion: {name} is {rounded(value)}, "
            f"demanded is {rounded(criterion.bound(value))}"
        )
    if 0 <= allowed < baseline.noise:
        yield (
            f"the tolerance of {rounded(allowed)} is below the model's own noise of "
            f"{rounded(baseline.noise)}: trials pass or fail by chance. Make the model "
            "deterministic (seeds, no dropout), or allow more than the noise."
        )
    scores = found.scores if found.bounds == (0, 1) else None
    if scores is not None and np.isin(scores, (0.0, 1.0)).all():
        step = 1 / len(scores)
        if 0 < allowed < step * (1 - 1e-9):
            yield (
                f"the tolerance of {rounded(allowed)} is below the step of {name}, "
                f"{rounded(step)} for one of {len(scores)} samples: none may be lost. "
                f"Allow {rounded(step)}, judge on more samples, or write 0 if it is meant."
            )
    if _can_not_fall(criterion, found):
        yield (
            f"{name} of the fp32 model is {rounded(value)}, the worst there is: no trial "
            "can fail. Check labels, transforms and metric."
        )
    elif baseline.zeros is not None and criterion.holds(value, baseline.zeros):
        yield (
            f"{name} can't tell a broken model: outputs that are all zero give "
            f"{rounded(baseline.zeros)}, which the criterion allows. Check labels and "
            "metric, or allow less."
        )


def _can_not_fall(criterion: Criterion, found: Evaluation) -> bool:
    if found.bounds is None:
        return False
    least, most = found.bounds
    return found.value == (least if criterion.higher_is_better else most)
