"""What the stopwatch times, on a clock that only counts how often it is read."""

from dataclasses import replace
from itertools import count
from typing import Any

import torch
from torch import nn

from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts, predicted_seconds
from narrowcast.runtime.placement.measured.measured import measured_costs

FP32, BF16 = Precision.FP32, Precision.BF16


class Twins(nn.Module):
    """Two layers alike and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
        self.last = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.second(self.first(x)).relu())


def test_every_op_has_times_and_twins_share_them(tools: Any) -> None:
    program = tools.trace(Twins(), torch.randn(4, 8))
    ticks = count()
    ops = {"first:linear:0", "second:linear:0", "last:linear:0"}
    timings = program.time(BF16, ops, lambda: float(next(ticks)), 0.0)
    assert {name for name, _precision in timings.ops} == ops
    assert {precision for _name, precision in timings.ops} == {FP32, BF16}
    first, second, last = (
        timings.ops[f"{name}:linear:0", BF16] for name in ("first", "second", "last")
    )
    assert first is second
    assert first is not last


def test_every_cast_of_a_value_has_a_time_and_no_weight_has(tools: Any) -> None:
    program = tools.trace(Twins(), torch.randn(4, 8))
    ticks = count()
    timings = program.time(BF16, set(), lambda: float(next(ticks)), 0.0)
    assert timings.ops == {}
    assert set(timings.casts) == {
        (shape, *pair)
        for shape in ((4, 8), (4, 4))
        for pair in ((FP32, BF16), (BF16, FP32))
    }


def test_wholes_are_the_converted_models(tools: Any) -> None:
    program = tools.trace(Twins(), torch.randn(4, 8))
    ticks = count()
    static = StaticCosts(program.graph, X86_BF16)
    costs = measured_costs(program, BF16, static, lambda: float(next(ticks)))
    whole = dict.fromkeys(program.graph.by_id, FP32)
    # Every call takes one tick of the clock, whole models too: the sum is held to that.
    bare = replace(costs, margin=0.0)
    assert predicted_seconds(program.graph, bare, whole) == 1.0
