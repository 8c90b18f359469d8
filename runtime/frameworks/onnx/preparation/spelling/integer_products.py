"""ConvInteger and MatMulInteger, for a runtime that has no kernel for them.

Dynamic quantization makes them, and casts what they make to fp32. The same product of
floats that hold whole numbers is as exact, and such numbers are exact in bfloat16, too:
they have 8 bits.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...ir.quantized.integers import contraction
from ...ir.rewriting.editing import Editor, constant_of
from ..absorbed import Names
from ..identities import replace

OPERATORS = frozenset({"ConvInteger", "MatMulInteger"})


def write_products(model: ir.Model, editor: Editor, ledger: Names) -> int:
    """Let a cast of such a product be one of floats; how many there were."""
    count = 0
    for graph in model.graphs():
        for node in list(graph):
            if node.domain or node.op_type not in OPERATORS:
                continue
            cast = _only_reader(node)
            if cast is None or not _write(graph, node, editor):
                continue
            ledger.take_value(node, cast)
            replace(graph, cast, node.outputs[0])
            count += 1
    return count


def _only_reader(node: ir.Node) -> ir.Node | None:
    """The cast to fp32 that alone reads the product."""
    (value,) = node.outputs
    readers = [reader for reader, _ in value.uses()]
    if len(readers) != 1 or value.is_graph_output():
        return None
    (cast,) = readers
    if cast.op_type != "Cast" or cast.domain or cast.graph is not node.graph:
        return None
    return cast if cast.attributes["to"].value == ir.DataType.FLOAT.value else None


def _write(graph: ir.Graph, node: ir.Node, editor: Editor) -> bool:
    known, near = contraction(node), str(node.outputs[0].name)
    zeros = [node.inputs[k] if k < len(node.inputs) else None for k in (2, 3)]
    if known is None or not all(zero is None or _is_one(zero) for zero in zeros):
        return False
    one = editor.constant(graph, np.array(1, np.float32), f"{near}_one")
    for index, zero in enumerate(zeros):
        value = node.inputs[index]
        assert value is not None
        given = [value, one]
        if zero is not None:
            given.append(_one_of(graph, zero, editor))
        floats = editor.inserted(node, "DequantizeLinear", given)
        node.replace_input_with(index, floats)
    node.op_type = known.like
    node.resize_inputs(2)
    node.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
    return True


def _is_one(zero: ir.Value) -> bool:
    """Whether a zero point is one number for all channels."""
    tensor = constant_of(zero)
    if tensor is not None:
        return bool(np.ptp(tensor.numpy().astype(np.int32)) == 0)
    return zero.shape is not None and all(size == 1 for size in zero.shape)


def _one_of(graph: ir.Graph, zero: ir.Value, editor: Editor) -> ir.Value:
    """That number, as a scalar."""
    tensor = constant_of(zero)
    if tensor is None or not len(tensor.shape):
        return zero
    return editor.constant(graph, tensor.numpy().reshape(-1)[0], f"{zero.name}_one")
