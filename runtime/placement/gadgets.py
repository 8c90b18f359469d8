"""The shared casts of a graph's tensors, as arcs of a cut (see `cut_problem`).

A tensor has one cast per direction that all its takers share: down (fp32 to low) by
maker → own node → takers, up by takers → own node → maker. The maker's arc costs the
cast, no cut may cross the takers'.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..graph.graph import Graph, Precision
from .costs import CastCost, checked
from .min_cut import SINK, SOURCE, Arc


@dataclass(frozen=True, slots=True)
class Gadget:
    """The shared casts of one tensor.

    Attributes:
        maker: Node of what makes the tensor.
        takers: Nodes of what else takes it.
        down: Cost of the cast from fp32 to low, 0 if no taker can be low, infinite if
            it must not be.
        up: Cost of the cast from low to fp32, 0 if the maker can't be low.
    """

    maker: int
    takers: tuple[int, ...]
    down: float
    up: float


def shared_casts(
    graph: Graph, low: Precision, nodes: Mapping[str, int], cost: CastCost
) -> Iterator[Gadget]:
    """A gadget for every tensor that some placement casts.

    Args:
        graph: The traced model.
        low: bf16 or fp16.
        nodes: Op id → node.
        cost: Cost of a cast of a tensor.

    Raises:
        CostError: If a cost is negative or not finite.
    """
    makers = _makers(graph, low, nodes)
    takers = _takers(graph, nodes)
    for name, maker in makers.items():
        others = tuple(node for node in takers.get(name, ()) if node != maker)
        if not others:
            continue
        tensor = graph.tensors[name]
        down, up = 0.0, 0.0
        if any(node != SOURCE for node in others):
            price = cost(tensor, Precision.FP32, low)
            down = checked(price, f"the cast of {name} to {low}")
            down = math.inf if name in graph.unfit else down
        if maker != SOURCE:
            price = cost(tensor, low, Precision.FP32)
            up = checked(price, f"the cast of {name} to fp32")
        yield Gadget(maker, others, down, up)


def always_fp32(gadgets: Sequence[Gadget]) -> set[int]:
    """The source, and the nodes that take what must not be cast from what it makes."""
    found, before = {SOURCE}, 0
    uncastable = [gadget for gadget in gadgets if math.isinf(gadget.down)]
    while len(found) > before:
        before = len(found)
        for gadget in uncastable:
            if gadget.maker in found:
                found.update(gadget.takers)
    return found


def _makers(
    graph: Graph, low: Precision, nodes: Mapping[str, int]
) -> Mapping[str, int]:
    """Tensor that may need a cast → the node whose precision it is held in."""
    makers = {name: _end(each) for name, each in graph.coming.items()}
    for op in graph.ops:
        kernel = op.kernel(low)
        split = kernel is not None and kernel.output is Precision.FP32
        made_by = SOURCE if split else nodes[op.id]
        makers.update(dict.fromkeys(graph.carried(op), made_by))
    tensors = graph.tensors
    return {
        name: node
        for name, node in makers.items()
        if tensors[name].floating and not tensors[name].constant
    }


def _takers(graph: Graph, nodes: Mapping[str, int]) -> Mapping[str, dict[int, None]]:
    """Tensor → the nodes whose precision it is taken in, each once."""
    takers: dict[str, dict[int, None]] = {}

    def take(name: str, node: int) -> None:
        takers.setdefault(name, {})[node] = None

    for op in graph.ops:
        for name in graph.castable(op):
            take(name, nodes[op.id])
        for name in graph.fixed(op):
            take(name, SOURCE)
    for name, precision in graph.border:
        take(name, _end(precision))
    return takers


def _end(precision: Precision) -> int:
    """The terminal that stands for who gives an input, or takes an output."""
    return SOURCE if precision is Precision.FP32 else SINK


def cast_arcs(gadgets: Sequence[Gadget], first: int) -> Iterator[Arc]:
    """Arcs of the gadgets, whose own nodes count from `first`.

    A single taker shares with nobody and needs none: shorter paths for the flow.
    """
    for index, gadget in enumerate(gadgets):
        if len(gadget.takers) == 1:
            yield gadget.maker, gadget.takers[0], gadget.down
            yield gadget.takers[0], gadget.maker, gadget.up
            continue
        down, up = first + 2 * index, first + 2 * index + 1
        yield gadget.maker, down, gadget.down
        yield up, gadget.maker, gadget.up
        for taker in gadget.takers:
            yield down, taker, math.inf
            yield taker, up, math.inf
