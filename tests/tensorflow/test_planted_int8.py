"""Layers that int8 can't take are found and raised, in TensorFlow."""

from __future__ import annotations

from typing import Any

import planted_int8 as plants
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization
from narrowcast.runtime.graph.graph import Kind, Precision


def network(layers: plants.Layers, x: Any) -> Any:
    """Convolutions with a ReLU behind each but the last."""
    for k, (weight, bias) in enumerate(layers):
        x = tf.nn.conv2d(x, weight.transpose(2, 3, 1, 0), 1, "SAME")
        x = tf.nn.bias_add(x, bias)
        x = tf.nn.relu(x) if k < len(layers) - 1 else x
    return x


@pytest.mark.few(1)
@pytest.mark.parametrize("name", plants.PLANTS)
def test_what_int8_can_not_take_is_raised_alone(name: str, freeze: Any) -> None:
    """And the layer before: its kernel leaves integers alone, in the scale that is bad.

    A CPU or a build without int8 kernels says so of all layers.
    """
    layers, channels_first, culprits = plants.planted(name)
    culprits |= {k - 1 for k in culprits if k}
    inputs = [each.transpose(0, 2, 3, 1).copy() for each in channels_first]
    model = freeze(lambda x: network(layers, x), (inputs[0],))
    traced = adapter.trace(model, (inputs[0],), low=Precision.BF16)
    program = traced.calibrated([(each,) for each in inputs], Quantization())
    if program.int8_refusals:
        working = [op for op in program.graph.ops if op.kind is Kind.COMPUTE]
        assert all(map(program.int8_refusals.get, (op.id for op in working)))
    else:
        assert plants.raised(program, adapter.predictor, inputs) == culprits
