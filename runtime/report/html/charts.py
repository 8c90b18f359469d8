"""SVG: an axis, and the numbers that it is marked at."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MOST = 1e300
"""A value of this size is nowhere on an axis."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from values to pixels.

    Attributes:
        least, most: Values at its ends.
        start, end: Pixels there; `end` may be the smaller.
    """

    least: float
    most: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value, to a tenth; values outside stay at the ends."""
        share = (value - self.least) / (self.most - self.least)
        place = self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)
        return round(place, 1)

    def marks(self, most: int = 6) -> list[float]:
        """Round numbers within it, at most about so many."""
        step = _round_step((self.most - self.least) / most)
        first = math.ceil(self.least / step - 1e-9)
        last = math.floor(self.most / step + 1e-9)
        return [k * step for k in range(first, last + 1)]

    def digits(self, most: int = 6) -> int:
        """Decimals that tell marks apart."""
        step = _round_step((self.most - self.least) / most)
        return max(0, -math.floor(math.log10(step) + 1e-9))


def axis(values: Iterable[float], start: float, end: float, margin: float) -> Axis:
    """An axis that all values are on, with a margin, as a share of it, on both sides."""
    known = [value for value in values if abs(value) < MOST] or [0.0]
    least, most = min(known), max(known)
    extent = max(most - least, max(abs(least), abs(most)) * 1e-6, 1e-12)
    return Axis(least - margin * extent, most + margin * extent, start, end)


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(
        k * power for k in (1.0, 2.0, 5.0, 10.0) if k * power >= rough * (1 - 1e-9)
    )
