"""The model as loaded, scored: what all trials are judged against."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import Any

import numpy as np

from ..common.errors import DataError, ModelError, NarrowcastError, RunningError
from ..common.places import described, place_of, users_code
from ..common.strict_json import listed, number, optional, record, seconds, text
from ..common.timing import Clock
from ..frameworks.protocol import Inputs, Outputs, Predict, Restarts, restart
from .batches import Batches, _read, all_inputs, first_inputs, not_finite
from .evaluation import (
    EVALUATION,
    Beside,
    Evaluation,
    Gatherable,
    add_batch,
    evaluation,
    evaluation_data,
    zeroed,
)
from .judging.joint import Joint
from .metrics.calling import made_metric, metric_value
from .metrics.metric import Metric
from .metrics.part import OfParts, Part
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
    again: Callable[[Evaluation], Evaluation],
    clock: Clock,
) -> Baseline:
    """Score the model once; a second time where two predictions of it differ.

    Args:
        scored: Evaluates it, in this process or in workers.
        again: Does so once more, as what is held against the first time.

    Raises:
        ModelError: It fails on the data.
        DataError: Its outputs or its metric are not finite.
    """
    zeros = _Zeros(metric)
    with _blamed():
        began = clock()
        found = scored(zeros.add)
        taken = clock() - began
        _check_finite(found, batches)
        same = _repeats(predict, first_inputs(batches))
        second = None if same else again(found).value
    found = replace(found, parts=tuple(zeros.beside(found.parts)))
    return Baseline(found, zeros.result(), second, taken)


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
    return RunningError(
        f"the fp32 model fails on the data{place_of(error)}: {described(error)}",
        "Check model.inputs (shape, dtype), the dataset and its transforms.",
    )


def _check_finite(found: Evaluation, batches: Batches) -> None:
    if not found.finite:
        where = not_finite((inputs for inputs, _labels in _read(batches)), "input")
        if where:
            raise DataError(
                f"the fp32 model's outputs are not finite, and no wonder: {where}",
                "Mend the data, or leave such samples out.",
            )
        raise DataError(
            "the fp32 model's outputs are not finite",
            "No 16-bit model can be judged against it: mend the model or the data.",
        )
    if math.isnan(found.value):
        where = not_finite(((labels,) for _inputs, labels in _read(batches)), "label")
        raise DataError(
            f"the fp32 model's {found.metric} is not a finite number, although its "
            f"outputs are{f': {where}' if where else ''}",
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
        if self.fails or self.metric is None or isinstance(self.metric, Joint):
            return None
        try:
            value = metric_value(self.metric)
        except NarrowcastError:
            return None
        return value if math.isfinite(value) else None

    def beside(self, parts: Sequence[Part]) -> Iterator[Part]:
        """The numbers of the model as loaded, each with that of zeros."""
        zeros: tuple[Part, ...] = ()
        if not self.fails and isinstance(self.metric, OfParts):
            with suppress(NarrowcastError):
                zeros = self.metric.parts()
        values = [each.value if math.isfinite(each.value) else None for each in zeros]
        for part, zero in zip_longest(parts, values[: len(parts)]):
            yield replace(part, zeros=zero)
