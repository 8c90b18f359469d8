"""What of a judgement is in doubt because of the model, the data or the metric."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..baseline import Baseline
from ..criterion import Criterion, Together
from ..evaluation import Evaluation, rounded


def doubts(criterion: Criterion, baseline: Baseline) -> Iterator[str]:
    """What a search can't know: reasons why its verdicts may be worth little."""
    if isinstance(criterion, Together):
        yield from _of_each(criterion, baseline)
        return
    found = baseline.found
    name, value = found.metric, found.value
    allowed = criterion.loss(value, criterion.bound(value))
    if not criterion.holds(value, value):
        yield (
            f"the fp32 model itself misses the criterion: {name} is {rounded(value)}, "
            f"demanded is {rounded(criterion.bound(value))}"
        )
    if 0 <= allowed < baseline.noise:
        yield _noisy(rounded(allowed), rounded(baseline.noise))
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


def _of_each(criterion: Together, baseline: Baseline) -> Iterator[str]:
    for each, part in zip(criterion.parts, baseline.found.parts, strict=True):
        alone = Evaluation(
            part.metric, part.value, None, True, part.scores, part.bounds
        )
        yield from doubts(each, Baseline(alone, part.zeros))
    if baseline.noise > 1:
        yield _noisy("all that is allowed", f"{rounded(baseline.noise)} of that")


def _noisy(allowed: str, noise: str) -> str:
    return (
        f"the tolerance of {allowed} is below the model's own noise of {noise}: trials "
        "pass or fail by chance. Make the model deterministic (seeds, no dropout), or "
        "allow more than the noise."
    )


def _can_not_fall(criterion: Criterion, found: Evaluation) -> bool:
    if found.bounds is None:
        return False
    least, most = found.bounds
    return found.value == (least if criterion.higher_is_better else most)
