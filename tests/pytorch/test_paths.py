"""Branches that the batch skips, loops that run often, not at all or without end."""

from __future__ import annotations

import io
import itertools
import math
from typing import Any

import pytest
import torch
from torch import nn
from torch._higher_order_ops.while_loop import while_loop

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation, Watch, to_the_end
from narrowcast.runtime.graph.graph import Placement, Precision
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts
from narrowcast.runtime.search import Budget, search
from narrowcast.runtime.search.limits.capability import capability_pins
from narrowcast.runtime.search.limits.ranges import find_ranges

BF16, FP32 = Precision.BF16, Precision.FP32
X = torch.linspace(-1, 1.1, 32).reshape(4, 8)
YES, NO = torch.tensor(True), torch.tensor(False)


class Spread(nn.Module):
    """In one branch the variance of values far from zero, which 16 bits destroy."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head, self.plain = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x: torch.Tensor, yes: torch.Tensor) -> torch.Tensor:
        def careful(v: torch.Tensor) -> torch.Tensor:
            far = v + 20.0
            spread = far.square().mean(-1, keepdim=True) - far.mean(-1, True).square()
            return v / torch.sqrt(spread + 1e-2)

        y = torch.cond(yes, careful, lambda v: self.plain(v), (self.body(x),))
        return self.head(y)


class Growing(nn.Module):
    """Steps that bf16 rounds away, until a sum is reached; or as many as asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, most: torch.Tensor) -> torch.Tensor:
        def goes_on(i: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            return (i < most) & (v.amax() < 1.01)

        def body(i: torch.Tensor, v: torch.Tensor) -> Any:
            return i + 1, v + 1e-3 + 1e-9 * self.fc(v).tanh()

        return while_loop(goes_on, body, (torch.tensor(0), x))[1]


SHAPES = [("batch", 8), ()]
FAR = (X * 0.0 + 1.0, torch.tensor(10**6))
"""Ends for the sum that was reached, after about ten steps."""


def test_ops_that_the_batch_skips_are_judged_as_if_it_did_not(tools: Any) -> None:
    torch.manual_seed(0)
    model = Spread()
    taken, skipped = (
        tools.trace(model, X, predicate, shapes=SHAPES) for predicate in (YES, NO)
    )
    names = [op.id for op in taken.graph.ops if op.within(":cond:0/true")]
    names = [name for name in names if taken.graph.by_id[name].kernel(BF16)]
    here, there = (tools.errors(program, names) for program in (taken, skipped))
    assert here == pytest.approx(there, rel=1e-6)
    assert max(here.values()) > 0.05
    assert skipped.error(BF16, [*names, "head:linear:0"]) > 0.05


def test_a_culprit_in_a_branch_that_the_calibration_skips_is_found(tools: Any) -> None:
    torch.manual_seed(0)
    model = Spread().eval()
    program = tools.trace(model, X, NO, shapes=SHAPES)
    batches = [(X, NO), (X.flip(0), YES)]

    def evaluate(placement: Placement, watch: Watch = to_the_end) -> Evaluation:
        converted = program.apply(placement)
        with torch.inference_mode():
            errors = [tools.error(model(*b), converted(*b)) for b in batches]
        return Evaluation("drift", max(errors), 2, True)

    found = search(
        program,
        evaluate,
        low=BF16,
        objective=low_compute,
        pins=Pins(),
        criterion=Criterion(absolute=0.03, higher_is_better=False),
        baseline=Evaluation("drift", 0.0, 2, True),
        budget=Budget(20),
        progress=Terminal(io.StringIO()),
        clock=lambda: 0.0,
    )
    best = found.plans[0]
    assert len(found.trials) <= 8
    capable = set(capability_pins(program.graph, BF16, program.probes))
    careless = low_compute(program.graph, BF16, capable).placement
    assert evaluate(best.placement).value <= 0.03 < evaluate(careless).value
    heavy = ["body:linear:0", "head:linear:0", ":cond:0/false/plain:linear:0"]
    assert all(best.placement[name] == BF16 for name in heavy)


def test_what_a_loop_computes_counts_as_often_as_it_runs(tools: Any) -> None:
    def counted(most: int) -> tuple[int, int, float]:
        batch = (X * 0, torch.tensor(most))
        graph = tools.trace(Growing(), *batch, shapes=SHAPES).graph
        linear = graph.by_id[":while_loop:0/body/fc:linear:0"]
        costs = StaticCosts(graph, X86_BF16)
        return graph.runs(linear), linear.flops, costs.op(linear, FP32)

    never, often = counted(0), counted(5)
    assert never[:2] == (1, 2 * 4 * 8 * 8)
    assert often[:2] == (5, 5 * never[1])
    assert often[2] == pytest.approx(5 * never[2])


def test_a_loop_that_the_batch_skips_is_probed_judged_and_converted(tools: Any) -> None:
    torch.manual_seed(0)
    model = Growing()
    program = tools.trace(model, X, torch.tensor(0), shapes=SHAPES)
    name = ":while_loop:0/body/:add:1"
    assert 1e-4 < tools.errors(program, [name])[name] < 0.1
    converted = program.apply(tools.all_low(program))
    for steps in (0, 7):
        batch = (X, torch.tensor(steps))
        assert tools.error(model(*batch), converted(*batch)) < 0.05


def test_a_loop_that_rounding_keeps_from_ending_is_found_and_mended(tools: Any) -> None:
    model = Growing()
    program = tools.trace(model, *FAR, shapes=SHAPES)
    with pytest.raises(ModelError, match="keeps a loop from ending"):
        program.apply(tools.all_low(program))
    names = [op.id for op in program.graph.ops if op.kernel(BF16)]
    errors = tools.errors(program, names)
    endless = {name for name, error in errors.items() if math.isinf(error)}
    assert ":while_loop:0/body/:add:1" in endless
    assert ":while_loop:0/body/fc:linear:0" not in endless
    pinned = tools.all_low(program, pins=sorted(endless))
    assert pinned[":while_loop:0/body/fc:linear:0"] == BF16
    assert tools.error(model(*FAR), program.apply(pinned)(*FAR)) < 1e-4


def test_a_branch_that_fails_on_this_batch_stays_fp32_and_says_why(tools: Any) -> None:
    class Picky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
            def true(v: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
                return self.fc(v[i])

            def false(v: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
                return self.fc(v) * 2

            return torch.cond(index.amax() < 4, true, false, (x, index))

    batch = (X, torch.tensor([0, 9, 1, 2]))
    program = tools.trace(Picky(), *batch, shapes=[(4, 8), (4,)])
    linear = ":cond:0/true/fc:linear:0"
    assert program.probes[linear].output is None
    assert "out of bounds" in program.probes[linear].message
    placement = tools.all_low(program)
    assert placement[linear] == FP32
    assert placement[":cond:0/false/fc:linear:0"] == BF16
    converted = program.apply(placement)
    for other in (batch, (X, torch.tensor([0, 3, 1, 2]))):
        with torch.inference_mode():
            assert (
                tools.error(program.prepared.module(*other), converted(*other)) < 0.02
            )


def test_ranges_are_followed_into_bodies_and_out_through_what_they_take(
    tools: Any,
) -> None:
    class Wave(nn.Module):
        """A position made outside, and a sine of it in a branch."""

        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            place = t * 1.01
            wave = torch.cond(
                x.sum() > 0,
                lambda p, v: torch.sin(p)[:, None] * v,
                lambda p, v: p[:, None] - v,
                (place, x),
            )
            return self.fc(wave)

    batch = (X.abs(), 300 + 7.3 * torch.arange(4.0))
    program = tools.trace(Wave(), *batch, shapes=[("batch", 8), ("batch",)])
    held = find_ranges(program, BF16, set()).pins
    assert {":cond:0/true/:sin:0", ":mul:0"} <= set(held)
    assert "fc:linear:0" not in held


def test_ops_in_bodies_are_timed_taken_or_not(tools: Any) -> None:
    clock = itertools.count()
    program = tools.trace(Spread(), X, NO, shapes=SHAPES)
    ops = {op.id for op in program.graph.ops if op.kernel(BF16)}
    timings = program.time(BF16, ops, lambda: next(clock) * 0.01, 0.1)
    assert {name for name, _precision in timings.ops} == ops
    assert any(":cond:0/true" in name for name in ops)
