"""The accuracy demanded of a converted model."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Criterion:
    """How far the metric may fall behind the fp32 baseline.

    Attributes:
        relative: Allowed loss as a share of the baseline's magnitude.
        absolute: Allowed loss in the metric's own unit; exactly one of the two is set.
        higher_is_better: The metric's direction.
    """

    relative: float | None = None
    absolute: float | None = None
    higher_is_better: bool = True

    def bound(self, baseline: float) -> float:
        """The worst value that still holds, in the metric's unit."""
        allowed = self.absolute
        if allowed is None:
            allowed = (self.relative or 0.0) * abs(baseline)
        return baseline - allowed if self.higher_is_better else baseline + allowed

    def loss(self, baseline: float, value: float) -> float:
        """How much worse `value` is, in the metric's unit; negative if better."""
        return baseline - value if self.higher_is_better else value - baseline

    def holds(self, baseline: float, value: float) -> bool:
        """Whether `value` is finite and within the bound."""
        if not math.isfinite(value):
            return False
        bound = self.bound(baseline)
        return value >= bound if self.higher_is_better else value <= bound
