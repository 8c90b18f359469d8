"""Ops that a runtime computes as the kernel before them writes what it made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..graph.graph import Graph, Kind, Op, Placement, Precision


def behind_int8(graph: Graph) -> Iterator[tuple[Op, Op]]:
    """Ops that a runtime computes as an int8 kernel writes what it made, with its maker.

    They take one tensor that nothing else takes: an activation, element by element, or
    a mover, which moves what is quantized already; and those behind them.
    """
    outputs = {*graph.outputs}
    readers = Counter(
        slot.tensor for op in graph.ops for slot in op.inputs if slot.tensor
    )
    tied = frozenset[str]().union(*graph.equal)
    makers: dict[str, Op] = {}
    for op in graph.ops:
        taken = [
            name for name in graph.castable(op) if not graph.tensors[name].constant
        ]
        if op.kind not in (Kind.MOVER, Kind.POINTWISE) or len(taken) != 1:
            continue
        (name,) = taken
        before = graph.producer.get(name)
        same = [graph.tensors[each].shape for each in op.outputs]
        alone = readers[name] == 1 and name not in outputs
        if before is None or not alone or op.kernel(Precision.INT8):
            continue
        if op.id in tied:
            continue
        if op.kind is Kind.POINTWISE and same != [graph.tensors[name].shape]:
            continue
        maker = makers.get(before.id, before)
        if maker.kind is not Kind.FIXED and maker.kernel(Precision.INT8):
            makers[op.id] = maker
            yield op, maker


def free(graph: Graph, placement: Placement) -> set[str]:
    """Ids of the ops that cost nothing: they are part of an int8 kernel."""
    if not graph.quantizable:
        return set()
    return {
        op.id
        for op, maker in behind_int8(graph)
        if placement[op.id] is fuses_in(maker) and placement[maker.id] is Precision.INT8
    }


def fuses_in(maker: Op) -> Precision:
    """The precision in which an op is part of the int8 kernel before it.

    That in which the kernel leaves its floats: in another it would have to be cast.
    """
    kernel = maker.kernel(Precision.INT8)
    return kernel.output if kernel else Precision.FP32


def summed(op: Op, precision: Precision) -> bool:
    """Whether an op is an addition in int8: the kernel of its convolution does it."""
    return precision is Precision.INT8 and op.kind is not Kind.COMPUTE
