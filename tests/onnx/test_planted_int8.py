"""Layers that int8 can't take are found and raised, in models run by OpenVINO."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import planted_int8 as planted
import pytest
from quantizable_onnx import FLOAT

from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.frameworks.onnx import openvino
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization
from narrowcast.runtime.graph.graph import Precision

LAYERS, WIDTH = 5, 16
BF16, INT8 = Precision.BF16, Precision.INT8


def network(tools: Any, layers: planted.Layers) -> Any:
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
    shape = ["n", WIDTH, 8, 8]
    return b.model([("x", FLOAT, shape)], [("y", FLOAT, shape)])


def random_layers() -> planted.Layers:
    random = np.random.default_rng(0)
    deviation = np.sqrt(2 / (WIDTH * 9))
    return [
        (
            (random.standard_normal((WIDTH, WIDTH, 3, 3)) * deviation).astype("f"),
            (random.standard_normal(WIDTH) * 0.1).astype("f"),
        )
        for _ in range(LAYERS)
    ]


@pytest.mark.parametrize("k", [1, 2, LAYERS - 1], ids=["second", "middle", "last"])
def test_an_outlying_channel_is_raised_alone(k: int, tools: Any) -> None:
    model = network(tools, planted.spread(random_layers(), k))
    random = np.random.default_rng(1)
    inputs = [(random.standard_normal((4, WIDTH, 8, 8)).astype("f"),) for _ in range(4)]
    original = openvino.predictor(model)
    labels = [original(each)[0] for each in inputs]

    def batches() -> Iterator[Any]:
        yield from zip(inputs, labels, strict=True)

    traced = tools.trace(tools.Case(model, inputs[0]), openvino, BF16)
    program = traced.calibrated(inputs, Quantization())
    allowed = 0.003 * float(np.mean(np.square(labels)))
    found, calls = planted.searched(
        program, openvino.predictor, original, batches, allowed
    )
    placement = found.plans[0].placement
    best = evaluate(openvino.predictor(program.apply(placement)), batches, MSE)
    assert best.value <= allowed and len(calls) <= planted.TRIALS
    culprit = "y" if k == LAYERS - 1 else f"c{k}"
    assert planted.raised(program, placement) == {culprit}
    contractions = [name for name in placement if name[0] in "cy"]
    assert sum(placement[name] is INT8 for name in contractions) == LAYERS - 1
