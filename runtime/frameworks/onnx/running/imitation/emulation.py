"""16 bits where nothing computes in 16 bits: in fp32, with every value rounded.

Each 16-bit tensor becomes an fp32 one that holds what the 16-bit format can: constants
are widened, and what an op makes is rounded once. Sums within an op are fp32, as on
hardware that accumulates in fp32.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...ir.operators import is_standard
from ...ir.shape_inference import infer_types

NARROW = frozenset({ir.DataType.BFLOAT16, ir.DataType.FLOAT16})
FP32 = ir.DataType.FLOAT
EXACT = frozenset({"Constant", "ConstantOfShape"})


def emulated(model: ir.Model) -> ir.Model:
    """A copy of a converted model that makes in fp32 what the model makes in 16 bits.

    What it takes in 16 bits it takes in fp32, too.
    """
    copy = model.clone()
    infer_types(copy)
    for graph in copy.graphs():
        for value in (*graph.inputs, *graph.initializers.values()):
            _widen(value)
        for node in list(graph):
            _widen_attributes(node)
            if node.op_type == "Sigmoid" and is_standard(node):
                _in_fp64(graph, node)
            exact = is_standard(node) and node.op_type in EXACT
            for value in node.outputs:
                narrow = value.dtype
                _widen(value)
                if narrow in NARROW and not exact:
                    _round(graph, node, value, narrow)
    return copy


def _widen(value: ir.Value) -> None:
    if value.dtype in NARROW:
        value.type = ir.TensorType(FP32)
    if value.const_value is not None and value.const_value.dtype in NARROW:
        value.const_value = _wide(value.const_value)


def _widen_attributes(node: ir.Node) -> None:
    for name, attribute in list(node.attributes.items()):
        if attribute.type == ir.AttributeType.TENSOR:
            tensor = attribute.as_tensor()
            if tensor.dtype in NARROW:
                node.attributes[name] = ir.AttrTensor(name, _wide(tensor))
    to = node.attributes.get("to")
    if node.op_type == "Cast" and to is not None and to.as_int() in NARROW:
        node.attributes["to"] = ir.AttrInt64("to", FP32.value)


def _wide(tensor: ir.TensorProtocol) -> ir.Tensor:
    return ir.Tensor(tensor.numpy().astype(np.float32), name=tensor.name)


def _in_fp64(graph: ir.Graph, node: ir.Node) -> None:
    """Let a sigmoid be exact: ONNX Runtime's own is off by 3e-8, however small it is.

    Far below zero that is more than 16 bits are off by.
    """
    wide = ir.node("Cast", [node.inputs[0]], {"to": ir.DataType.DOUBLE.value})
    graph.insert_before(node, wide)
    node.replace_input_with(0, wide.outputs[0])
    (value,) = node.outputs
    wide.outputs[0].name = f"{value.name}.wide"
    made = ir.Value(name=f"{value.name}.fp64", type=ir.TensorType(ir.DataType.DOUBLE))
    exact = ir.Node("", "Sigmoid", [wide.outputs[0]], outputs=[made])
    graph.insert_after(wide, exact)
    node.op_type = "Cast"
    node.attributes["to"] = ir.AttrInt64("to", FP32.value)
    node.replace_input_with(0, made)


def _round(
    graph: ir.Graph, node: ir.Node, value: ir.Value, narrow: ir.DataType
) -> None:
    """Round what the node makes before anything reads it.

    ONNX Runtime leaves out a cast down that a cast up follows, even without
    optimizations: hence the Identity between them.
    """
    users = list(value.uses())
    chain = [value]
    for k, (operator, dtype) in enumerate(
        (("Cast", narrow), ("Identity", narrow), ("Cast", FP32))
    ):
        made = ir.Value(name=f"{value.name}.rounded{k}", type=ir.TensorType(dtype))
        to = [ir.AttrInt64("to", dtype.value)] if operator == "Cast" else []
        added = ir.Node("", operator, [chain[-1]], to, outputs=[made])
        graph.insert_after(node if k == 0 else chain[-1].producer() or node, added)
        chain.append(made)
    for user, index in users:
        user.replace_input_with(index, chain[-1])
    for k, output in enumerate(graph.outputs):
        if output is value:
            graph.outputs[k] = chain[-1]
