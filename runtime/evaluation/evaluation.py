"""Scoring a model on the user's data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..common.errors import DataError
from ..common.strict_json import count, flag, listed, number, record, row, text
from ..frameworks.protocol import Inputs, Outputs, Predict, restart
from .batches import Batches, _no_batch, _read
from .drift.reference import Expected, plain
from .identity import IDENTITY, Identity, batch_digest, identity_data, identity_of
from .metrics.calling import made_metric, metric_name, metric_value, update_metric
from .metrics.metric import MeanOverSamples, Metric
from .metrics.part import PART, OfParts, Part, part_data, part_of
from .metrics.values import counted_on
from .sizes import shapes_of

Tick = Callable[[int], None]
"""Told the number of each batch that is done, for progress."""

Scores = npt.NDArray[np.float64]
"""One score per sample, shape (n,), in the order of the data."""

Watch = Callable[[Scores], bool]
"""Told the scores so far after each batch; True ends the evaluation there."""


@runtime_checkable
class PartsWatch(Protocol):
    """A watch of an evaluation of several numbers."""

    def parts(self, parts: Sequence[Part], /) -> bool:
        """Told all numbers so far after each batch; True ends the evaluation there."""
        ...


def to_the_end(scores: Scores) -> bool:
    """Let an evaluation see all data."""
    return False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one pass over the data gave.

    Attributes:
        metric: The metric's name.
        value: Its result.
        samples: Samples seen (length of the first output); None if nobody counted them.
        finite: Whether all float outputs were finite.
        scores: The samples' own scores where the metric is their mean, else None.
        bounds: The least and the largest that a score can be, where the metric says it.
        full: Whether all data was seen.
        data: What data was seen, None where nobody looked.
        parts: The numbers that the value stands for, where it is of several.
    """

    metric: str
    value: float
    samples: int | None
    finite: bool
    scores: Scores | None = field(default=None, compare=False, repr=False)
    bounds: tuple[float, float] | None = field(default=None, compare=False, repr=False)
    full: bool = True
    data: Identity | None = field(default=None, compare=False, repr=False)
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Gatherable:
    """What a metric needs of one batch.

    Attributes:
        samples: Length of the first output.
        finite: Whether all float outputs are finite.
        scores: The samples' own, if they were computed already; the rest is empty then.
        zeros: What there would be for outputs that are all zero, if it was asked for.
        data: Digest of inputs and labels.
        shapes: Of the inputs.
    """

    samples: int
    finite: bool
    outputs: Outputs = ()
    labels: Any = None
    scores: Scores | None = None
    zeros: Gatherable | None = None
    data: bytes = b""
    shapes: Sequence[tuple[int, ...]] = ()


Beside = Callable[[Gatherable], None]
"""Sees each batch of an evaluation as it comes."""


def evaluate(
    predict: Predict,
    batches: Batches,
    metric: Callable[[], Metric],
    tick: Tick = lambda number: None,
    watch: Watch | None = None,
    beside: Beside = lambda batch: None,
) -> Evaluation:
    """Run the model over all batches and compute the metric, exactly and in full.

    A model with state begins with the state that it was loaded with.

    Args:
        watch: May end the evaluation early, where the metric is a mean over samples.
            With one, outputs that are not finite end it too: nothing mends them.
        beside: Sees each batch as the metric does.

    Raises:
        DataError: The data is empty or can't be read.
        MetricError: The metric fails on these outputs.
    """
    results = (predicted() for predicted in predictions(predict, batches))
    return gather(results, metric, tick, watch, beside)


def predictions(
    predict: Predict, batches: Batches
) -> Iterator[Callable[[], Gatherable]]:
    """For each batch in turn what predicts it, for those that it is wanted of."""
    restart(predict)
    for inputs, labels in _read(batches):
        yield partial(_predicted, predict, inputs, labels)


def _predicted(predict: Predict, inputs: Inputs, labels: Any) -> Gatherable:
    # Before the model may write to them.
    data, shapes = batch_digest(inputs, plain(labels)), shapes_of(inputs)
    outputs = predict(inputs)
    if isinstance(labels, Expected):
        labels = labels.seen_by(outputs)
    samples = len(outputs[0]) if outputs and outputs[0].ndim else 1
    finite = all(_finite(output) for output in outputs)
    return Gatherable(samples, finite, outputs, labels, data=data, shapes=shapes)


def zeroed(batch: Gatherable) -> Gatherable:
    """The batch as a broken model would predict it: with zeros."""
    return replace(batch, outputs=tuple(map(np.zeros_like, batch.outputs)), scores=None)


