"""Layers that int8 can't take are found and raised, in models run by OpenVINO."""

from __future__ import annotations

from typing import Any

import numpy as np
import planted_int8 as plants
import pytest
from quantizable_onnx import FLOAT

from narrowcast.runtime.frameworks.onnx import openvino
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization
from narrowcast.runtime.graph.graph import Precision


def network(tools: Any, layers: plants.Layers) -> Any:
    """Convolutions with a ReLU behind each but the last."""
    b = tools.Builder()
    x = "x"
    for k, (weight, bias) in enumerate(layers):
        names = [b.constant(f"w{k}", weight), b.constant(f"b{k}", bias)]
        last = k == len(layers) - 1
        b.node("Conv", [x, *names], "y" if last else f"c{k}", pads=[1] * 4)
        if not last:
            b.node("Relu", [f"c{k}"], f"r{k}")
            x = f"r{k}"
    shape = ["n", plants.WIDTH, plants.SIDE, plants.SIDE]
    return b.model([("x", FLOAT, shape)], [("y", FLOAT, shape)])


def program(tools: Any, model: Any, inputs: list[Any]) -> Any:
    given = [(each,) for each in inputs]
    traced = tools.trace(tools.Case(model, given[0]), openvino, Precision.BF16)
    return traced.calibrated(given, Quantization())


@pytest.mark.few(2)
@pytest.mark.parametrize("name", plants.PLANTS)
def test_what_int8_can_not_take_is_raised_alone(name: str, tools: Any) -> None:
    layers, inputs, culprits = plants.planted(name)
    made = program(tools, network(tools, layers), inputs)
    assert plants.raised(made, openvino.predictor, inputs) == culprits


def gated(tools: Any) -> Any:
    """Dense layers, and beside them a choice by a softmax of sharp logits."""
    random = np.random.default_rng(0)
    b = tools.Builder()

    def weight(name: str, *shape: int, size: float = 1.0) -> Any:
        values = random.standard_normal(shape) * size / np.sqrt(shape[0])
        return b.constant(name, values.astype("f"))

    x = "x"
    for k in range(3):
        b.node("MatMul", [x, weight(f"w{k}", 32, 32)], f"c{k}")
        b.node("Relu", [f"c{k}"], f"r{k}")
        x = f"r{k}"
    b.node("MatMul", ["x", weight("ws", 32, 8, size=24.0)], "s")
    b.node("Softmax", ["s"], "p", axis=-1)
    b.node("MatMul", ["p", weight("wv", 8, 32, size=8.0)], "v")
    b.node("Add", [x, "v"], "y")
    shape = ["n", 32]
    return b.model([("x", FLOAT, shape)], [("y", FLOAT, shape)])


@pytest.mark.nightly
def test_what_a_softmax_reads_is_raised_alone(tools: Any) -> None:
    """A small error of its logits is another choice."""
    random = np.random.default_rng(1)
    inputs = [random.standard_normal((4, 32)).astype("f") for _ in range(4)]
    made = program(tools, gated(tools), inputs)
    ops = [op.id for op in made.graph.ops if op.kernel(Precision.INT8)]
    assert plants.raised(made, openvino.predictor, inputs, 1e-4) == {ops.index("s")}
