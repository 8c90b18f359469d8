"""Which ops go low: the exact minimum cut for a precision, pins and an objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ..common.errors import UsageError
from ..graph.graph import Graph, Kind, Op, Placement, Precision, casts
from ..graph.pins import Reason, Why
from .costs import Costs, cast_bytes, idle_bytes, predicted_bytes, predicted_seconds
from .cut_problem import cut_problem
from .labels.problem import label_problem
from .labels.stored import stored_labels
from .memory import memory_problem
from .solution import Solution
from .weights import shares_weight, weight_bytes


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


class Gain(Protocol):
    """What an op gains in a precision over a higher one by itself, without casts."""

    def __call__(
        self, graph: Graph, op: Op, low: Precision, high: Precision = ...
    ) -> float: ...


class Aside(Protocol):
    """Why an op is left in a precision though it could be in a lower one."""

    def __call__(
        self, graph: Graph, op: Op, low: Precision, high: Precision = ...
    ) -> Reason: ...


def _casts_cost_more(
    graph: Graph, op: Op, low: Precision, high: Precision = Precision.FP32
) -> Reason:
    return Reason(Why.CAST, "would cost more in casts than it saves")


@dataclass(frozen=True)
class Objective:
    """What is best; call it for the best placement.

    Attributes:
        name: Its name in a spec.
        problem: What is to be cut, for a graph and a low precision.
        rank: A placement's rank among those of one graph: the least is the best.
        unit: Of `gain`: "FLOPs", "seconds" or "bytes".
        gain: What an op that has a kernel for a precision gains there by itself.
        told: The same as people are told it, 0 at least.
        aside: Why it leaves an op in fp32, or in 16 bits, that could be lower and that
            nothing pins.
        tie: Share of what it counts first up to which placements are as good as equal.
    """

    name: str
    problem: Callable[[Graph, Precision], Problem]
    rank: Callable[[Graph, Placement], tuple[float, ...]]
    unit: str
    gain: Gain
    told: Gain
    aside: Aside = _casts_cost_more
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

    def problem(graph: Graph, low: Precision) -> Problem:
        posed = label_problem if graph.quantizable else cut_problem
        return posed(graph, low, costs.op, costs.cast)

    def rank(graph: Graph, placement: Placement) -> tuple[float, ...]:
        return predicted_seconds(graph, costs, placement), -_fp32_ops(placement)

    def gain(
        graph: Graph, op: Op, low: Precision, high: Precision = Precision.FP32
    ) -> float:
        return costs.op(op, high) - costs.op(op, low)

    def told(
        graph: Graph, op: Op, low: Precision, high: Precision = Precision.FP32
    ) -> float:
        return max(costs.alone(op, high) - costs.alone(op, low), 0.0)

    def aside(
        graph: Graph, op: Op, low: Precision, high: Precision = Precision.FP32
    ) -> Reason:
        higher = 0.0 if op.kernel(low) is None else costs.alone(op, high)
        times = costs.alone(op, low) / higher if higher else 0.0
        if times < 1.0 and costs.op(op, low) > costs.op(op, high):
            return Reason(
                Why.LATENCY, f"is faster in {low} alone, and the model in {high}"
            )
        if times < 1.0:
            return _casts_cost_more(graph, op, low)
        text = f"is no faster in {low}: takes {times:.2f} times as long"
        return Reason(Why.LATENCY, text, times)

    return Objective("latency", problem, rank, "seconds", gain, told, aside)


def _least_bytes(graph: Graph, low: Precision) -> Problem:
    """All FLOPs in the fewest bits that they can be in, since no cast weighs against
    them: bytes remain.

    Beside int8 those of contractions: an addition between int8 kernels would be in 16
    bits for a few FLOPs, and end what the runtime fuses.
    """
    posed = label_problem if graph.quantizable else cut_problem
    working = {
        op.id
        for op in graph.ops
        if op.flops
        and not op.quantized
        and (op.kind is Kind.COMPUTE or not graph.quantizable)
    }
    return posed(graph, low, partial(idle_bytes, graph), cast_bytes, working)


def _low_compute_rank(graph: Graph, placement: Placement) -> tuple[float, ...]:
    saved = sum(_flops(graph, op, placement[op.id]) for op in graph.ops)
    whole = sum(op.flops for op in graph.ops if not op.quantized)
    return whole - saved, predicted_bytes(graph, placement), -_fp32_ops(placement)


def _flops(
    graph: Graph, op: Op, low: Precision, high: Precision = Precision.FP32
) -> float:
    """FLOPs by the bits that they save: from fp32 down to the fewest, they count 1."""
    fewest = (Precision.INT8 if graph.quantizable else Precision.BF16).bytes
    saved = (high.bytes - low.bytes) / (Precision.FP32.bytes - fewest)
    return 0 if op.quantized else op.flops * saved


low_compute = Objective(
    "low_compute", _least_bytes, _low_compute_rank, "FLOPs", _flops, _flops, tie=0.005
)
"""FLOPs in the fewest bits, then least bytes moved by casts and by ops without FLOPs."""


def _least_weights(graph: Graph, low: Precision) -> Problem:
    if graph.quantizable:
        return stored_labels(graph, low)
    return memory_problem(graph, low)


def _memory_rank(graph: Graph, placement: Placement) -> tuple[float, ...]:
    return weight_bytes(graph, placement), *_low_compute_rank(graph, placement)


def _own_bytes(
    graph: Graph, op: Op, low: Precision, high: Precision = Precision.FP32
) -> float:
    """Bytes saved if all that take the op's weights went low with it."""
    tensors = (graph.tensors[name] for name in graph.castable(op))
    weights = {t for t in tensors if t.constant and t.name not in graph.producer}
    saved = high.bytes - low.bytes
    return sum(tensor.elements * saved for tensor in weights)


def _stored_twice(
    graph: Graph, op: Op, low: Precision, high: Precision = Precision.FP32
) -> Reason:
    if not shares_weight(graph, op):
        return _casts_cost_more(graph, op, low)
    return Reason(
        Why.MEMORY, "shares a weight that fp32 ops keep: it would be stored twice"
    )


memory = Objective(
    "memory",
    _least_weights,
    _memory_rank,
    "bytes",
    _own_bytes,
    _own_bytes,
    _stored_twice,
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
