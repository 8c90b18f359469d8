"""Sums with zeros and products with ones.

Exporters write a mask where a model is given none, of the size of all scores.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir

from ...listing import listed
from ..ir.rewriting.editing import constant_of

NEUTRAL = {"Add": 0, "Sub": 0, "Mul": 1, "Div": 1}
"""Operator → the operand that changes nothing, but for the sign of a zero."""

ONE_SIDED = frozenset({"Sub", "Div"})

SELECTING = listed("Expand Flatten Identity Reshape Squeeze Tile Transpose Unsqueeze")
"""Operators whose output holds nothing but values of their first input."""


def unchanged(node: ir.Node) -> ir.Value | None:
    """The operand that the node returns as it is, None if it computes.

    Only where shapes say that it is not broadcast.
    """
    if node.op_type not in NEUTRAL or len(node.inputs) != 2:
        return None
    first, second = node.inputs
    if first is None or second is None:
        return None
    pairs = [(first, second), (second, first)]
    for data, other in pairs[:1] if node.op_type in ONE_SIDED else pairs:
        if _same_shape(data, node.outputs[0]) and _is(other, NEUTRAL[node.op_type]):
            return data
    return None


def _same_shape(data: ir.Value, out: ir.Value) -> bool:
    if data.shape is None or out.shape is None or len(data.shape) != len(out.shape):
        return False
    pairs = zip(data.shape, out.shape, strict=True)
    return all(a == b and (isinstance(a, int) or a.value) for a, b in pairs)


def _is(value: ir.Value, wanted: int) -> bool:
    """Whether all elements of a value are a number, whatever the model is given."""
    found = _first(value)
    return found is not None and found == wanted and _uniform(value)


def _first(value: ir.Value) -> Any:
    """One of its elements, None if it depends on what the model is given."""
    source = _source(value)
    tensor = None if source is None else constant_of(source)
    if tensor is None or not tensor.size or tensor.dtype == ir.DataType.STRING:
        return None
    return tensor.numpy().flat[0]


def _uniform(value: ir.Value) -> bool:
    source = _source(value)
    assert source is not None
    tensor = constant_of(source)
    assert tensor is not None
    values = tensor.numpy()
    return bool((values == values.flat[0]).all())


def _source(value: ir.Value) -> ir.Value | None:
    """The constant whose values are all that the value holds."""
    node = value.producer()
    if node is None or constant_of(value) is not None:
        return value
    if node.domain or not node.inputs or node.inputs[0] is None:
        return None
    if node.op_type in SELECTING:
        return _source(node.inputs[0])
    if node.op_type != "Where":
        return None
    condition = node.inputs[0]
    chosen = _first(condition)
    if chosen is None or not _uniform(condition):
        return None
    taken = node.inputs[1 if chosen else 2]
    return None if taken is None else _source(taken)
