"""A graph as a minimum cut: the source side is fp32, the sink side low.

An op's two costs are arcs to the terminals; ops of one equality group are one node.
What is fp32 by itself is the source: inputs, outputs, fixed slots, ops without a low
kernel, and what split kernels (low in, fp32 out) make. Inputs and outputs whose dtype the
spec frees are the sink. Casts: see `gadgets`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..common.errors import ModelError
from ..graph.graph import Graph, Kind, Op, Precision
from .costs import CastCost, CostError, OpCost, checked
from .gadgets import Gadget, always_fp32, cast_arcs, shared_casts
from .groups import leaders
from .min_cut import SINK, SOURCE, Arc, Network, network, source_side
from .solution import Solution, by_side, held


@dataclass(frozen=True)
class CutProblem:
    """What a placement decides, before any pin.

    Attributes:
        nodes: Op id → node.
        low_precision: That of the sink's side.
        high: Cost of each node in fp32.
        low: Cost of each node in the low precision.
        gadgets: The casts that a placement may need.
        network: All of it as arcs.
    """

    nodes: Mapping[str, int]
    low_precision: Precision
    high: Sequence[float]
    low: Sequence[float]
    gadgets: Sequence[Gadget]
    network: Network

    @property
    def quantum(self) -> float:
        """Resolution of the cut, in the unit of its costs."""
        return self.network.quantum

    def best(self, floors: Mapping[int, Precision]) -> Solution:
        """The cheapest side as precisions: one minimum cut."""
        side = self.side(held(floors))
        labels = by_side(self.nodes.values(), side.tolist(), self.low_precision)
        return Solution(labels, self.value(side))

    def side(self, pinned: Sequence[int]) -> NDArray[np.bool_]:
        """The cheapest side, most of it fp32: True for nodes that are; `pinned` are."""
        return source_side(self.network, pinned)

    def value(self, side: NDArray[np.bool_]) -> float:
        """Cost of a cut, `side` True for the nodes that are fp32."""
        fp32 = side.tolist()
        costs = zip(fp32, self.high, self.low, strict=False)
        nodes = math.fsum(high if wide else low for wide, high, low in costs)
        casts = (
            gadget.down if fp32[gadget.maker] else gadget.up
            for gadget in self.gadgets
            if any(fp32[taker] != fp32[gadget.maker] for taker in gadget.takers)
        )
        return nodes + math.fsum(casts)


def cut_problem(
    graph: Graph,
    low: Precision,
    op_cost: OpCost,
    cast_cost: CastCost,
    demanded: Set[str] = frozenset(),
) -> CutProblem:
    """The cut that places `graph` in fp32 and `low`.

    Args:
        graph: Fixed ops in it cost nothing.
        low: bf16 or fp16.
        op_cost: Cost of an op in a precision that it has a kernel for.
        cast_cost: Cost of a cast of a tensor.
        demanded: Ids of ops that are low unless they can't be or a pin holds them.

    Raises:
        CostError: If a cost is negative or not finite, or their sum isn't.
        ModelError: If an op's fp32 kernel makes another precision.
    """
    nodes = numbered(graph, low)
    in_high, in_low = node_costs(graph, low, nodes, op_cost)
    size = len(in_high)
    gadgets = tuple(shared_casts(graph, low, nodes, cast_cost))
    prices = (price for gadget in gadgets for price in (gadget.down, gadget.up))
    casts = sum(price for price in prices if price < math.inf)
    if not math.isfinite(sum(in_high) + sum(in_low) + casts):
        raise CostError(
            "The costs add up to more than a float holds.",
            "Costs are seconds: see where they are measured or stated.",
        )
    forced = {nodes[name] for name in demanded} - always_fp32(gadgets)
    arcs = [
        *_terminal_arcs(in_high, in_low, gadgets, forced),
        *cast_arcs(gadgets, first=size),
    ]
    every = size + 2 * len(gadgets)
    return CutProblem(nodes, low, in_high, in_low, gadgets, network(every, arcs))


def node_costs(
    graph: Graph, low: Precision, nodes: Mapping[str, int], op_cost: OpCost
) -> tuple[list[float], list[float]]:
    """What each node costs in fp32 and in `low`, terminals included."""
    size = 2 + len(set(nodes.values()) - {SOURCE})
    in_high, in_low = [0.0] * size, [0.0] * size
    for op in graph.ops:
        node = nodes[op.id]
        if op.kind is not Kind.FIXED:
            in_high[node] += _op_cost(op, Precision.FP32, op_cost)
        if node != SOURCE:
            in_low[node] += _op_cost(op, low, op_cost)
    return in_high, in_low


def numbered(graph: Graph, low: Precision) -> dict[str, int]:
    """Op id → node: one per equality group, the source where low is impossible."""
    lead = leaders(graph)
    numbers = {lead[op.id]: SOURCE for op in graph.ops if not _can_be_low(op, low)}
    free = dict.fromkeys(lead.values())
    free_leaders = (name for name in free if name not in numbers)
    numbers |= {name: node for node, name in enumerate(free_leaders, start=SINK + 1)}
    return {name: numbers[first] for name, first in lead.items()}


def _can_be_low(op: Op, low: Precision) -> bool:
    high = op.kernel(Precision.FP32)
    if high is not None and high.output is not Precision.FP32:
        raise ModelError(f"{op.id} has an fp32 kernel that makes {high.output}.")
    kernel = op.kernel(low)
    if op.kind is Kind.FIXED or kernel is None:
        return False
    return kernel.output in (low, Precision.FP32)


def _op_cost(op: Op, precision: Precision, cost: OpCost) -> float:
    return checked(cost(op, precision), f"{op.id} in {precision}")


def _terminal_arcs(
    high: Sequence[float],
    low: Sequence[float],
    gadgets: Sequence[Gadget],
    forced: Collection[int],
) -> Iterator[Arc]:
    """Arcs for what each node gains on one side.

    A node that gains more than all casts it could cause is decided at once: its gain
    then needs no units, so that a 100 s op doesn't blur one of 1 ns.
    """
    if_low, if_high = [0.0] * len(high), [0.0] * len(high)
    for gadget in gadgets:
        if_low[gadget.maker] += gadget.up
        if_high[gadget.maker] += gadget.down
        for taker in gadget.takers:
            if_low[taker] += gadget.down
            if_high[taker] += gadget.up
    for node in range(SINK + 1, len(high)):
        gain = high[node] - low[node]
        if node in forced or gain > if_low[node]:
            yield node, SINK, math.inf
        elif -gain >= if_high[node]:
            yield SOURCE, node, math.inf
        elif gain > 0:
            yield node, SINK, gain
        else:
            yield SOURCE, node, -gain
