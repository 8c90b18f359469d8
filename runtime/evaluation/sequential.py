"""Ending a trial's evaluation as soon as its verdict is clear.

Two betting martingales for sampling without replacement (Waudby-Smith & Ramdas,
"Confidence sequences for sampling without replacement", NeurIPS 2020) bet on the
paired losses of the samples: one against "the loss is within what is allowed", one
against "it is beyond". A capital that reaches 1 / error_rate decides (Ville's
inequality). What the samples still to come can't change decides too, and exactly.

That a verdict is wrong with a probability of error_rate at most assumes that the data
comes in a random order. Sorted data breaks the assumption: more verdicts may then be
wrong. A wrong verdict costs a better placement or an evaluation in the finish, never
the guarantee: what is delivered was evaluated in full.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from .criterion import Criterion, Together
from .evaluation import Evaluation, Scores, Watch, to_the_end
from .judging.betting import Bettors, Sums
from .judging.joint import largest_share
from .metrics.part import Part

Scored = Evaluation | Part
"""What has a value, and where it is a mean over samples scores and their bounds."""


def paired_watch(
    baseline: Evaluation, criterion: Criterion, error_rate: float
) -> Watch:
    """What ends a trial's evaluation once its verdict is clear.

    It sees all data where the metric is no mean over samples, or states no bounds for
    their scores, or where `error_rate` is 0. Of several numbers one that clearly fails
    is enough, and all must clearly pass; the error rate is shared between them.

    Args:
        baseline: The fp32 model's, on the same data in the same order.
        error_rate: The most that the probability of a wrong verdict may be.
    """
    if isinstance(criterion, Together):
        if not error_rate:
            return to_the_end
        rate = error_rate / len(criterion.parts)
        return _Together(
            baseline.parts,
            criterion.parts,
            tuple(
                _watch(part, each, rate)
                for part, each in zip(baseline.parts, criterion.parts, strict=True)
            ),
        )
    return _watch(baseline, criterion, error_rate) or to_the_end


def _watch(baseline: Scored, criterion: Criterion, error_rate: float) -> _Paired | None:
    """That of one number, None where its samples say nothing before the last."""
    scores, bounds = baseline.scores, baseline.bounds
    if scores is None or bounds is None or not error_rate:
        return None
    if not _within(scores, bounds):
        return None
    return _Paired(baseline, scores, bounds, criterion, -math.log(error_rate))


def settled(
    found: Evaluation, baseline: Evaluation, criterion: Criterion | None = None
) -> Evaluation:
    """An evaluation that ended early with what its value would be on all data.

    The baseline's value less the mean loss so far, as far as the samples to come leave
    it open: the criterion says of it what the watch found.

    Args:
        criterion: Of several numbers, what their shares are of.
    """
    if found.full or not found.finite:
        return found
    if isinstance(criterion, Together):
        both = zip(found.parts, baseline.parts, strict=True)
        parts = tuple(cast(Part, _settled(part, before)) for part, before in both)
        share = largest_share(criterion.parts, baseline.parts, parts)
        return replace(found, value=share, parts=parts)
    return cast(Evaluation, _settled(found, baseline))


def _settled(found: Scored, baseline: Scored) -> Scored:
    if found.scores is None or baseline.scores is None or baseline.bounds is None:
        return found
    value = _projection(baseline, baseline.scores, baseline.bounds, found.scores)
    return replace(found, value=value)


@dataclass
class _Together:
    """The watch of several numbers.

    Attributes:
        verdicts: Place → whether it holds, of those that are clear.
    """

    baseline: Sequence[Part]
    criteria: Sequence[Criterion]
    watches: Sequence[_Paired | None]
    verdicts: dict[int, bool] = field(default_factory=dict)

    def __call__(self, scores: Scores) -> bool:
        """Scores alone say nothing of several numbers."""
        return False

    def parts(self, parts: Sequence[Part]) -> bool:
        """Whether one clearly fails, or all clearly hold."""
        for place, part in enumerate(parts):
            if place not in self.verdicts:
                self._look(place, part)
        known = self.verdicts
        return False in known.values() or len(known) == len(self.watches)

    def _look(self, place: int, part: Part) -> None:
        watch, before = self.watches[place], self.baseline[place]
        criterion = self.criteria[place]
        if watch is not None and part.scores is not None:
            if watch(part.scores):
                projected = _settled(part, before).value
                self.verdicts[place] = watch.holds(projected)
        elif part.scores is None and part.bounds is not None:
            ends = (criterion.holds(before.value, end) for end in part.bounds)
            if not any(ends):  # samples to come mend nothing
                self.verdicts[place] = False


def _projection(
    baseline: Scored, expected: Scores, bounds: tuple[float, float], scores: Scores
) -> float:
    least, most = _reachable(len(expected), bounds, scores)
    changed = float(np.mean(scores - expected[: len(scores)]))
    return min(max(baseline.value + changed, least), most)


def _reachable(
    samples: int, bounds: tuple[float, float], scores: Scores
) -> tuple[float, float]:
    """The least and the largest mean that the samples to come can make of it.

    Computed as the metric computes its result, over arrays of the same length: rounding
    is monotone, so the result lies between them to the last bit.
    """
    whole = np.empty(samples)
    whole[: len(scores)] = scores
    ends = []
    for bound in bounds:
        whole[len(scores) :] = bound
        ends.append(float(whole.mean()))
    return ends[0], ends[1]


def _within(scores: Scores, bounds: tuple[float, float]) -> bool:
    least, most = bounds
    return bool(((scores >= least) & (scores <= most)).all())


@dataclass
class _Paired:
    """The watch; it keeps the bettors' capitals between batches.

    Losses are how much worse a sample's score got; all in the metric's unit.

    Attributes:
        threshold: The log of a capital at which a hypothesis is rejected.
        seen: Samples already bet on.
    """

    baseline: Scored
    expected: Scores
    bounds: tuple[float, float]
    criterion: Criterion
    threshold: float
    seen: int = 0
    sums: Sums = field(default_factory=Sums)
    beyond: Bettors = field(init=False)
    within: Bettors = field(init=False)

    def __post_init__(self) -> None:
        sign = 1.0 if self.criterion.higher_is_better else -1.0
        best, worst = self.bounds[::-1] if sign > 0 else self.bounds
        least = float((sign * (self.expected - best)).min())
        most = float((sign * (self.expected - worst)).max())
        bound = self.criterion.bound(self.baseline.value)
        allowed = self.criterion.loss(self.baseline.value, bound) * len(self.expected)
        self.beyond = Bettors(least, allowed, len(self.expected))
        self.within = Bettors(-most, -allowed, len(self.expected))

    def __call__(self, scores: Scores) -> bool:
        """Whether the verdict is clear."""
        samples, so_far = len(self.expected), len(scores)
        if so_far >= samples or not _within(scores[self.seen :], self.bounds):
            return False
        losses = self.expected[self.seen : so_far] - scores[self.seen :]
        if not self.criterion.higher_is_better:
            losses = -losses
        self.beyond.bet(losses)
        self.within.bet(-losses)
        self.sums.add(scores[self.seen :])
        self.seen = so_far
        least, most = self._ends_hold(scores)
        if least == most:
            return True
        fails = self.beyond.record >= self.threshold
        passes = self.within.record >= self.threshold
        if fails == passes:
            return False
        projected = _projection(self.baseline, self.expected, self.bounds, scores)
        return self.holds(projected) is passes

    def _ends_hold(self, scores: Scores) -> tuple[bool, bool]:
        """Whether the least and the largest that it can become hold.

        All scores are summed anew only where running sums are too coarse to tell: with
        each batch they would cost as much as the samples before it are many.
        """
        samples = len(self.expected)
        told: list[bool] = []
        for bound in self.bounds:
            low, high = self.sums.mean(samples, bound)
            if self.holds(low) is not self.holds(high):
                least, most = _reachable(samples, self.bounds, scores)
                return self.holds(least), self.holds(most)
            told.append(self.holds(low))
        return told[0], told[1]

    def holds(self, value: float) -> bool:
        """Whether a mean holds, be it a bound of what it can become."""
        if math.isinf(value):  # a bound that is none, not a result
            return (value > 0) is self.criterion.higher_is_better
        return self.criterion.holds(self.baseline.value, value)
