"""Additions that runtimes make part of the int8 convolution before them.

A residual block's sum: where both sides are quantized its kernel adds integers' values
and writes integers. Else all of that passes through memory in 32 bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from ....graph.graph import Graph, Kind, Op
from ...quantizing import kernels
from ..writing.int8.candidate import Candidate


def sums(graph: Graph, int8: Collection[str]) -> Mapping[str, str]:
    """Additions of two tensors of one shape → the last convolution that makes one.

    What that makes is read by nothing else.

    Args:
        int8: Ids of the ops that can be in int8.
    """
    readers = Counter(slot.tensor for op in graph.ops for slot in op.inputs)
    readers.update(graph.outputs)
    found = {}
    for op in graph.ops:
        if not _adds(graph, op):
            continue
        names = [name for name in graph.castable(op) if readers[name] == 1]
        makers = [graph.producer[name] for name in names if name in graph.producer]
        convs = {op.id for op in makers if op.type == "Conv" and op.id in int8}
        if convs:
            found[op.id] = next(o.id for o in reversed(graph.ops) if o.id in convs)
    return found


def with_int8(graph: Graph, int8: Mapping[str, Candidate]) -> Graph:
    """The graph whose ops have int8's kernel where it ran, each sum tied to its own."""
    made = kernels.with_int8(graph, {op: each.made for op, each in int8.items()})
    return replace(made, equal=(*graph.equal, *tied(made, int8)))


def tied(graph: Graph, int8: Collection[str]) -> tuple[frozenset[str], ...]:
    """Each addition in int8 with its convolution: one kernel has one precision."""
    return tuple(
        frozenset(pair)
        for pair in sums(graph, int8).items()
        if pair[0] in int8 and _kernels(graph, pair[1]) <= _kernels(graph, pair[0])
    )


def _kernels(graph: Graph, op: str) -> set[str]:
    return {kernel.input for kernel in graph.by_id[op].kernels}


def _adds(graph: Graph, op: Op) -> bool:
    if op.type != "Add" or op.kind is not Kind.POINTWISE:
        return False
    taken = [graph.tensors[slot.tensor] for slot in op.inputs if slot.tensor]
    shapes = {each.shape for each in (*taken, graph.tensors[op.outputs[0]])}
    plain = all(t.floating and not t.constant for t in taken)
    return plain and len(shapes) == 1 and len({t.name for t in taken}) == 2
