"""Passes that write a model's fp32 ops in fewer or faster ones of the same values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.graph.pins import Pins, user_pins


def types(program: Any) -> list[str]:
    """Operators of the prepared graph in order."""
    return [str(op.id).split(":")[-2] for op in program.graph.ops]


class Padded(nn.Module):
    """A convolution behind padding of its own, as TensorFlow's models are ported."""

    def __init__(self, pad: Sequence[int], value: float = 0.0, stride: int = 1) -> None:
        super().__init__()
        self.pad, self.value = list(pad), value
        self.conv = nn.Conv2d(3, 4, 3, stride, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.norm(self.conv(F.pad(x, self.pad, value=self.value)))
        return out


@pytest.mark.parametrize("pad", [(1, 1, 1, 1), (2, 2, 0, 0), (0, 0, 0, 0), (1, 1)])
def test_symmetric_zero_padding_goes_into_the_convolution(
    tools: Any, pad: Sequence[int]
) -> None:
    torch.manual_seed(0)
    model, x = Padded(pad, stride=2), torch.randn(2, 3, 9, 8)
    program = tools.trace(model, x)
    assert types(program) == ["conv2d"]
    found = program.apply(tools.all_fp32(program))(x)
    assert tools.error(tools.in_fp64(model, x), found) < 1e-6


@pytest.mark.parametrize(
    ("pad", "value"),
    [((0, 1, 0, 1), 0.0), ((1, 1, 1, 1), 0.5), ((-1, -1, 0, 0), 0.0)],
)
def test_padding_that_a_convolution_cannot_do_stays(
    tools: Any, pad: Sequence[int], value: float
) -> None:
    torch.manual_seed(0)
    model, x = Padded(pad, value), torch.randn(2, 3, 9, 8)
    program = tools.trace(model, x)
    assert types(program) == ["pad", "conv2d"]
    found = program.apply(tools.all_fp32(program))(x)
    assert tools.error(tools.in_fp64(model, x), found) < 1e-6


class PaddedTwice(nn.Module):
    """Padding that a convolution and something else read."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padded = F.pad(x, (1, 1, 1, 1))
        return F.pad(self.conv(padded), (1, 1, 1, 1)) + padded


def test_padding_that_others_read_stays(tools: Any) -> None:
    model, x = PaddedTwice(), torch.randn(2, 3, 6, 6)
    program = tools.trace(model, x)
    assert types(program) == ["pad", "conv2d", "pad", "add"]
    found = program.apply(tools.all_fp32(program))(x)
    assert tools.error(tools.in_fp64(model, x), found) < 1e-6


def test_a_pin_on_padding_holds_the_convolution_that_took_it(tools: Any) -> None:
    program = tools.trace(Padded((1, 1, 1, 1)), torch.randn(2, 3, 9, 8))
    pins = user_pins(program.graph, Pins(types={"pad": "test"}))
    assert list(pins) == ["conv:conv2d:0"]


def gelu_new(x: torch.Tensor) -> torch.Tensor:
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))
    return 0.5 * x * (1.0 + torch.tanh(inner))


def gelu_reordered(x: torch.Tensor) -> torch.Tensor:
    inner = (torch.pow(x, 3) * 0.044715 + x) * 0.7978845608028654
    return (torch.tanh(inner) + 1) * (x * 0.5)


class Written(nn.Module):
    """A layer whose activation is written out."""

    def __init__(self, written: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.layer, self.written = nn.Linear(8, 16), written

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.written(self.layer(x))


@pytest.mark.parametrize("written", [gelu_new, gelu_reordered])
def test_a_gelu_written_out_is_one_op(
    tools: Any, written: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    torch.manual_seed(0)
    model, x = Written(written), 3 * torch.randn(4, 8)
    program = tools.trace(model, x)
    assert types(program) == ["linear", "gelu"]
    found = program.apply(tools.all_fp32(program))(x)
    assert tools.error(tools.in_fp64(model, x), found) < 1e-6
    pins = user_pins(program.graph, Pins(types={"tanh": "test"}))
    assert list(pins) == [":gelu:0"]


def not_quite(x: torch.Tensor) -> torch.Tensor:
    inner = math.sqrt(2.0 / math.pi) * (x + 0.05 * torch.pow(x, 3.0))
    return 0.5 * x * (1.0 + torch.tanh(inner))


def of_two(x: torch.Tensor) -> torch.Tensor:
    y = x.flip(0)
    inner = math.sqrt(2.0 / math.pi) * (y + 0.044715 * torch.pow(x, 3.0))
    return 0.5 * x * (1.0 + torch.tanh(inner))


def read_twice(x: torch.Tensor) -> torch.Tensor:
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))
    gate = torch.tanh(inner)
    return 0.5 * x * (1.0 + gate) + gate


@pytest.mark.parametrize("written", [not_quite, of_two, read_twice])
def test_what_only_looks_like_a_gelu_stays(
    tools: Any, written: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    torch.manual_seed(0)
    model, x = Written(written), 3 * torch.randn(4, 8)
    program = tools.trace(model, x)
    assert "tanh" in types(program) and "gelu" not in types(program)
    found = program.apply(tools.all_fp32(program))(x)
    assert tools.error(tools.in_fp64(model, x), found) < 1e-6


class Conv1D(nn.Module):
    """transformers' layer with its weight the other way round; tied if asked."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 16))
        self.bias = nn.Parameter(torch.randn(16))
        self.tied = tied

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.addmm(self.bias, x.view(-1, 8), self.weight)
        return F.linear(out, self.weight) if self.tied else out


@pytest.mark.parametrize(("tied", "target"), [(False, "linear"), (True, "addmm")])
def test_addmm_with_a_weight_of_its_own_is_a_linear_layer(
    tools: Any, tied: bool, target: str
) -> None:
    torch.manual_seed(0)
    model, x = Conv1D(tied), torch.randn(4, 3, 8)
    program = tools.trace(model, x)
    layer = next(op for op in program.graph.ops if "addmm" in op.id)
    called = {n.name: n.target for n in program.prepared.module.graph.nodes}
    assert called[layer.key]._schema.name == f"aten::{target}"
    low = program.apply(tools.all_low(program))
    assert tools.error(tools.in_fp64(model, x), low(x)) < 0.01
    found = program.apply(tools.all_fp32(program))(x)
    assert tools.error(tools.in_fp64(model, x), found) < 1e-6


class Attention(nn.Module):
    """Attention with a mask that the model makes itself."""

    def __init__(self, hides: bool) -> None:
        super().__init__()
        mask = torch.ones(1, 1, 5, 5, dtype=torch.bool)
        mask[..., 3:] = not hides
        self.register_buffer("mask", mask)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = self.mask.expand(x.shape[0], -1, -1, -1)
        return F.scaled_dot_product_attention(x, x, x, attn_mask=mask)


@pytest.mark.parametrize("hides", [False, True])
def test_only_a_mask_that_hides_nothing_is_dropped(tools: Any, hides: bool) -> None:
    model, x = Attention(hides), torch.randn(2, 3, 5, 8)
    program = tools.trace(model, x)
    assert ("expand" in types(program)) is hides
    for placement in (tools.all_fp32(program), tools.all_low(program)):
        found = program.apply(placement)(x)
        assert tools.error(tools.in_fp64(model, x), found) < 0.01


class Sliced(nn.Module):
    """The last step, as recurrent models take it, by a slice that keeps everything."""

    def __init__(self, *slices: slice) -> None:
        super().__init__()
        self.slices, self.layer = slices, nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[self.slices]


@pytest.mark.parametrize(
    ("slices", "stays"),
    [
        ((slice(None), slice(0, None)), False),
        ((slice(None), slice(1, None)), True),
        ((slice(None), slice(None, 5)), True),
        ((slice(None), slice(None, None, 2)), True),
    ],
)
def test_slices_that_keep_everything_are_dropped(
    tools: Any, slices: tuple[slice, ...], stays: bool
) -> None:
    model, x = Sliced(*slices), torch.randn(4, 6)
    program = tools.trace(model, x)
    assert types(program) == ["linear"] + ["slice"] * stays
    found = program.apply(tools.all_fp32(program))(x)
    assert tools.error(tools.in_fp64(model, x), found) < 1e-6
