"""Measured costs with int8 beside 16 bits: what is timed, and what wholes decide."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import pytest

from narrowcast.runtime.common.timing import Clock, Latency
from narrowcast.runtime.frameworks.protocol import Timings
from narrowcast.runtime.frameworks.quantizing.timing import without_quantizing
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Placement,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.graph.pins import Why
from narrowcast.runtime.placement import latency as objective
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts, predicted_seconds
from narrowcast.runtime.placement.measured.data import costs_data, costs_of
from narrowcast.runtime.placement.measured.measured import (
    WHOLE,
    MeasuredCosts,
    measured_costs,
)
from narrowcast.runtime.placement.measured.sources import costs_text

FP32, BF16, INT8 = Precision.FP32, Precision.BF16, Precision.INT8
ALL = (Kernel(FP32, FP32), Kernel(BF16, BF16), Kernel(INT8, FP32))


def chain(length: int) -> Graph:
    """Contractions one after the other, all of which could be int8."""
    names = ["x", *(f"op{k}" for k in range(length))]
    ops = tuple(
        Op(name, "mm", Kind.COMPUTE, (Slot(before),), (name,), flops=10, kernels=ALL)
        for name, before in zip(names[1:], names, strict=False)
    )
    tensors = {name: Tensor(name, "float32", (4, 4)) for name in names}
    return Graph(ops, tensors, ("x",), (names[-1],))


def latency(seconds: float) -> Latency:
    return Latency(seconds, seconds, seconds, 7)


@dataclass
class Machine:
    """Says how long ops take in each precision, and how long whole models do.

    Attributes:
        ops: Precision → seconds of each op; `own` has those of some ops.
        wholes: What a placement as a whole takes, by its name, where ops don't say.
    """

    graph: Graph
    ops: Mapping[Precision, float]
    own: Mapping[tuple[str, Precision], float] = field(default_factory=dict)
    wholes: Mapping[str, float] = field(default_factory=dict)
    cast: float = 0.0
    asked: list[Precision] = field(default_factory=list)

    def time(
        self, precision: Precision, ops: Set[str], clock: Clock, seconds: float
    ) -> Timings:
        self.asked.append(precision)
        taken = {
            (op, p): latency(self.own.get((op, p), self.ops[p]))
            for op in ops
            for p in (FP32, precision)
        }
        ways = [(FP32, precision)] + [(precision, FP32)] * (precision is not INT8)
        ways += [(BF16, INT8)] * (precision is INT8)
        return Timings(taken, {((4, 4), *way): latency(self.cast) for way in ways})

    def time_whole(
        self, placements: Mapping[str, Placement], clock: Clock
    ) -> Mapping[str, Latency]:
        every = set(self.graph.by_id)
        timings = [self.time(p, every, clock, 1.0) for p in (BF16, INT8)]
        ops = {**timings[0].ops, **timings[1].ops}
        casts = {**timings[0].casts, **timings[1].casts}
        costs = MeasuredCosts(Timings(ops, casts), StaticCosts(self.graph, X86_BF16))
        return {
            name: latency(
                self.wholes.get(name, predicted_seconds(self.graph, costs, placement))
            )
            for name, placement in placements.items()
        }


def measured(machine: Machine) -> MeasuredCosts:
    static = StaticCosts(machine.graph, X86_BF16)
    return measured_costs(machine, BF16, static, lambda: 0.0)  # type: ignore[arg-type]


def placed(machine: Machine) -> list[Precision]:
    costs = measured(machine)
    found = objective(costs)(machine.graph, BF16, frozenset()).placement
    return [found[op.id] for op in machine.graph.ops]


def test_int8_ops_are_timed() -> None:
    machine = Machine(chain(3), {FP32: 4.0, BF16: 2.0, INT8: 1.0})
    costs = measured(machine)
    assert machine.asked[:2] == [BF16, INT8]
    assert costs.op(machine.graph.ops[0], INT8) == 1.0
    assert placed(machine) == [INT8] * 3


def test_an_op_that_is_slower_in_int8_is_in_16_bits() -> None:
    machine = Machine(
        chain(3), {FP32: 4.0, BF16: 2.0, INT8: 1.0}, own={("op1", INT8): 2.5}
    )
    assert placed(machine) == [INT8, BF16, INT8]


def test_a_gain_within_noise_keeps_int8() -> None:
    machine = Machine(
        chain(3), {FP32: 4.0, BF16: 2.0, INT8: 1.0}, own={("op1", INT8): 2.05}
    )
    assert placed(machine) == [INT8] * 3


def test_where_all_in_int8_is_faster_as_a_whole_nothing_leaves_it_for_speed() -> None:
    own = {("op1", INT8): 2.5}
    machine = Machine(
        chain(3), {FP32: 4.0, BF16: 2.0, INT8: 1.0}, own, wholes={WHOLE: 2.0}
    )
    assert placed(machine) == [INT8] * 3
    assert "the fewest bits is faster as a whole" in costs_text(
        measured(machine), BF16, ""
    )


def test_where_the_whole_without_int8_is_the_fastest_none_is_int8() -> None:
    """Kernels that look fast by themselves, and break up what the runtime fuses."""
    machine = Machine(
        chain(3), {FP32: 4.0, BF16: 2.0, INT8: 1.0}, wholes={"int8": 6.05}
    )
    assert placed(machine) == [BF16] * 3
    op = machine.graph.ops[0]
    reason = objective(measured(machine)).aside(machine.graph, op, INT8, BF16)
    assert reason.number == pytest.approx(6.05 / 6)
    said = costs_text(measured(machine), BF16, "")
    assert said.endswith("the model without int8 is faster as a whole")


def test_the_reason_may_be_the_whole_alone() -> None:
    machine = Machine(
        chain(3), {FP32: 4.0, BF16: 2.0, INT8: 1.9}, wholes={"int8": 6.05}
    )
    assert placed(machine) == [BF16] * 3
    op = machine.graph.ops[0]
    reason = objective(measured(machine)).aside(machine.graph, op, INT8, BF16)
    assert reason.text == "is faster in int8 alone, and the model in bf16"


def test_int8s_sum_is_scaled_to_its_whole() -> None:
    machine = Machine(chain(3), {FP32: 4.0, BF16: 2.0, INT8: 1.0}, wholes={"int8": 4.5})
    costs = measured(machine)
    assert costs.scale == {INT8: pytest.approx(1.5)}
    assert costs.errors[INT8] == pytest.approx(3 / 4.5 - 1)
    assert placed(machine) == [INT8] * 3


def test_the_reason_says_how_much_slower_int8_is_than_16_bits() -> None:
    machine = Machine(chain(1), {FP32: 4.0, BF16: 2.0, INT8: 3.0})
    costs = measured(machine)
    reason = objective(costs).aside(machine.graph, machine.graph.ops[0], INT8, BF16)
    assert (reason.why, reason.number) == (Why.LATENCY, pytest.approx(1.5))


def test_what_an_op_would_gain_is_told_as_it_was_timed() -> None:
    """No margin is in it, not even that under which nothing leaves int8."""
    own = {("op1", INT8): 2.5}
    machine = Machine(
        chain(3), {FP32: 4.0, BF16: 2.0, INT8: 1.0}, own, wholes={WHOLE: 2.0}
    )
    best = objective(measured(machine))
    told = [best.told(machine.graph, op, INT8, BF16) for op in machine.graph.ops]
    assert told == pytest.approx([1.0, 0.0, 1.0], rel=0.2)
    assert best.told(machine.graph, machine.graph.ops[0], BF16) == 2.0


def test_the_plan_has_them_and_gives_them_back() -> None:
    costs = measured(Machine(chain(2), {FP32: 4.0, BF16: 2.0, INT8: 1.0}, cast=0.1))
    data = costs_data(costs)
    assert data["ops"]["op0"] == {"fp32": 4.0, "bf16": 2.0, "int8": 1.0}
    assert data["casts"]["(4, 4): bf16 -> int8"] == 0.1
    assert costs_data(costs_of(data, costs.static)) == data


@pytest.mark.parametrize(("alone", "left"), [(3.0, 2.0), (1.05, 0.105)])
def test_own_quantizing_is_the_casts(alone: float, left: float) -> None:
    graph = chain(1)
    timings = Timings(
        {("op0", FP32): latency(4.0), ("op0", INT8): latency(alone)},
        {((4, 4), FP32, INT8): latency(1.0)},
    )
    found = without_quantizing(graph, timings)
    assert found.ops["op0", INT8].median == pytest.approx(left)
    assert found.ops["op0", FP32].median == 4.0
    assert found.casts == timings.casts
