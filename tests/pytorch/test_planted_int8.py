"""Layers that int8 can't take are found and raised, in PyTorch under inductor."""

from __future__ import annotations

from typing import Any

import planted_int8 as plants
import pytest
import torch
from torch import nn

from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization


def network(layers: plants.Layers) -> nn.Module:
    """Convolutions with a ReLU behind each but the last."""
    parts: list[nn.Module] = []
    for weight, bias in layers:
        conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
        conv.load_state_dict(
            {"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)}
        )
        parts += [conv, nn.ReLU()]
    return nn.Sequential(*parts[:-1]).eval()


def predictor(model: Any) -> Any:
    """Of arrays."""
    call = pytorch.predictor(model)
    return lambda batch: tuple(
        torch.as_tensor(each).numpy()
        for each in call(tuple(map(torch.as_tensor, batch)))
    )


@pytest.mark.few(1)
@pytest.mark.parametrize("name", plants.PLANTS)
def test_what_int8_can_not_take_is_raised_alone(name: str, tools: Any) -> None:
    layers, inputs, culprits = plants.planted(name)
    given = [(torch.from_numpy(each),) for each in inputs]
    traced = pytorch.under_inductor(tools.trace(network(layers), *given[0]))
    program = traced.calibrated(given, Quantization())
    assert plants.raised(program, predictor, inputs) == culprits
