"""The transformer of `rows.py` as an ONNX model: one node for each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import rows
from onnx import TensorProto, helper, numpy_helper
from rows import Step

OPSET, IR = 22, 10

SAME = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "matmul": "MatMul",
    "relu": "Relu",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "sin": "Sin",
    "cos": "Cos",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
}
"""Ops that have neither attributes nor more inputs than the step."""

REDUCTIONS = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax"}


def _node(operator: str, **attributes: Any) -> Callable[..., onnx.NodeProto]:
    def make(read: Sequence[str], step: Step, axes: str) -> onnx.NodeProto:
        return helper.make_node(operator, read, [step.name], step.name, **attributes)

    return make


def _reshape(read: Sequence[str], step: Step, axes: str) -> onnx.NodeProto:
    return helper.make_node("Reshape", [*read, axes], [step.name], step.name)


def _reduce(operator: str) -> Callable[..., onnx.NodeProto]:
    def make(read: Sequence[str], step: Step, axes: str) -> onnx.NodeProto:
        return helper.make_node(operator, [*read, axes], [step.name], step.name)

    return make


def _transpose(read: Sequence[str], step: Step, axes: str) -> onnx.NodeProto:
    order = list(step.at)
    return helper.make_node("Transpose", read, [step.name], step.name, perm=order)


OPS: Mapping[str, Callable[..., onnx.NodeProto]] = {
    **{op: _node(operator) for op, operator in SAME.items()},
    **{op: _reduce(operator) for op, operator in REDUCTIONS.items()},
    "softmax": _node("Softmax", axis=-1),
    "layer_norm": _node("LayerNormalization", axis=-1, epsilon=rows.EPSILON),
    "reshape": _reshape,
    "transpose": _transpose,
    "concat": _node("Concat", axis=-1),
    "argmax": _node("ArgMax", axis=-1, keepdims=0),
}
"""The node of a step: of what it reads, the step, and the tensor that `at` is in."""


def build(network: rows.Network) -> onnx.ModelProto:
    """Takes rows (n, 28, 28) and positions (n, 28), gives the outputs in their order."""
    constants = {
        name: numpy_helper.from_array(np.asarray(array, np.float32), name)
        for name, array in network.weights.items()
    }
    nodes = []
    for step in network.steps:
        read = []
        for name in step.inputs:
            if isinstance(name, float):
                name = f"constant {name!r}"
                value = np.float32(name.removeprefix("constant "))
                constants[name] = numpy_helper.from_array(np.asarray(value), name)
            read.append(name)
        axes = f"axes {' '.join(map(str, step.at))}"
        if step.op in REDUCTIONS or step.op == "reshape":
            constants[axes] = numpy_helper.from_array(np.array(step.at, "i8"), axes)
        nodes.append(OPS[step.op](read, step, axes))
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "rows",
        [_info(name, shape) for name, shape in rows.INPUTS.items()],
        [_output(network, name) for name in network.outputs],
        [tensor for name, tensor in constants.items() if name in used],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR)
    onnx.checker.check_model(model, full_check=True)
    return model


def _info(name: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
    sizes = ["batch", *shape]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)


def _output(network: rows.Network, name: str) -> onnx.ValueInfoProto:
    step = next(step for step in network.steps if step.name == name)
    if step.op == "argmax":
        return helper.make_tensor_value_info(name, TensorProto.INT64, ["batch"])
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", None])
