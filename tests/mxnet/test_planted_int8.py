"""Layers that int8 can't take are found and raised, in MXNet."""

from __future__ import annotations

from typing import Any

import planted_int8 as plants
import pytest

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization


def network(layers: plants.Layers) -> Any:
    """Convolutions with a ReLU behind each but the last."""
    x, args = mx.sym.var("data"), {}
    for k, (weight, bias) in enumerate(layers):
        shape = {"kernel": (3, 3), "pad": (1, 1), "num_filter": len(weight)}
        x = mx.sym.Convolution(x, name=f"c{k}", **shape)
        args |= {f"c{k}_weight": mx.nd.array(weight), f"c{k}_bias": mx.nd.array(bias)}
        if k < len(layers) - 1:
            x = mx.sym.Activation(x, act_type="relu", name=f"r{k}")
    return adapter.open_supplied((x, args, {}))


@pytest.mark.few(1)
@pytest.mark.parametrize("name", plants.PLANTS)
def test_what_int8_can_not_take_is_raised_alone(name: str, tools: Any) -> None:
    """And the layer before: its kernel leaves integers alone, in the scale that is bad."""
    layers, inputs, culprits = plants.planted(name)
    culprits |= {k - 1 for k in culprits if k}
    traced = tools.trace(network(layers), inputs[0])
    program = traced.calibrated([(each,) for each in inputs], Quantization())
    assert plants.raised(program, adapter.predictor, inputs) == culprits
