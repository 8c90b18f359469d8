"""Several numbers judged at once: metrics by their criteria, and drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..criterion import Criterion, Together, together
from ..drift.demanded import Demand, Drift
from ..drift.reference import Expected
from ..evaluation import Evaluation
from ..metrics.calling import compares_labels, made_metric, metric_part
from ..metrics.metric import Metric
from ..metrics.part import SHARE, Part
from ..metrics.several import Several


def asked(
    metric: Callable[[], Metric] | None,
    criterion: Criterion | tuple[Criterion, ...],
    drift: Drift | None,
) -> Callable[[], Metric]:
    """What makes the metric of an evaluation: the user's own, or that of several numbers.

    Args:
        criterion: Several are for the metrics of `Several`, one for each.
    """
    if metric is not None and drift is None and isinstance(criterion, Criterion):
        return metric
    one = (criterion,) if isinstance(criterion, Criterion) else criterion
    return Jointly(metric, () if metric is None else one, drift)


@dataclass(frozen=True, slots=True)
class Jointly:
    """Makes the metric that is the largest share of what is allowed.

    Attributes:
        metric: Makes the metric, or `Several`; None where drift alone judges.
        criteria: One for each of its numbers.
        drift: What is demanded of outputs besides, None for nothing.
        fp32: Every number's value of the model as loaded; () where that is scored.
        bounds: Every number's own criterion, once it is known.
    """

    metric: Callable[[], Metric] | None
    criteria: tuple[Criterion, ...]
    drift: Drift | None = None
    fp32: tuple[Part, ...] = ()
    bounds: tuple[Criterion, ...] = ()

    def __call__(self) -> Metric:
        made = () if self.metric is None else (made_metric(self.metric),)
        metrics = [
            each
            for one in made
            for each in (one.metrics if type(one) is Several else (one,))
        ]
        return Joint(metrics, self)

    def criterion(self, parts: Sequence[Part]) -> Together:
        """Every number's criterion, given what the model as loaded has."""
        own = len(parts) if self.drift is None else len(self.criteria)
        drifts = [
            self.drift.demand(part.metric, part.output or 0).criterion
            for part in parts[own:]
            if self.drift is not None
        ]
        return together((*self.criteria, *drifts))

    def against(self, parts: Sequence[Part], criterion: Together) -> Jointly:
        """What scores converted models."""
        known = tuple(replace(part, scores=None) for part in parts)
        return replace(self, fp32=known, bounds=criterion.parts)


class Joint(Several):
    """The metric; of the model as loaded its number is 0, nothing being lost."""

    name = SHARE

    def __init__(self, metrics: Sequence[Metric], asked: Jointly) -> None:
        super().__init__(*metrics)
        self._asked = asked
        self._drifts: list[tuple[Demand, Metric]] | None = None

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Let each see the batch, and hold the outputs against fp32's."""
        super().update(predictions, labels)
        if self._asked.drift is None:
            return
        assert isinstance(labels, Expected)
        outputs = predictions if isinstance(predictions, tuple) else (predictions,)
        expected = labels.outputs()
        if self._drifts is None:
            demands = self._asked.drift.demands(expected)
            self._drifts = [(each, each.made()) for each in demands]
        for demand, metric in self._drifts:
            metric.update(outputs[demand.output], expected[demand.output])

    @property
    def drifts(self) -> bool:
        """Whether outputs are held against fp32's."""
        return self._asked.drift is not None

    def reset(self) -> None:
        super().reset()
        self._drifts = None

    def parts(self) -> tuple[Part, ...]:
        """The metrics' numbers, then those of drift."""
        drifts = (
            replace(metric_part(metric), metric=demand.name, output=demand.output)
            for demand, metric in self._drifts or ()
        )
        return (*super().parts(), *drifts)

    def result(self) -> float:
        """The largest share of what is allowed."""
        return largest_share(self._asked.bounds, self._asked.fp32, self.parts())


def largest_share(
    criteria: Sequence[Criterion], fp32: Sequence[Part], found: Sequence[Part]
) -> float:
    """Of the numbers that were found; 0 where there is nothing to hold them against."""
    if not fp32:
        return 0.0
    shares = (
        criterion.share(before.value, after.value)
        for criterion, before, after in zip(criteria, fp32, found, strict=True)
    )
    return max(shares)


def needs_reference(metric: Metric) -> bool:
    """Whether a metric compares with fp32's outputs, itself or in a part."""
    if isinstance(metric, Joint) and metric.drifts:
        return True
    if isinstance(metric, Several):
        return any(map(needs_reference, metric.metrics))
    return not compares_labels(metric)


def against(
    metric: Callable[[], Metric],
    criterion: Criterion | tuple[Criterion, ...],
    fp32: Evaluation,
) -> Callable[[], Metric]:
    """What scores a model that is held against fp32's evaluation."""
    if not isinstance(metric, Jointly):
        return metric
    if not isinstance(criterion, Together):
        criterion = metric.criterion(fp32.parts)
    return metric.against(fp32.parts, criterion)
