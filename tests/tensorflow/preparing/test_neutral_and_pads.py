"""What changes nothing goes, and padding becomes the convolution's own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.tensorflow.preparation.prepare import prepare
from narrowcast.runtime.graph.graph import Precision

BATCH = np.random.default_rng(0).normal(size=(2, 7, 7, 4)).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(size=(3, 3, 4, 4)).astype(np.float32)


def traced(freeze: Any, function: Any) -> Any:
    """`trace` holds the prepared graph against the model."""
    return adapter.trace(freeze(function, (BATCH,)), (BATCH,), low=Precision.BF16)


def types(program: Any) -> Counter[str]:
    return Counter(op.type for op in program.graph.ops)


@pytest.mark.parametrize("strides", [1, 2])
def test_padding_goes_into_the_convolution(freeze: Any, strides: int) -> None:
    def model(x: Any) -> Any:
        x = tf.pad(x, [[0, 0], [0, 1], [2, 1], [0, 0]], name="padded")
        return tf.nn.conv2d(x, WEIGHT, strides, "VALID", name="conv")

    program = traced(freeze, model)
    assert types(program)["Pad"] == 0
    assert "padded" in program.graph.by_id["conv"].absorbed
    low = {
        op.id: Precision.BF16 if op.kernel(Precision.BF16) else Precision.FP32
        for op in program.graph.ops
    }
    assert low["conv"] is Precision.BF16
    assert adapter.predictor(program.apply(low))((BATCH,))[0].shape[3] == 4


def test_padding_before_a_depthwise_convolution_stays(freeze: Any) -> None:
    """TensorFlow's fused depthwise kernel aborts on explicit padding."""

    def model(x: Any) -> Any:
        x = tf.pad(tf.nn.relu(x), [[0, 0], [1, 0], [1, 0], [0, 0]])
        return tf.nn.depthwise_conv2d(x, WEIGHT, [1, 2, 2, 1], "VALID", name="conv")

    assert types(traced(freeze, model))["Pad"] == 1


@pytest.mark.parametrize(
    "pads",
    [
        [[0, 0], [1, 1], [1, 1], [0, 4]],  # channels
        [[1, 0], [1, 1], [1, 1], [0, 0]],  # the batch
    ],
)
def test_padding_of_other_dimensions_stays(freeze: Any, pads: Any) -> None:
    weight = np.ones((3, 3, 4 + pads[3][1], 2), np.float32)

    def model(x: Any) -> Any:
        return tf.nn.conv2d(tf.pad(x, pads), weight, 1, "VALID")

    assert types(traced(freeze, model))["Pad"] == 1


def test_padding_that_something_else_reads_stays(freeze: Any) -> None:
    def model(x: Any) -> Any:
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return tf.nn.conv2d(x, WEIGHT, 1, "VALID"), tf.reduce_sum(x)

    assert types(traced(freeze, model))["Pad"] == 1


def test_neutral_arithmetic_goes(freeze: Any) -> None:
    def model(x: Any) -> Any:
        y = tf.nn.relu(x, name="act") * 1.0
        y = (0.0 + y) / 1.0 - 0.0
        return tf.nn.sigmoid(y) * y

    program = traced(freeze, model)
    assert types(program) == {"Relu": 1, "Sigmoid": 1, "Mul": 1}
    assert "mul" in program.graph.by_id["act"].absorbed


def test_what_makes_a_tensor_larger_stays(freeze: Any) -> None:
    ones = np.ones((5, 1, 1, 1, 4), np.float32)

    def model(x: Any) -> Any:
        return tf.nn.relu(x) * ones, 1.0 - x, 1.0 / (x + 10.0)

    found = types(traced(freeze, model))
    assert (found["Mul"], found["Sub"], found["RealDiv"]) == (1, 1, 1)


def test_the_frozen_model_stays_as_it_is(freeze: Any) -> None:
    def model(x: Any) -> Any:
        x = tf.pad(x * 1.0, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return tf.nn.conv2d(x, WEIGHT, 1, "VALID")

    frozen = freeze(model, (BATCH,)).freeze()
    before = frozen.graph_def.SerializeToString(deterministic=True)
    prepare(frozen)
    assert frozen.graph_def.SerializeToString(deterministic=True) == before
