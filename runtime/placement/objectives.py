"""Which ops go low: the exact minimum cut for a precision, pins and an objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ..common.errors import UsageError
from ..graph.graph import Graph, Op, Placement, Precision, casts
from ..graph.pins import Reason, Why
from .costs import Costs, cast_bytes, idle_bytes, predicted_bytes, predicted_seconds
from .cut_problem import CutProblem, cut_problem
from .memory import memory_problem, shares_weight, weight_bytes
from .solution import Solution


@dataclass(frozen=True)
class Placed:
    """An optimal placement.

    Attributes:
        placement: Op id → precision, for every op; of all optima the one with most
            ops in fp32.
        value: What it costs: seconds (latency), bytes of weights (memory), or bytes
            moved by casts and by ops without FLOPs (low_compute).
        quantum: Resolution of the cut, in the unit of `value`: costs were rounded to
            its multiples.
    """

    placement: Placement
    value: float
    quantum: float


class Problem(Protocol):
    """What is to be cut."""

    @property
    def nodes(self) -> Mapping[str, int]:
        """Op id → node."""
        ...

    @property
    def quantum(self) -> float:
        """Resolution of the cut, in the unit of `value`."""
        ...

    def best(self, floors: Mapping[int, Precision]) -> Solution:
        """The cheapest precision of each node; `floors` are the lowest that some may
        have."""
        ...


def _casts_cost_more(_graph: Graph, _op: Op, _low: Precision) -> Reason:
    return Reason(Why.CAST, "would cost more in casts than it saves")


@dataclass(frozen=True)
class Objective:
    """What is best; call it for the best placement.

    Attributes:
        name: Its name in a spec.
        problem: What is to be cut, for a graph and a low precision.
        rank: A placement's rank among those of one graph: the least is the best.
        unit: Of `gain`: "FLOPs", "seconds" or "bytes".
        gain: What an op that has a low kernel gains there by itself, without casts.
        aside: Why it leaves an op in fp32 that could be low and that nothing pins.
        tie: Share of what it counts first up to which placements are as good as equal.
    """

    name: str
    problem: Callable[[Graph, Precision], Problem]
    rank: Callable[[Graph, Placement], tuple[float, ...]]
    unit: str
    gain: Callable[[Graph, Op, Precision], float]
    aside: Callable[[Graph, Op, Precision], Reason] = _casts_cost_more
    tie: float = 0.0

    def best_first(
        self, graph: Graph, placements: Sequence[Placement]
    ) -> list[Placement]:
        """Placements by rank; of those that tie with the best, fewest casts come first.

        Each cast is a kernel of its own: dozens of them for a hundredth of the FLOPs make
        a model slower.
        """
        ranks = {id(each): self.rank(graph, each) for each in placements}
        whole = self.rank(graph, dict.fromkeys(graph.by_id, Precision.FP32))[0]
        least = min((rank[0] for rank in ranks.values()), default=0.0)

        def key(placement: Placement) -> tuple[float, ...]:
            rank = ranks[id(placement)]
            if self.tie and rank[0] <= least + self.tie * whole:
                return -math.inf, len(casts(graph, placement)), *rank
            return rank

        return sorted(placements, key=key)

    def __call__(self, graph: Graph, low: Precision, pins: Set[str]) -> Placed:
        """The best placement in fp32 and `low` that holds the pins.

        Fixed ops and ops without a kernel for `low` are fp32 by themselves. More pins
        never make fewer ops fp32.

        Args:
            graph: The traced model.
            low: bf16 or fp16.
            pins: Ids of ops, or of ops they absorbed, that must be fp32.

        Raises:
            UsageError: If a pin is no op of the graph, or `low` is fp32.
            CostError: If a cost is negative or not finite, or their sum isn't.
            ModelError: If an op's fp32 kernel makes another precision.
        """
        if low is Precision.FP32:
            raise UsageError("fp32 is no low precision.", "Use bf16 or fp16.")
        unknown = sorted(pins - {name for op in graph.ops for name in _ids(op)})
        if unknown:
            raise UsageError(
                f"No op is called {unknown[0]!r}, which is pinned to fp32.",
                "Pin ids of the traced graph, or of ops folded into its ops.",
            )
        floors = dict.fromkeys(pins, Precision.FP32)
        return place(graph, self.problem(graph, low), floors)


def latency(costs: Costs) -> Objective:
    """Least predicted seconds."""

    def problem(graph: Graph, low: Precision) -> CutProblem:
        return cut_problem(graph, low, costs.op, costs.cast)

    def rank(graph: Graph, placement: Placement) -> tuple[float, ...]:
        return predicted_seconds(graph, costs, placement), -_fp32_ops(placement)

    def gain(graph: Graph, op: Op, low: Precision) -> float:
        return costs.op(op, Precision.FP32) - costs.op(op, low)

    def aside(graph: Graph, op: Op, low: Precision) -> Reason:
        fp32 = 0.0 if op.kernel(low) is None else costs.op(op, Precision.FP32)
        times = costs.op(op, low) / fp32 if fp32 else 0.0
        if times < 1.0:
            return _casts_cost_more(graph, op, low)
        text = f"is no faster in {low}: takes {times:.2f} times as long"
        return Reason(Why.LATENCY, text, times)

    return Objective("latency", problem, rank, "seconds", gain, aside)


def _least_bytes(graph: Graph, low: Precision) -> CutProblem:
    """All FLOPs low that can be, since no cast weighs against them: bytes remain."""
    working = [op.id for op in graph.ops if op.flops and not op.quantized]
    return cut_problem(graph, low, partial(idle_bytes, graph), cast_bytes, working)


def _low_compute_rank(graph: Graph, placement: Placement) -> tuple[float, ...]:
    fp32 = graph.flops_in(placement, Precision.FP32)
    return fp32, predicted_bytes(graph, placement), -_fp32_ops(placement)


def _flops(graph: Graph, op: Op, low: Precision) -> float:
    return 0 if op.quantized else op.flops


low_compute = Objective(
    "low_compute", _least_bytes, _low_compute_rank, "FLOPs", _flops, tie=0.005
)
"""Most FLOPs low, then least bytes moved by casts and by ops without FLOPs."""


def _memory_rank(graph: Graph, placement: Placement) -> tuple[float, ...]:
    return weight_bytes(graph, placement), *_low_compute_rank(graph, placement)


def _own_bytes(graph: Graph, op: Op, low: Precision) -> float:
    """Bytes saved if all that take the op's weights went low with it."""
    tensors = (graph.tensors[name] for name in graph.castable(op))
    weights = {t for t in tensors if t.constant and t.name not in graph.producer}
    saved = Precision.FP32.bytes - low.bytes
    return sum(tensor.elements * saved for tensor in weights)


