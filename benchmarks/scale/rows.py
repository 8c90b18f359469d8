"""Small products, additions and activations in a row, in each framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

WIDTH = 8
Weights = list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]


def weights(size: int) -> Weights:
    """Matrices and biases for about `size` ops: a product, an addition, an activation."""
    random = np.random.default_rng(0)
    return [
        (
            (random.standard_normal((WIDTH, WIDTH)) / WIDTH**0.5).astype(np.float32),
            random.standard_normal(WIDTH).astype(np.float32),
        )
        for _ in range(size // 3)
    ]


def onnx(given: Weights) -> Any:
    proto = import_module("onnx")
    helper, array = proto.helper, proto.numpy_helper.from_array
    nodes, tensors, last = [], [], "x"
    for k, (matrix, bias) in enumerate(given):
        tensors += [array(matrix, f"w{k}"), array(bias, f"b{k}")]
        nodes += [
            helper.make_node("MatMul", [last, f"w{k}"], [f"m{k}"], f"m{k}"),
            helper.make_node("Add", [f"m{k}", f"b{k}"], [f"a{k}"], f"a{k}"),
            helper.make_node("Tanh", [f"a{k}"], [f"t{k}"], f"t{k}"),
        ]
        last = f"t{k}"
    x, y = (
        helper.make_tensor_value_info(name, proto.TensorProto.FLOAT, ["batch", WIDTH])
        for name in ("x", last)
    )
    graph = helper.make_graph(nodes, "row", [x], [y], tensors)
    opsets = [helper.make_opsetid("", 22)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def pytorch(given: Weights) -> Any:
    torch = import_module("torch")

    class Row(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            both = [each for pair in given for each in pair]
            parameters = (torch.nn.Parameter(torch.from_numpy(each)) for each in both)
            self.weights = torch.nn.ParameterList(parameters)

        def forward(self, x: Any) -> Any:
            for k in range(len(given)):
                x = torch.tanh(x @ self.weights[2 * k] + self.weights[2 * k + 1])
            return x

    return Row().eval()


def tensorflow(given: Weights) -> Any:
    tf = import_module("tensorflow")
    with tf.Graph().as_default() as made:
        last = tf.compat.v1.placeholder(tf.float32, [None, WIDTH], "x")
        for k, (matrix, bias) in enumerate(given):
            product = tf.matmul(last, tf.constant(matrix), name=f"m{k}")
            last = tf.tanh(tf.add(product, tf.constant(bias), f"a{k}"), f"t{k}")
    return made


def mxnet(given: Weights) -> Any:
    mx = import_module("narrowcast.runtime.frameworks.mxnet.ir.library").mx
    last, known = mx.sym.var("x"), {}
    for k, (matrix, bias) in enumerate(given):
        w, b = mx.sym.var(f"w{k}"), mx.sym.var(f"b{k}")
        known |= {f"w{k}": mx.nd.array(matrix), f"b{k}": mx.nd.array(bias)}
        product = mx.sym.FullyConnected(
            last, w, no_bias=True, num_hidden=WIDTH, name=f"m{k}"
        )
        last = mx.sym.tanh(mx.sym.broadcast_add(product, b, name=f"a{k}"), name=f"t{k}")
    return last, known, {}


FRAMEWORKS: Mapping[str, tuple[str, Callable[[Weights], Any]]] = {
    "onnx": ("onnx.portable", onnx),
    "pytorch": ("pytorch", pytorch),
    "tensorflow": ("tensorflow", tensorflow),
    "mxnet": ("mxnet", mxnet),
}
"""Framework → its adapter, and what makes the model."""
