"""Graphs of any size, as a framework would trace them: towers of encoder layers."""

from __future__ import annotations

from collections.abc import Iterator

from narrowcast.runtime.graph.graph import Graph, Kernel, Kind, Op, Precision, Slot
from narrowcast.runtime.graph.graph import Tensor as Value

FP32, BF16, INT8 = Precision.FP32, Precision.BF16, Precision.INT8
FLOATS = (Kernel(FP32, FP32), Kernel(BF16, BF16))
ALL = (Kernel(INT8, FP32), *FLOATS)
WIDTH, STEPS, HEADS = 256, 64, 4

LAYER = (
    ("norm", "layer_norm", ("x",), 1),
    ("q", "linear", ("norm",), 1),
    ("k", "linear", ("norm",), 1),
    ("v", "linear", ("norm",), 1),
    ("heads", "transpose", ("k",), 1),
    ("scores", "matmul", ("q", "heads"), 1),
    ("weights", "softmax", ("scores",), 1),
    ("mixed", "matmul", ("weights", "v"), 1),
    ("out", "linear", ("mixed",), 1),
    ("joined", "add", ("x", "out"), 1),
    ("norm2", "layer_norm", ("joined",), 1),
    ("up", "linear", ("norm2",), 4),
    ("gelu", "gelu", ("up",), 4),
    ("down", "linear", ("gelu",), 1),
    ("made", "add", ("joined", "down"), 1),
)
"""Op, its type, what it takes of the layer, and its width in parts of the model's."""

KINDS = {
    "linear": Kind.COMPUTE,
    "matmul": Kind.COMPUTE,
    "transpose": Kind.MOVER,
}


def tower(count: int, *, int8: bool = False) -> Graph:
    """Encoder layers one on the other, of about this many ops.

    Args:
        int8: Whether products with weights have int8 kernels.
    """
    tensors = {"x": _value("x", 1)}
    ops: list[Op] = []
    for layer in range(max(1, count // len(LAYER))):
        ops.extend(_layer(f"layers.{layer}", ops[-1].id if ops else "x", tensors, int8))
    return Graph(tuple(ops), tensors, ("x",), (ops[-1].id,))


def _layer(
    scope: str, before: str, tensors: dict[str, Value], int8: bool
) -> Iterator[Op]:
    for name, type_, takes, parts in LAYER:
        id_ = f"{scope}.{name}"
        taken = [before if each == "x" else f"{scope}.{each}" for each in takes]
        weighted = type_ == "linear"
        if weighted:
            weight = f"{id_}.weight"
            tensors[weight] = Value(
                weight, "float32", (WIDTH, parts * WIDTH), constant=True
            )
            taken.append(weight)
        kind = KINDS.get(type_, Kind.POINTWISE)
        tensors[id_] = _value(id_, parts)
        yield Op(
            id_,
            type_,
            kind,
            tuple(map(Slot, taken)),
            (id_,),
            scope=scope,
            flops=2 * STEPS * WIDTH * WIDTH * parts if kind is Kind.COMPUTE else 0,
            kernels=ALL if weighted and int8 else FLOATS,
        )


def _value(name: str, parts: int) -> Value:
    return Value(name, "float32", (8, STEPS, parts * WIDTH))
