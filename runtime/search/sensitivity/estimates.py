"""How much each op, rounded alone, is predicted to harm the model's outputs.

Output error localises, it never judges: a trial passes by the metric.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...frameworks.protocol import Traced
from ...graph.graph import Precision
from .estimate import Estimate, Method
from .splitting import split

LEAST, MOST = 0.1, 2.0
"""Bounds of the error that is measured, over the sum of the sketch, to trust it."""


@dataclass(frozen=True)
class Estimates:
    """The estimates of all low ops.

    Attributes:
        ranking: Largest error first.
        passes: Runs of the calibration batch that they took, one per op for a sketch's
            own roundings not counted.
    """

    ranking: tuple[Estimate, ...]
    passes: int

    @property
    def text(self) -> str:
        """How they came about, and the worst op."""
        methods = Counter(str(each.method) for each in self.ranking)
        how = " and ".join(f"{n} by {method}" for method, n in methods.items())
        if not self.ranking:
            return "no op rounds"
        worst = self.ranking[0]
        return f"{how}, {self.passes} passes; {worst.op} {worst.share:.0%} of the error"

    @property
    def squares(self) -> dict[str, float]:
        """Op id → squared output error."""
        return {each.op: each.error**2 for each in self.ranking}


def estimates(
    traced: Traced, low: Precision, ops: Sequence[str], seed: int
) -> Estimates:
    """Estimate every op: by the adjoint sketch where it can be trusted, else by splitting.

    The sketch is trusted if the error that is measured with all its ops low at once is
    between LEAST and MOST of its sum (docs/search.md, step 4). Ops that no gradient
    reaches are split, as are those that become infinite: a mask of -1e9 may, and harms
    nothing.

    Args:
        ops: In the graph's order.
    """
    passes = 0

    def measure(group: tuple[str, ...]) -> float:
        nonlocal passes
        passes += 1
        error = traced.error(low, group)
        return math.inf if math.isnan(error) else error**2

    sketched = traced.sketch(low, ops, seed=seed) if ops else {}
    sketch = {name: each for name, each in sketched.items() if math.isfinite(each)}
    if not trusted(sketch, measure):
        sketch = {}
    rest = split([name for name in ops if name not in sketch], measure)
    judged = (
        *((name, square, Method.SKETCH) for name, square in sketch.items()),
        *((name, square, Method.SPLITTING) for name, square in rest.items()),
    )
    shares = _shares([square for _name, square, _method in judged])
    ranking = [
        Estimate(name, math.sqrt(square), share, method)
        for (name, square, method), share in zip(judged, shares, strict=True)
    ]
    ranking.sort(key=lambda each: (-each.error, each.op))
    return Estimates(tuple(ranking), passes)


def in_fewest_bits(low: Estimates, int8: Estimates) -> tuple[Estimate, ...]:
    """One estimate of each op, that in int8 where it has one; largest error first."""
    narrow = [replace(each, int8=True) for each in int8.ranking]
    known = {each.op for each in narrow}
    if not known:
        return low.ranking
    every = [*narrow, *(each for each in low.ranking if each.op not in known)]
    every.sort(key=lambda each: (-each.error, each.op))
    shares = _shares([each.error**2 for each in every])
    return tuple(
        replace(each, share=share) for each, share in zip(every, shares, strict=True)
    )


def trusted(
    sketch: Mapping[str, float], measure: Callable[[tuple[str, ...]], float]
) -> bool:
    """Whether the sketch explains what all its ops low at once do to the outputs."""
    total = math.fsum(sketch.values()) if sketch else 0.0
    if not (math.isfinite(total) and total > 0.0):
        return False
    return LEAST * total <= measure(tuple(sketch)) <= MOST * total


def _shares(squares: Sequence[float]) -> list[float]:
    """Of the sum; where some are infinite they alone have equal ones."""
    if any(map(math.isinf, squares)):
        squares = [float(math.isinf(square)) for square in squares]
    total = math.fsum(squares)
    return [square / total if total else 0.0 for square in squares]
