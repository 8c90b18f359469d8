"""Criteria that are relative to what the model as loaded has: where that is too little.

A share of nothing allows nothing. Of a metric that compares with fp32's own outputs the
model as loaded always has 0: the share is then of what outputs have that are all zero,
the mean square of fp32's outputs for MSE. Of other metrics it is refused, with what to
write instead.
"""

from __future__ import annotations

from collections.abc import Callable

from ...common.errors import UsageError
from ..baseline import Baseline
from ..criterion import Criterion, Stated, together
from ..evaluation import Evaluation, rounded
from ..metrics.calling import made_metric
from ..metrics.metric import Metric
from ..metrics.part import Part
from .joint import Joint, Jointly, needs_reference

TINY = 2.0**-24
"""Share of what outputs of zero lose that is below the rounding of fp32 itself."""


def meant(
    criterion: Criterion,
    found: Evaluation | Part,
    zeros: float | None,
    of_fp32: bool,
) -> Criterion:
    """The criterion as it is meant for a metric of this value.

    Args:
        found: The model as loaded.
        zeros: The same of outputs that are all zero, None where that is not known.
        of_fp32: Whether the metric compares with fp32's own outputs.

    Raises:
        UsageError: It allows nothing, or next to nothing, and does not say 0.
    """
    relative = criterion.relative
    if not relative or criterion.higher_is_better:
        return criterion
    allowed = relative * abs(found.value)
    if of_fp32 and not found.value and zeros:
        return Stated(higher_is_better=False, at_worst=relative * abs(zeros))
    known = abs(zeros - found.value) if zeros is not None else 0.0
    if allowed <= TINY * known:
        raise UsageError(_nothing(criterion, found, allowed), _instead(relative, known))
    return criterion


def meant_criterion(
    metric: Callable[[], Metric],
    criterion: Criterion | tuple[Criterion, ...],
    baseline: Baseline,
    say: Callable[[str], None],
) -> Criterion:
    """What is demanded, of one number or of several as one.

    Args:
        say: Told of criteria that are meant otherwise than they are written.

    Raises:
        UsageError: A criterion allows nothing, and does not say 0.
    """
    found, made = baseline.found, made_metric(metric)

    def judged(
        criterion: Criterion, by: Metric, number: Evaluation | Part, zeros: float | None
    ) -> Criterion:
        after = meant(criterion, number, zeros, needs_reference(by))
        if text := told(criterion, after, number):
            say(text)
        return after

    if not isinstance(metric, Jointly):
        assert isinstance(criterion, Criterion)
        return judged(criterion, made, found, baseline.zeros)
    assert isinstance(made, Joint)
    whole = metric.criterion(found.parts)
    own = tuple(
        judged(criterion, by, part, part.zeros)
        for criterion, by, part in zip(
            whole.parts, made.metrics, found.parts, strict=False
        )
    )
    return together((*own, *whole.parts[len(own) :]))


def _nothing(criterion: Criterion, found: Evaluation | Part, allowed: float) -> str:
    share = f"{100 * (criterion.relative or 0.0):g}%"
    little = "nothing" if not allowed else f"{rounded(allowed)}, less than fp32 rounds"
    return (
        f"the criterion allows {little}: {share} of {found.metric} "
        f"{rounded(found.value)}, which the fp32 model has"
    )


def _instead(relative: float, zeros: float) -> str:
    example = "the loss allowed in the metric's unit"
    if zeros:
        example = (
            f"{rounded(relative * zeros)} is that share of what outputs that are all "
            "zero lose"
        )
    return (
        f"Write tuning.accuracy_criterion.absolute: {example}; 0 allows none, if that is "
        "meant."
    )


def told(before: Criterion, after: Criterion, found: Evaluation | Part) -> str:
    """What is to be said of a criterion that is meant otherwise, "" for others."""
    if before == after:
        return ""
    return (
        f"{found.metric} compares with fp32's own outputs, of which fp32 has 0: "
        f"{100 * (before.relative or 0.0):g}% is taken of what outputs have that are all "
        f"zero, so that at most {rounded(after.bound(0.0))} holds"
    )
