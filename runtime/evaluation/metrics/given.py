"""Metrics that users give as objects: Neural Compressor's reset, update and result."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...common.errors import MetricError, UsageError, first_line
from .calling import first_number
from .metric import Metric

Tensor = Callable[[np.ndarray[Any, Any]], Any]
"""A NumPy array as the tensor that a framework's users expect."""

Postprocess = Callable[[Any], Any]
"""(predictions, labels) → the same, as the metric takes them."""

SAMPLES = ("sample", "samples", "pair", "batch")
"""What the one argument of `update` is called that holds predictions and labels."""

REMEDY = "Let it return one float, or a list that begins with it."

CLASS = "Give common.Metric(Class), which makes a new one for each pass."


@dataclass(frozen=True, slots=True)
class Given:
    """Makes a metric for each pass over the data: two of them may be under way at once.

    Attributes:
        make: A new object of the user's.
        name: The metric's name in reports.
        tensor: What the framework's users expect as predictions and labels.
        postprocess: What is done to both before, None for nothing.
    """

    make: Callable[[], Any]
    name: str
    tensor: Tensor = np.asarray
    postprocess: Postprocess | None = None

    def __call__(self) -> Metric:
        return _Adapted(self.name, self.make(), self.tensor, self.postprocess)


def given(
    metric: Any, tensor: Tensor = np.asarray, postprocess: Postprocess | None = None
) -> Given:
    """What makes a metric of an object, which is copied for each pass, or of a class.

    Raises:
        UsageError: It is no metric, or can't be copied.
    """
    for name in ("update", "result"):
        if not callable(getattr(metric, name, None)):
            kind = metric if isinstance(metric, type) else type(metric)
            raise UsageError(
                f"the metric is {kind.__name__}, which has no {name}()",
                "A metric has update(predictions, labels), reset() and result().",
            )
    if isinstance(metric, type):
        return Given(metric, metric.__name__, tensor, postprocess)
    named = str(getattr(metric, "name", type(metric).__name__))
    _copied(metric)
    return Given(lambda: _copied(metric), named, tensor, postprocess)


def _copied(metric: Any) -> Any:
    try:
        return copy.deepcopy(metric)
    except Exception as error:  # what it holds may refuse in any way
        raise UsageError(
            f"the metric {type(metric).__name__} can't be copied: {first_line(error)}",
            CLASS,
        ) from error


class _Adapted:
    """A user's metric, called as it wants to be."""

    def __init__(
        self, name: str, metric: Any, tensor: Tensor, postprocess: Postprocess | None
    ) -> None:
        self.name = name
        self._metric = metric
        self._tensor = tensor
        self._postprocess = postprocess
        self._one = takes_one(metric.update)

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Hand over what the postprocess makes of one batch."""
        pair = self._as_tensors(predictions), self._as_tensors(labels)
        if self._postprocess is not None:
            pair = self._postprocess(pair)
        if self._one:
            self._metric.update(pair)
        else:
            self._metric.update(*pair)

    def reset(self) -> None:
        """Where it has no reset(), a new object is all that it needs."""
        if hasattr(self._metric, "reset"):
            self._metric.reset()

    def result(self) -> float:
        """Its number, or what a list of them begins with, as `eval_func` may give it.

        Raises:
            MetricError: There is none.
        """
        found = self._metric.result()
        value = first_number(found)
        if value is None:
            what = type(found).__name__
            raise MetricError(f"{self.name}.result() gives {what}, no number", REMEDY)
        return value

    def _as_tensors(self, value: Any) -> Any:
        """Arrays of numbers as tensors, in whatever holds them."""
        if isinstance(value, np.ndarray):
            return self._tensor(value) if value.dtype.kind in "biufc" else value
        if isinstance(value, Mapping):
            return {name: self._as_tensors(each) for name, each in value.items()}
        if type(value) in (tuple, list):
            return type(value)(self._as_tensors(each) for each in value)
        return value


def takes_one(update: Callable[..., Any]) -> bool:
    """Whether `update` takes one argument that holds predictions and labels.

    Neural Compressor called it with two, and its page writes `update(self, sample)`:
    where the second may be left out, the first one's name decides.
    """
    try:
        found = inspect.signature(update).parameters.values()
    except (TypeError, ValueError):  # no Python function
        return False
    if any(each.kind is each.VAR_POSITIONAL for each in found):
        return False
    places = [
        p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    required = [p for p in places if p.default is p.empty]
    if len(places) < 2 or len(required) > 1:
        return len(places) < 2
    return places[0].name in SAMPLES
