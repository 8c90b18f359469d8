"""The accuracy demanded of a converted model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEAST = 1e-12
"""What counts as allowed where nothing is, so that a share of it is a number."""


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

    def share(self, baseline: float, value: float) -> float:
        """How much of the loss that is allowed is used: at most 1 exactly where it holds.

        0 where nothing is lost, infinite where the value is not finite.
        """
        if not math.isfinite(value):
            return math.inf
        used = self.used(baseline, value)
        if self.holds(baseline, value):
            return min(max(used, 0.0), 1.0)
        return max(used, math.nextafter(1.0, 2.0))

    def used(self, baseline: float, value: float) -> float:
        """The loss over the loss that is allowed."""
        allowed = self.loss(baseline, self.bound(baseline))
        return self.loss(baseline, value) / max(allowed, LEAST)


@dataclass(frozen=True, slots=True)
class Stated(Criterion):
    """A bound that is stated as such, whatever the baseline is.

    Attributes:
        at_worst: The worst value that still holds, in the metric's unit.
    """

    at_worst: float = 0.0

    def bound(self, baseline: float) -> float:
        """The one that is stated."""
        return self.at_worst


@dataclass(frozen=True, slots=True)
class StatedDecibels(Stated):
    """Such a bound in dB: what is used is the share of the noise that it allows."""

    def used(self, baseline: float, value: float) -> float:
        """The noise over what is allowed, as powers."""
        return math.pow(10.0, min((self.at_worst - value) / 10, 300.0))


@dataclass(frozen=True, slots=True)
class Together(Criterion):
    """Several criteria as one, on the largest share of what each allows.

    Attributes:
        parts: One for each number that is judged.
    """

    parts: tuple[Criterion, ...] = ()


def together(parts: tuple[Criterion, ...]) -> Together:
    """What holds exactly where all of them do: no share is above 1, fp32's are 0."""
    return Together(absolute=1.0, higher_is_better=False, parts=parts)


def criterion_of(data: Mapping[str, Any]) -> Criterion:
    """What a criterion was, as plain data; its decibels are a stated bound.

    Raises:
        LookupError, TypeError, ValueError: It is none.
    """
    if "parts" in data:
        return together(tuple(map(criterion_of, data["parts"])))
    higher = bool(data["higher_is_better"])
    if "at_worst" in data:
        return Stated(higher_is_better=higher, at_worst=float(data["at_worst"]))
    relative, absolute = data.get("relative"), data.get("absolute")
    return Criterion(
        None if relative is None else float(relative),
        None if absolute is None else float(absolute),
        higher,
    )
