"""What was delivered, held against what was demanded."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .criterion import Criterion, Together
from .evaluation import Evaluation
from .judging.digits import apart
from .judging.verdict import Verdict, verdict_data, verdicts
from .metrics.part import Part


@dataclass(frozen=True, slots=True)
class Judgement:
    """The accuracy of what is delivered: the saved file, evaluated in full.

    Attributes:
        criterion: The accuracy demanded.
        baseline: The model as loaded.
        result: The saved file in a fresh process.
    """

    criterion: Criterion
    baseline: Evaluation
    result: Evaluation

    @property
    def holds(self) -> bool:
        """Whether the criterion holds; never where outputs are not finite."""
        within = self.criterion.holds(self.baseline.value, self.result.value)
        return self.result.finite and within

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Of each number that is judged."""
        return verdicts(self.criterion, self.baseline, self.result)

    @property
    def lines(self) -> tuple[str, ...]:
        """The same in words, and what a number is made of."""
        said = tuple(each.line(self.result.finite) for each in self.verdicts)
        made = (
            f"{a.metric} {' -> '.join(apart(a.value, b.value))}" for a, b in self.parts
        )
        return (*said, f"of {', '.join(made)}") if self.parts else said

    @property
    def parts(self) -> tuple[tuple[Part, Part], ...]:
        """What one number is made of, fp32's and the result's; none where each is judged."""
        if isinstance(self.criterion, Together):
            return ()
        return tuple(zip(self.baseline.parts, self.result.parts, strict=True))

    @property
    def loss(self) -> float:
        """What is lost, in the metric's unit; infinite where not finite."""
        if not self.result.finite or math.isnan(self.result.value):
            return math.inf
        return self.criterion.loss(self.baseline.value, self.result.value)


@dataclass(frozen=True, slots=True)
class Package:
    """A compiled package of the result.

    Attributes:
        path: Its file.
        judgement: Its accuracy, loaded in a fresh process: its kernels round otherwise.
        drift: Without a criterion, its output error; as `Report.drift`.
    """

    path: Path
    judgement: Judgement | None = None
    drift: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the criterion holds, if there is one."""
        return self.judgement is None or self.judgement.holds


def judgement_data(judgement: Judgement | None) -> dict[str, Any] | None:
    """A judgement as plain data."""
    if judgement is None:
        return None
    several = isinstance(judgement.criterion, Together)
    parts = list(map(verdict_data, judgement.verdicts)) if several else []
    (first, *_others) = judgement.verdicts
    step = {} if several or first.step is None else {"step": first.step}
    return {
        "metric": judgement.result.metric,
        "samples": judgement.result.samples,
        "fp32": judgement.baseline.value,
        "result": judgement.result.value,
        "criterion": asdict(judgement.criterion),
        "holds": judgement.holds,
        **step,
        **({"parts": parts} if parts else {}),
    }
