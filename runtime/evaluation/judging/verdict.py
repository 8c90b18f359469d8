"""One number that was judged, in words: fp32's, the result's, and what is demanded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..criterion import Criterion, Stated, Together, criterion_of
from ..evaluation import Evaluation, rounded
from ..metrics.part import Part
from .digits import apart, said


@dataclass(frozen=True, slots=True)
class Verdict:
    """One number, held against what is demanded of it.

    Attributes:
        fp32, result: The number of the model as loaded, and of what was saved.
        step: What one sample more or less makes of it, None where that is any number.
    """

    metric: str
    fp32: float
    result: float
    criterion: Criterion
    step: float | None = None

    @property
    def holds(self) -> bool:
        """Whether it is within the bound."""
        return self.criterion.holds(self.fp32, self.result)

    @property
    def limit(self) -> str:
        """On which side of the bound it holds."""
        return "at least" if self.criterion.higher_is_better else "at most"

    @property
    def told(self) -> tuple[str, str, str]:
        """fp32's, the result's and the bound, with digits that tell them apart."""
        bound = self.criterion.bound(self.fp32)
        fp32, result, limit = said(self.metric, self.fp32, self.result, bound)
        return fp32, result, limit

    @property
    def needed(self) -> str:
        """What would have to be allowed for it to hold."""
        if isinstance(self.criterion, Stated):
            return f"{self.metric} {self.limit} {said(self.metric, self.result)[0]} to be allowed"
        loss = rounded(self.criterion.loss(self.fp32, self.result))
        return f"a loss of {loss} to be allowed (accuracy_criterion.absolute)"

    def line(self, finite: bool = True) -> str:
        """The sentence of a summary.

        Args:
            finite: Whether all outputs are.
        """
        fp32, result, bound = self.told
        # Against itself fp32 has always the same.
        change = result if isinstance(self.criterion, Stated) else f"{fp32} -> {result}"
        state = "criterion holds" if self.holds and finite else "CRITERION NOT MET"
        aside = "" if finite else ", outputs are not finite"
        step = "" if self.step is None else f"; one sample is {apart(self.step)[0]}"
        return f"{self.metric} {change}  ({self.limit} {bound}: {state}{aside}{step})"


def allowance(criterion: Criterion, fp32: float, result: float) -> str:
    """What would have to be allowed for this result to hold, in short."""
    loss = rounded(criterion.loss(fp32, result))
    if isinstance(criterion, Together):
        return f"{loss} times as much allowed (accuracy_criterion)"
    return f"a loss of {loss} allowed (accuracy_criterion.absolute)"


def verdicts(
    criterion: Criterion, baseline: Evaluation, result: Evaluation
) -> tuple[Verdict, ...]:
    """Those of all numbers of an evaluation."""
    if not isinstance(criterion, Together):
        step = step_of(baseline)
        value = result.value
        return (Verdict(result.metric, baseline.value, value, criterion, step),)
    return tuple(
        Verdict(after.metric, before.value, after.value, each, step_of(before))
        for each, before, after in zip(
            criterion.parts, baseline.parts, result.parts, strict=True
        )
    )


def reached(criterion: Criterion, baseline: Evaluation, result: Evaluation) -> str:
    """Names and values, with digits that tell each from its bound."""
    return ", ".join(
        f"{each.metric} {said(each.metric, each.result, bound)[0]}"
        for each in verdicts(criterion, baseline, result)
        for bound in (each.criterion.bound(each.fp32),)
    )


def step_of(found: Evaluation | Part) -> float | None:
    """What one sample makes of a mean of zeros and ones, the metric's resolution."""
    scores = found.scores
    if scores is None or found.bounds != (0, 1) or not len(scores):
        return None
    return 1 / len(scores) if np.isin(scores, (0.0, 1.0)).all() else None


def verdict_data(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain data."""
    return {
        "metric": verdict.metric,
        "fp32": verdict.fp32,
        "result": verdict.result,
        "criterion": asdict(verdict.criterion),
        "holds": verdict.holds,
        **({} if verdict.step is None else {"step": verdict.step}),
    }


def verdict_of(data: Mapping[str, Any]) -> Verdict:
    """What `verdict_data` was given.

    Raises:
        LookupError, TypeError, ValueError: It is none.
    """
    step = data.get("step")
    return Verdict(
        str(data["metric"]),
        float(data["fp32"]),
        float(data["result"]),
        criterion_of(data["criterion"]),
        None if step is None else float(step),
    )