def _stored_twice(graph: Graph, op: Op, low: Precision) -> Reason:
    if not shares_weight(graph, op):
        return _casts_cost_more(graph, op, low)
    return Reason(
        Why.MEMORY, "shares a weight that fp32 ops keep: it would be stored twice"
    )


memory = Objective(
    "memory", memory_problem, _memory_rank, "bytes", _own_bytes, _stored_twice
)
"""Least bytes of weights, each once per precision it is taken in; then low_compute."""


def place(graph: Graph, problem: Problem, floors: Mapping[str, Precision]) -> Placed:
    """The placement of a problem under floors; one problem serves many of them.

    Args:
        floors: Id of an op, or of one that it absorbed → its lowest precision.
    """
    lowest: dict[int, Precision] = {}
    for op in graph.ops:
        for name in _ids(op):
            if name in floors:
                node = problem.nodes[op.id]
                known = lowest.get(node, floors[name])
                lowest[node] = max(known, floors[name], key=lambda p: p.level)
    found = problem.best(lowest)
    placement = {name: found.labels[node] for name, node in problem.nodes.items()}
    return Placed(placement, found.value, problem.quantum)


def _ids(op: Op) -> tuple[str, ...]:
    return (op.id, *op.absorbed)


def _fp32_ops(placement: Placement) -> int:
    return sum(precision is Precision.FP32 for precision in placement.values())
