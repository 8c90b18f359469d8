"""What came of converting a model to one precision, and which of several is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..evaluation.evaluation import rounded
from ..frameworks.protocol import LoadSaved, Traced
from ..report.report import Judgement, Package
from ..search import Evaluate, Found
from ..search.found import Plan


@dataclass(frozen=True)
class Converted:
    """A saved model that was judged.

    Attributes:
        saved: The candidate.
        judgement: Its accuracy, loaded in a fresh process.
        package: Under `execution: compile`, what it was compiled to.
        evaluate: Scores a placement of this model.
    """

    traced: Traced
    found: Found
    plan: Plan
    saved: Path
    judgement: Judgement
    package: Package | None = None
    evaluate: Evaluate | None = None

    @property
    def holds(self) -> bool:
        """Whether model and package meet the criterion."""
        return all(each.holds for each in self._judged)

    @property
    def loss(self) -> float:
        """What is lost as saved, in the metric's unit; infinite where not finite."""
        return max(map(_loss, self._judged))

    @property
    def _judged(self) -> tuple[Judgement, ...]:
        package = self.package.judgement if self.package else None
        return (self.judgement,) if package is None else (self.judgement, package)

    def compiled(self, load: LoadSaved) -> tuple[LoadSaved, Path] | None:
        """How the package is opened, and where it is."""
        return None if self.package is None else (load, self.package.path)


def _loss(judged: Judgement) -> float:
    if not judged.result.finite or math.isnan(judged.result.value):
        return math.inf
    return judged.criterion.loss(judged.baseline.value, judged.result.value)


def closest(tried: Sequence[Converted]) -> Converted:
    """The first that holds; if none does, the one that loses least."""
    return min(
        tried, key=lambda each: (not each.holds, 0.0 if each.holds else each.loss)
    )


def better(converted: Sequence[Converted]) -> Converted:
    """The best by the objective of those that hold; without any, the closest.

    Of equals the one that loses less as saved, then the first. Predicted seconds are
    those of one machine: a precision that is not timed here comes last.
    """

    def key(each: Converted) -> tuple[bool, float, float]:
        if not each.holds:
            return True, each.loss, 0.0
        return False, each.plan.rank[0] if each.plan.rank else 0.0, each.loss

    return min(converted, key=key)


def described_result(one: Converted) -> str:
    """Compute and accuracy of what was saved, for a progress line."""
    graph, plan = one.traced.graph, one.plan
    flops = sum(op.flops for op in graph.ops if plan.placement[op.id] == plan.low)
    result = one.judgement.result
    state = "passes" if one.holds else "fails"
    share = f"{flops / max(graph.flops, 1):.1%} of FLOPs in {plan.low}"
    return f"{share}  {result.metric} {rounded(result.value)}  {state}"