def add_batch(metric: Metric, batch: Gatherable) -> None:
    """Let a metric take a batch, or the scores that were computed of it.

    Raises:
        MetricError: It fails on these outputs.
    """
    if isinstance(metric, MeanOverSamples) and batch.scores is not None:
        metric.add(batch.scores)
    else:
        update_metric(metric, batch.outputs, batch.labels)


def scored_apart(batch: Gatherable, metric: Callable[[], Metric]) -> Gatherable:
    """A batch with its samples' scores alone, where the metric is their mean.

    Raises:
        MetricError: The metric fails on these outputs.
    """
    made = made_metric(metric)
    if not isinstance(made, MeanOverSamples):
        return batch
    update_metric(made, batch.outputs, batch.labels)
    return replace(batch, outputs=(), labels=None, scores=made.scores())


def gather(
    batches: Iterable[Gatherable],
    metric: Callable[[], Metric],
    tick: Tick = lambda number: None,
    watch: Watch | None = None,
    beside: Beside = lambda batch: None,
) -> Evaluation:
    """The evaluation that these batches make, in the order of the data.

    Raises:
        DataError: There is no batch.
        MetricError: The metric fails on these outputs.
    """
    made = made_metric(metric)
    scored = made if isinstance(made, MeanOverSamples) else None
    samples, finite, full = 0, True, True
    digests: list[bytes] = []
    for done, batch in enumerate(batches, start=1):
        finite = finite and batch.finite
        digests.append(batch.data)
        try:
            add_batch(made, batch)
        except DataError as error:
            raise counted_on(error, samples) from error
        samples += batch.samples
        beside(batch)
        tick(done)
        if watch and (not finite or _clear(made, watch)):
            full = False
            break
    if not samples:
        raise _no_batch()
    scores, bounds = (scored.scores(), scored.bounds) if scored else (None, None)
    name, value = metric_name(made), metric_value(made)
    seen = identity_of(digests) if all(digests) else None
    parts = made.parts() if isinstance(made, OfParts) else ()
    return Evaluation(name, value, samples, finite, scores, bounds, full, seen, parts)


def _clear(metric: Metric, watch: Watch) -> bool:
    """Whether what a metric gives so far is enough for the watch."""
    if isinstance(metric, OfParts):
        return isinstance(watch, PartsWatch) and watch.parts(metric.parts())
    return isinstance(metric, MeanOverSamples) and watch(metric.scores())


def largest_error(expected: Outputs, found: Outputs) -> float:
    """RMS of the difference over the RMS of `expected`, the largest over float outputs.

    Infinite where `expected` is finite and `found` is not.
    """
    errors = [_error(a, b) for a, b in zip(expected, found, strict=True)]
    return max(errors, default=0.0)


def _error(expected: np.ndarray[Any, Any], found: np.ndarray[Any, Any]) -> float:
    if expected.dtype.kind != "f" or not expected.size:
        return 0.0
    wide = expected.astype(np.float64)
    difference = np.sqrt(np.mean(np.square(found.astype(np.float64) - wide)))
    if not np.isfinite(difference):
        return math.inf
    scale = float(np.sqrt(np.mean(np.square(wide))))
    return float(difference) / scale if scale else (math.inf if difference else 0.0)


def rounded(value: float) -> str:
    """A metric's value for people: four decimals, or digits that still tell it from 0."""
    return f"{value:.4f}" if not value or abs(value) >= 0.1 else f"{value:.4g}"


def _finite(output: np.ndarray[Any, Any]) -> bool:
    return output.dtype.kind not in "fc" or bool(np.isfinite(output).all())


def evaluation_data(found: Evaluation) -> dict[str, Any]:
    """An evaluation as plain data; what it does not have is left out."""
    data = {each.name: getattr(found, each.name) for each in fields(found)}
    scores = {} if found.scores is None else {"scores": found.scores.tolist()}
    seen = {} if found.data is None else {"data": identity_data(found.data)}
    del data["parts"]
    parts = {"parts": list(map(part_data, found.parts))} if found.parts else {}
    known = {key: value for key, value in data.items() if value is not None}
    return known | scores | seen | parts


EVALUATION = record(
    {"metric": text, "value": number, "finite": flag, "full": flag},
    {
        "samples": count,
        "scores": listed(number),
        "bounds": row(number, number),
        "data": IDENTITY,
        "parts": listed(PART),
    },
)


def evaluation(data: Mapping[str, Any]) -> Evaluation:
    """What `evaluation_data` was given."""
    found: dict[str, Any] = {"samples": None, **data}
    if "scores" in found:
        found["scores"] = np.array(found["scores"], np.float64)
    if "bounds" in found:
        found["bounds"] = tuple(found["bounds"])
    if "data" in found:
        found["data"] = Identity(**found["data"])
    if "parts" in found:
        found["parts"] = tuple(map(part_of, found["parts"]))
    return Evaluation(**found)
