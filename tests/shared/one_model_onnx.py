"""The MNIST CNN with its trained weights as an ONNX file."""

from __future__ import annotations

from pathlib import Path

import one_model
import onnx
from onnx import helper, numpy_helper


def written(folder: Path) -> Path:
    """The net at opset 11, as files in the wild have it."""
    values = list(one_model.weights().items())
    pairs = list(zip(values[::2], values[1::2], strict=True))
    nodes, flowing = [], "image"
    for k, ((weight, _), (bias, _)) in enumerate(pairs[:3]):
        nodes += [
            helper.make_node(
                "Conv", [flowing, weight, bias], [f"conv{k}"], pads=[1] * 4
            ),
            helper.make_node("Relu", [f"conv{k}"], [f"relu{k}"]),
            helper.make_node(
                "MaxPool",
                [f"relu{k}"],
                [f"pool{k}"],
                kernel_shape=[2, 2],
                strides=[2, 2],
            ),
        ]
        flowing = f"pool{k}"
    (w1, _), (b1, _) = pairs[3]
    (w2, _), (b2, _) = pairs[4]
    nodes += [
        helper.make_node("Flatten", [flowing], ["flat"]),
        helper.make_node("Gemm", ["flat", w1, b1], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["relu3"]),
        helper.make_node("Gemm", ["relu3", w2, b2], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mnist",
        [helper.make_tensor_value_info("image", 1, ["batch", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", 1, ["batch", 10])],
        [numpy_helper.from_array(array, name) for name, array in values],
    )
    opsets = [helper.make_opsetid("", 11)]
    onnx.save(
        helper.make_model(graph, opset_imports=opsets, ir_version=6),
        folder / "mnist.onnx",
    )
    return folder / "mnist.onnx"
