"""The weights of a graph, and what a placement stores of them."""

from __future__ import annotations

from collections.abc import Iterator

from ..graph.graph import Graph, Op, Placement, Precision, Tensor


def weight_bytes(graph: Graph, placement: Placement) -> int:
    """Bytes of the fp32 weights as a placement stores them, once per precision."""
    total = 0
    for tensor, takers, fixed in stored_weights(graph):
        taken = {placement[op.id].bytes for op in takers}
        if fixed or not taken:
            taken.add(Precision.FP32.bytes)
        total += tensor.elements * sum(taken)
    return total


def shares_weight(graph: Graph, op: Op) -> bool:
    """Whether another op, or a fixed slot, takes a weight that this op takes."""
    mine = {name for name in graph.castable(op) if graph.tensors[name].constant}
    return bool(mine) and any(
        tensor.name in mine and (fixed or len(takers) > 1)
        for tensor, takers, fixed in stored_weights(graph)
    )


def stored_weights(graph: Graph) -> Iterator[tuple[Tensor, tuple[Op, ...], bool]]:
    """Each fp32 weight, the ops that cast it, and whether something takes it as fp32.

    Zeros and ones that an op makes are constants and no weights: nothing stores them.
    """
    as_fp32 = {name for op in graph.ops for name in graph.fixed(op)}
    as_fp32.update(graph.outputs)  # one that is a constant is never freed
    for name, tensor in graph.tensors.items():
        if tensor.constant and tensor.floating and name not in graph.producer:
            yield tensor, graph.consumers.get(name, ()), name in as_fp32
