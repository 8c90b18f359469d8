"""Least bytes of weights: a weight that both sides take is stored twice, and costs both.

Among the placements with the least bytes, most FLOPs are low, then fewest bytes move:
what `low_compute` wants. The least bytes are a minimum cut; all its optima are known
from one flow (`min_cut.optima`), and a second cut chooses among them. FLOPs need no cut
of their own: the smallest fp32 side of all optima is within each of the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..graph.graph import Graph, Precision
from .costs import cast_bytes, idle_bytes
from .cut_problem import node_costs, numbered
from .gadgets import cast_arcs, shared_casts
from .min_cut import SINK, SOURCE, Arc, Network, network, optima, source_side
from .solution import Solution, by_side, held
from .weights import stored_weights, weight_bytes


@dataclass(frozen=True)
class MemoryProblem:
    """The two cuts.

    Attributes:
        nodes: Op id → node.
        graph, low: What is placed.
        stored: The first: bytes of weights.
        demanded: Nodes whose FLOPs are low wherever the bytes allow it.
        moving: Arcs of the second: bytes moved by casts and by ops without FLOPs.
        size: Nodes of both.
    """

    nodes: Mapping[str, int]
    graph: Graph
    low: Precision
    stored: Network
    demanded: frozenset[int]
    moving: tuple[Arc, ...]
    size: int

    @property
    def quantum(self) -> float:
        """Resolution of the first cut, in bytes."""
        return self.stored.quantum

    def best(self, floors: Mapping[int, Precision]) -> Solution:
        """The best side as precisions: two cuts."""
        side = self.side(held(floors))
        labels = by_side(self.nodes.values(), side.tolist(), self.low)
        return Solution(labels, self.value(side))

    def side(self, pinned: Sequence[int]) -> NDArray[np.bool_]:
        """The best side, most of it fp32: True for nodes that are; `pinned` are."""
        found = optima(self.stored, pinned)
        low = ~found.most
        low[list(self.demanded)] |= ~found.least[list(self.demanded)]
        closed = ((int(u), int(v), math.inf) for u, v in found.kept)
        forced = ((int(node), SINK, math.inf) for node in np.flatnonzero(low))
        arcs = [*self.moving, *closed, *forced]
        high = np.flatnonzero(found.least).tolist()
        return source_side(
            network(self.size, arcs), sorted({*pinned, *high} - {SOURCE})
        )

    def value(self, side: NDArray[np.bool_]) -> float:
        """Bytes of the weights, `side` True for the nodes that are fp32."""
        placement = {
            name: Precision.FP32 if side[node] else self.low
            for name, node in self.nodes.items()
        }
        return weight_bytes(self.graph, placement)


def memory_problem(graph: Graph, low: Precision) -> MemoryProblem:
    """The cuts that place `graph` with the least bytes of weights.

    Raises:
        ModelError: If an op's fp32 kernel makes another precision.
    """
    nodes = numbered(graph, low)
    in_high, in_low = node_costs(graph, low, nodes, partial(idle_bytes, graph))
    gadgets = tuple(shared_casts(graph, low, nodes, cast_bytes))
    own, stored = _stored(graph, low, nodes, first=len(in_high))
    unfit = (gadget for gadget in gadgets if math.isinf(gadget.down))
    stored += [(gadget.maker, t, math.inf) for gadget in unfit for t in gadget.takers]
    size = own + 2 * len(gadgets)
    gains = (
        (node, SINK, high - in_low[node])
        for node, high in enumerate(in_high)
        if node > SINK
    )
    return MemoryProblem(
        nodes,
        graph,
        low,
        network(size, stored),
        frozenset(nodes[op.id] for op in graph.ops if op.flops) - {SOURCE},
        (*gains, *cast_arcs(gadgets, first=own)),
        size,
    )


def _stored(
    graph: Graph, low: Precision, nodes: Mapping[str, int], first: int
) -> tuple[int, list[Arc]]:
    """The first cut's arcs; its own nodes, two for a shared weight, count from `first`.

    A weight costs its fp32 bytes if any taker is fp32, and its low ones if any is low.
    """
    arcs: list[Arc] = []
    node = first
    for tensor, takers, fixed in stored_weights(graph):
        taking = {nodes[op.id] for op in takers}
        free = sorted(taking - {SOURCE})
        in_fp32 = float(tensor.elements * Precision.FP32.bytes)
        in_low = float(tensor.elements * low.bytes)
        if fixed or SOURCE in taking:  # in fp32 it is stored anyway
            arcs += [(SOURCE, node, in_low), *((node, t, math.inf) for t in free)]
            node += 1
        elif len(free) == 1:
            arcs.append((free[0], SINK, in_fp32 - in_low))
        else:
            arcs += [(node, SINK, in_fp32), *((t, node, math.inf) for t in free)]
            arcs.append((SOURCE, node + 1, in_low))
            arcs += ((node + 1, t, math.inf) for t in free)
            node += 2
    return node, arcs
