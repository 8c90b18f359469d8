"""Parts of a model that are not fp32: they stay as they are, the rest is converted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.graph.graph import Precision


class Net(nn.Module):
    """Two linear layers, and what a case does around them."""

    def __init__(self, case: Callable[..., Any]) -> None:
        super().__init__()
        self.case = case
        self.one, self.two, self.low = (nn.Linear(8, 8) for _ in range(3))
        self.low.bfloat16()
        self.register_buffer("wide", torch.tensor([2.0], dtype=torch.float64))
        self.register_buffer("parts", torch.randn(5, 2))

    def forward(self, x: torch.Tensor) -> Any:
        return self.case(self, x)


def cast_to_half(m: Any, x: Any) -> Any:
    return m.two(m.one(x).half().float())


def cast_to_bfloat16(m: Any, x: Any) -> Any:
    return m.two(m.one(x).bfloat16().float())


def cast_to_double(m: Any, x: Any) -> Any:
    return m.two(m.one(x).double().cumsum(-1).float())


def cast_to_another_tensors_type(m: Any, x: Any) -> Any:
    return m.two(m.one(x).double().type_as(x))


def cast_that_changes_nothing(m: Any, x: Any) -> Any:
    return m.two(m.one(x.float()).to(x.dtype))


def outputs_of_all_types(m: Any, x: Any) -> Any:
    y = m.two(m.one(x))
    return (
        y.half(),
        y.bfloat16(),
        y.double().sum(),
        y > 0,
        y.argmax(-1),
        torch.fft.rfft(y),
    )


def softmax_in_fp32(m: Any, x: Any) -> Any:
    return m.two(F.softmax(m.one(x), -1, dtype=torch.float32))


def softmax_of_half_in_fp32(m: Any, x: Any) -> Any:
    return m.two(F.softmax(m.one(x).half(), -1, dtype=torch.float32))


def sum_in_fp64(m: Any, x: Any) -> Any:
    return m.two(m.one(x)).sum(-1, dtype=torch.float64)


def sum_in_fp32(m: Any, x: Any) -> Any:
    return m.two(m.one(x).cumsum(-1, dtype=torch.float32))


def fp64_constant(m: Any, x: Any) -> Any:
    return m.two(m.one(x)) * m.wide


def lowest_of_its_type(m: Any, x: Any) -> Any:
    y = m.one(x)
    mask = torch.ones(8, 8, dtype=torch.bool).triu(1)[2]
    return m.two(y.masked_fill(mask, torch.finfo(y.dtype).min).softmax(-1))


def lowest_times_a_mask(m: Any, x: Any) -> Any:
    y = m.one(x)
    mask = (1.0 - torch.ones(8, 8).tril()) * torch.finfo(y.dtype).min
    return m.two((y[:, None] + mask).softmax(-1))


def complex_numbers(m: Any, x: Any) -> Any:
    y = torch.fft.rfft(m.one(x)) * torch.view_as_complex(m.parts)
    return m.two(torch.fft.irfft(y, n=8))


def integers(m: Any, x: Any) -> Any:
    i = (m.one(x) * 3).round().long().clamp(0, 1)
    return m.two(F.one_hot(i.sum(-1) % 8, 8).float() + m.one(x))


def indices(m: Any, x: Any) -> Any:
    values, places = m.one(x).topk(3)
    return m.two(m.one(x)).gather(-1, places * 0), values


def booleans(m: Any, x: Any) -> Any:
    y = m.one(x)
    return m.two(torch.where(y > 0, y, 0.0)) * (x.sum(-1, keepdim=True) > 0)


def positions(m: Any, x: Any) -> Any:
    p = torch.arange(x.shape[0]).float()[:, None] / 10 ** torch.arange(0, 8, 1)
    return m.two(m.one(x) + p.sin())


def layer_in_bfloat16(m: Any, x: Any) -> Any:
    return m.two(m.low(m.one(x).bfloat16()).float())


def autocast_switched_off(m: Any, x: Any) -> Any:
    with torch.autocast("cpu", enabled=False):
        y = m.one(x.float())
    return m.two(y)


def autocast_switched_on(m: Any, x: Any) -> Any:
    y = m.one(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = m.low(y)
    return m.two(y.float())


CASES = [
    cast_to_half,
    cast_to_bfloat16,
    cast_to_double,
    cast_to_another_tensors_type,
    cast_that_changes_nothing,
    outputs_of_all_types,
    softmax_in_fp32,
    softmax_of_half_in_fp32,
    sum_in_fp64,
    sum_in_fp32,
    fp64_constant,
    lowest_of_its_type,
    lowest_times_a_mask,
    complex_numbers,
    integers,
    indices,
    booleans,
    positions,
    layer_in_bfloat16,
    autocast_switched_off,
    autocast_switched_on,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_an_island_stays_and_the_layers_around_it_are_low(
    tools: Any, case: Any, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = Net(case).eval()
    program = tools.trace(model, torch.randn(5, 8))
    placement = tools.all_low(program)
    assert placement["one:linear:0"] == placement["two:linear:0"] == Precision.BF16
    path = program.save(program.apply(placement), tmp_path / "island.pt2")
    x = torch.randn(3, 8)
    with torch.no_grad():
        expected = tools.leaves(model(x))
    found = tools.leaves(torch.export.load(path).module()(x))
    assert [t.dtype for t in found] == [t.dtype for t in expected]
    for one, other in zip(expected, found, strict=True):
        if one.is_floating_point() or one.is_complex():
            wide = one.to(torch.complex128)
            error = (other.to(torch.complex128) - wide).norm() / wide.norm()
            assert error < 0.03


def test_what_switches_autocast_off_is_part_of_the_graph(tools: Any) -> None:
    program = tools.trace(Net(autocast_switched_off), torch.randn(5, 8))
    assert {op.type for op in program.graph.ops} == {"linear"}
