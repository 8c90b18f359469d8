"""Which op adds most to an output error that nothing judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...frameworks.protocol import Traced
from ...graph.graph import Graph, Placement, Precision
from .estimates import trusted
from .order import rounding_ops

TOLERATED = 0.05
"""Output error from which it is warned of where nothing is judged and no bound is
stated: ten times what bf16 rounds one number by."""


@dataclass(frozen=True, slots=True)
class Worst:
    """The op that adds most.

    Attributes:
        share: Of the squared output error of all ops that are low.
    """

    op: str
    share: float


def worst_op(
    traced: Traced, low: Precision, graph: Graph, placement: Placement, seed: int
) -> Worst | None:
    """The low op that adds most to the output error; None where none does.

    By the adjoint sketch where it can be trusted; else by halves, of which the worse is
    gone on with: two runs of the calibration batch for each doubling of the ops.
    """
    ops = rounding_ops(graph, low, placement)
    if not ops:
        return None

    def square(group: Sequence[str]) -> float:
        return traced.error(low, group) ** 2

    sketched = dict(traced.sketch(low, ops, seed=seed))
    if len(sketched) == len(ops) and trusted(sketched, square):
        op = max(ops, key=lambda name: sketched[name])
        return Worst(op, sketched[op] / sum(sketched.values()))
    whole = found = square(ops)
    while len(ops) > 1:
        halves = ops[: len(ops) // 2], ops[len(ops) // 2 :]
        squares = [square(half) for half in halves]
        worse = squares.index(max(squares))
        ops, found = halves[worse], squares[worse]
    return Worst(ops[0], min(found / whole, 1.0)) if whole else None
