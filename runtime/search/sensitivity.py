"""How much each low op harms the output, which is the order to pin them in."""

from __future__ import annotations

import math

from ..frameworks.protocol import Traced
from ..graph import Kind, Placement, Precision
from ..pins import Reason, Why


def sensitivity_order(
    traced: Traced, low: Precision, placement: Placement
) -> list[tuple[str, Reason]]:
    """What to pin first, and why: low ops by the output error that each alone causes.

    Movers come last: they round nothing, but where all around them is fp32 the casts
    that make them low do.
    """
    low_ops = [op for op in traced.graph.ops if placement[op.id] == low]
    rounding = [op.id for op in low_ops if op.kind is not Kind.MOVER]
    errors = [
        (name, math.inf if math.isnan(error) else error)
        for name, error in traced.errors(low, rounding).items()
    ]
    errors.sort(key=lambda item: (-item[1], item[0]))
    movers = (op.id for op in low_ops if op.kind is Kind.MOVER)
    aside = Reason(Why.ACCURACY, "the casts that would make it low round too much")
    return [
        *((name, Reason(Why.ACCURACY, _harm(error), error)) for name, error in errors),
        *((name, aside) for name in movers),
    ]


def _harm(error: float) -> str:
    if math.isinf(error):
        return "alone, in 16 bits, it makes outputs that are not finite"
    return f"alone, in 16 bits, it changes the output by {error:.1e}"
