"""What a search lets stay pinned untested, and what it takes for failing untested."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ...graph.graph import Graph, Placement, Precision
from ...placement import Objective

GAIN = 0.005
"""Share of the objective (FLOPs, seconds, bytes) that a pin must cost to be tested."""

LESSER_GAIN = 0.05
"""The same for what the objective counts second, such as the bytes that casts move."""

MARGIN = 10.0
"""Over the predicted error of what failed: a multiple that is taken for failing."""

UNSEEN = 1e-6
"""Share of all predicted error: what fails with less fails for what was not predicted."""


@dataclass(frozen=True)
class Gain:
    """Whether lifting pins could gain more than the tolerance.

    Attributes:
        lesser: The tolerance for what the objective counts second, and so on.
        least: The tolerance for what it counts first.
    """

    graph: Graph
    low: Precision
    objective: Objective
    placed: Callable[[tuple[str, ...]], Placement]
    lesser: float = LESSER_GAIN
    least: float = GAIN

    def worth(self, background: tuple[str, ...], pins: tuple[str, ...]) -> bool:
        """Whether `pins` cost that much on top of `background`."""
        with_ = self._costs(self.placed((*background, *pins)))
        without = self._costs(self.placed(background))
        whole = self._costs(dict.fromkeys(self.graph.by_id, Precision.FP32))
        shares = (self.least, *(self.lesser for _cost in whole[1:]))
        return any(
            high - less > share * all_fp32
            for high, less, all_fp32, share in zip(
                with_, without, whole, shares, strict=True
            )
        )

    def _costs(self, placement: Placement) -> tuple[float, ...]:
        """Without the last, which only breaks ties."""
        return self.objective.rank(self.graph, placement)[:-1]


@dataclass(frozen=True)
class Residual:
    """The predicted error of the ops that stay low.

    Attributes:
        squares: Op id → squared output error in 16 bits.
        int8: The same in int8.
        failing: Placements that were evaluated and failed.
    """

    low: Precision
    squares: Mapping[str, float]
    failing: Sequence[Placement]
    int8: Mapping[str, float] = field(default_factory=dict)

    def hopeless(self, placement: Placement) -> bool:
        """Whether a placement is predicted to fail by far.

        Never after something failed with nearly no predicted error: the calibration
        batch does not show what it failed for, so the prediction says nothing.
        """
        return self._shown and self.of(placement) > MARGIN * self._least

    @cached_property
    def _shown(self) -> bool:
        every = (*self.squares.values(), *self.int8.values())
        finite = (each for each in every if math.isfinite(each))
        return self._least > UNSEEN * math.fsum(finite)

    @cached_property
    def _least(self) -> float:
        return min(map(self.of, self.failing), default=math.inf)

    def of(self, placement: Placement) -> float:
        """The sum over ops that are low, each in its precision."""
        known = ((self.low, self.squares), (Precision.INT8, self.int8))
        return math.fsum(
            each
            for precision, squares in known
            for op, each in squares.items()
            if placement[op] == precision
        )
