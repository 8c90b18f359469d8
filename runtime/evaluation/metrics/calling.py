"""Calling a metric, which may be the user's own code."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from ...common.errors import MetricError
from ...common.places import described, place_of, users_code
from ...common.processes.copies import own_copy
from ...common.processes.untouched import untouched_and_seeded
from ...common.telling.waiting import SCORING, waiting
from ...frameworks.protocol import Outputs
from ..data.arrays import CALLED
from ..drift.reference import Expected
from .metric import MeanOverSamples, Metric
from .part import OfParts, Part

OURS = __name__.removesuffix("evaluation.metrics.calling")
"""Begins the names of modules of this program's runtime."""


def metric_name(metric: Metric) -> str:
    """The name that a metric goes by in reports."""
    return str(getattr(metric, "name", type(metric).__name__))


def made_metric(metric: Callable[[], Metric]) -> Metric:
    """A new metric, reset.

    Raises:
        MetricError: It fails.
    """
    with _metric_errors(), _users():
        made = metric()
        made.reset()
        return made


def update_metric(metric: Metric, outputs: Outputs, labels: Any) -> None:
    """Let it see a batch.

    The user's code may work in place: it gets outputs and labels of its own.

    Raises:
        MetricError: It fails.
    """
    predictions, wanted = _one(outputs), _wanted(metric, labels)
    if not _is_ours(metric):
        predictions, wanted = own_copy(predictions), own_copy(wanted)
    with _metric_errors(unlabelled=wanted is None), _apart(metric):
        metric.update(predictions, wanted)


def _one(outputs: Outputs) -> Any:
    """The array, or the tuple of them where they are several."""
    return outputs[0] if len(outputs) == 1 else outputs


def _wanted(metric: Metric, labels: Any) -> Any:
    """What a metric compares with: labels, or fp32's outputs if it says so."""
    of_labels = compares_labels(metric)
    if not isinstance(labels, Expected):
        assert of_labels, "fp32's outputs were not kept"
        return labels
    if isinstance(metric, OfParts):
        return labels
    return labels.labels if of_labels else _one(labels.outputs())


def compares_labels(metric: Any) -> bool:
    """Whether a metric compares with labels, not with fp32's own outputs.

    As in Neural Compressor, `compare_label` says so, of a metric of the user's too; of
    one that wraps another, the one within.
    """
    own = getattr(metric, "compare_label", None)
    if own is None and hasattr(metric, "_metric"):
        return compares_labels(metric._metric)
    return own is None or bool(own)


def metric_part(metric: Metric) -> Part:
    """What a metric gives so far, as one number of several.

    Raises:
        MetricError: It fails, or gives no number.
    """
    name, value = metric_name(metric), metric_value(metric)
    if isinstance(metric, MeanOverSamples):
        return Part(name, value, scores=metric.scores(), bounds=metric.bounds)
    return Part(name, value, bounds=getattr(metric, "can_become", None))


def metric_value(metric: Metric) -> float:
    """What a metric gives as its result, NaN where that is not finite.

    Raises:
        MetricError: It fails, or gives no number.
    """
    with _metric_errors(), _apart(metric):
        found = metric.result()
    value = number_of(found)
    if value is None:
        raise MetricError(
            f"{metric_name(metric)}.result() gives {type(found).__name__}, not a number",
            "Let it return one float.",
        )
    return value if math.isfinite(value) else math.nan


def number_of(found: Any) -> float | None:
    """The number that something is; None of what is none."""
    if isinstance(found, str | bytes | complex):
        return None
    try:
        return float(found)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def first_number(found: Any) -> float | None:
    """The number that something is, or that a list or an array of them begins with."""
    if isinstance(found, list | tuple) or getattr(found, "ndim", None):
        return number_of(found[0]) if len(found) else None
    return number_of(found)


def _apart(metric: Metric) -> AbstractContextManager[None]:
    """Those that are ours draw nothing, stay where they are and come back."""
    return nullcontext() if _is_ours(metric) else _users()


@contextmanager
def _users() -> Iterator[None]:
    with untouched_and_seeded(), waiting(SCORING):
        yield


def _is_ours(metric: Any) -> bool:
    """Whether no code of the user's is in it: neither within nor as postprocess."""
    if not type(metric).__module__.startswith(OURS):
        return False
    if getattr(metric, "_postprocess", None) is not None:
        return False
    return not hasattr(metric, "_metric") or _is_ours(metric._metric)


@contextmanager
def _metric_errors(*, unlabelled: bool = False) -> Iterator[None]:
    with users_code(_without_labels if unlabelled else _failed_metric):
        yield


def _without_labels(error: BaseException) -> MetricError:
    """What None for labels may have led to."""
    failed = _failed_metric(error)
    return MetricError(f"{failed.message}; the data has no labels", CALLED)


def _failed_metric(error: BaseException) -> MetricError:
    remedy = (
        "update(predictions, labels) gets arrays, a tuple of them where the model "
        "has several outputs, and None where there is no label; reset() and "
        "result() take nothing."
    )
    if isinstance(error, ImportError):
        remedy = "Check evaluation.accuracy.metric in the spec."
    return MetricError(
        f"the metric failed{place_of(error)}: {described(error)}", remedy
    )
