"""Which inputs of a node take its precision."""

from __future__ import annotations

from collections.abc import Sequence, Set

import onnx_ir as ir

from ....graph.graph import Precision
from .schemas import STRINGS, Types

FIXED_SLOTS = {
    # Rounding a statistic or a scale once would move a whole channel by as much.
    "BatchNormalization": frozenset({1, 2, 3, 4}),
    "Dropout": frozenset({1}),
    # Coordinates: 8 bits don't tell the pixels of a row apart.
    "GridSample": frozenset({1}),
    "OneHot": frozenset({0, 1}),
    "Resize": frozenset({1, 2}),
    "Upsample": frozenset({1}),
}
"""Operator → inputs that stay fp32 wherever the operator's types allow it.

BatchNormalization's follow the others below opset 15, where all are of one type.
"""


def castable(
    node: ir.Node,
    known: Types,
    floats: Sequence[bool],
    low: Precision,
    uniform: Set[str] = frozenset(),
) -> tuple[bool, ...]:
    """Which inputs take the op's precision: those whose type may be `low`.

    All of them where none may: then it is the op that has no kernel.

    Args:
        floats: Which inputs are fp32.
        uniform: Operators whose inputs the runtime takes in one type only.
    """
    fixed = FIXED_SLOTS.get(node.op_type, frozenset())
    if node.op_type in uniform:
        fixed = frozenset()
    free = {
        known.input(k)
        for k, is_float in enumerate(floats)
        if is_float and k not in fixed and known.input(k) in known.allowed
    }
    bound = {name for name in free if known.allows(name, STRINGS[low])} or free
    return tuple(
        is_float and known.input(k) in bound for k, is_float in enumerate(floats)
    )
