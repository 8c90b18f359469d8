"""What a maximum is taken of is quantized before it: the maximum of the integers is the
integer of the maximum, and a quarter of the bytes are read."""

from __future__ import annotations

import onnx_ir as ir

from ...ir.operators import is_standard


def quantized_before(graph: ir.Graph) -> None:
    """Exchange MaxPool → QuantizeLinear → DequantizeLinear for one behind the two."""
    for small in list(graph):
        if small.op_type != "QuantizeLinear" or not is_standard(small):
            continue
        value = small.inputs[0]
        pool = None if value is None else value.producer()
        if value is None or pool is None or not _alone(value, pool, small):
            continue
        ((wide, _),) = small.outputs[0].uses()
        given, made = pool.inputs[0], wide.outputs[0]
        made.replace_all_uses_with(value)
        value.type = made.type
        for node in (small, wide):
            graph.remove(node)
            pool.prepend(node)
        small.replace_input_with(0, given)
        pool.replace_input_with(0, made)
        for changed in (small.outputs[0], made):
            changed.shape = None if given is None else given.shape


def _alone(value: ir.Value, pool: ir.Node, small: ir.Node) -> bool:
    """Whether a MaxPool's fp32 is quantized and nothing else, for one to dequantize."""
    if pool.op_type != "MaxPool" or not is_standard(pool) or len(pool.outputs) > 1:
        return False
    readers = [user for user, _ in value.uses()]
    (given,) = pool.inputs
    wide = given is not None and given.dtype == ir.DataType.FLOAT
    if not wide or value.is_graph_output() or readers != [small]:
        return False
    behind = [user.op_type for user, _ in small.outputs[0].uses()]
    return behind == ["DequantizeLinear"]
