"""Measured costs: what is timed, what stays static, and how the sum is held to wholes."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

import pytest

from narrowcast.runtime.common.timing import Clock, Latency
from narrowcast.runtime.frameworks.protocol import Timings
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
from narrowcast.runtime.placement.measured.data import costs_data
from narrowcast.runtime.placement.measured.measured import (
    MARGIN,
    MeasuredCosts,
    chosen,
    measured_costs,
)

FP32, BF16 = Precision.FP32, Precision.BF16
BOTH = (Kernel(FP32, FP32), Kernel(BF16, BF16))


def chain(*flops: int) -> Graph:
    """Contractions one after the other."""
    names = ["x", *(f"op{k}" for k in range(len(flops)))]
    ops = tuple(
        Op(name, "mm", Kind.COMPUTE, (Slot(before),), (name,), flops=n, kernels=BOTH)
        for name, before, n in zip(names[1:], names, flops, strict=False)
    )
    tensors = {name: Tensor(name, "float32", (4, 4)) for name in names}
    return Graph(ops, tensors, ("x",), (names[-1],))


def latency(seconds: float) -> Latency:
    return Latency(seconds, seconds, seconds, 7)


@dataclass(frozen=True)
class Machine:
    """Says how long things take: ops by table, casts alike, wholes by a factor."""

    graph: Graph
    seconds: Mapping[Precision, float]
    cast: float = 0.5
    factor: float = 1.0

    def time(
        self, precision: Precision, ops: Set[str], clock: Clock, seconds: float
    ) -> Timings:
        return Timings(
            {(n, p): latency(self.seconds[p]) for n in ops for p in (FP32, precision)},
            {
                ((4, 4), a, b): latency(self.cast)
                for a, b in ((FP32, precision), (precision, FP32))
            },
        )

    def time_whole(
        self, placements: Mapping[str, Placement], clock: Clock
    ) -> Mapping[str, Latency]:
        costs = MeasuredCosts(
            self.time(BF16, set(self.graph.by_id), clock, 1.0),
            StaticCosts(self.graph, X86_BF16),
        )
        return {
            name: latency(self.factor * predicted_seconds(self.graph, costs, placement))
            for name, placement in placements.items()
        }


def measured(machine: Machine) -> MeasuredCosts:
    static = StaticCosts(machine.graph, X86_BF16)
    return measured_costs(machine, BF16, static, lambda: 0.0)  # type: ignore[arg-type]


def test_what_was_timed_replaces_what_was_stated() -> None:
    graph = chain(10, 10)
    costs = measured(Machine(graph, {FP32: 3.0, BF16: 1.0}))
    found = [costs.op(op, p) for op in graph.ops for p in (FP32, BF16)]
    assert found == pytest.approx([3 * (1 + MARGIN), 1, 3 * (1 + MARGIN), 1])
    assert costs.cast(graph.tensors["op0"], FP32, BF16) == 0.5


def test_fixed_ops_cost_nothing() -> None:
    graph = chain(10)
    fixed = Op("f", "arange", Kind.FIXED, (), ())
    assert measured(Machine(graph, {FP32: 3.0, BF16: 1.0})).op(fixed, FP32) == 0.0


def test_an_additive_model_is_left_as_it_is() -> None:
    costs = measured(Machine(chain(10, 10), {FP32: 3.0, BF16: 1.0}, factor=1.05))
    assert costs.errors[FP32] == pytest.approx(1 / 1.05 - 1)
    assert costs.scale == {}


def test_a_sum_that_is_off_is_scaled_to_the_whole() -> None:
    graph = chain(10, 10)
    machine = Machine(graph, {FP32: 3.0, BF16: 1.0}, cast=0.0, factor=2.0)
    costs = measured(machine)
    assert costs.errors == {FP32: pytest.approx(-0.5), BF16: pytest.approx(-0.5)}
    whole = dict.fromkeys(graph.by_id, FP32)
    seconds = 2 * 6.0 * (1 + MARGIN)
    assert predicted_seconds(graph, costs, whole) == pytest.approx(seconds)


@pytest.mark.parametrize(("low", "placed"), [(2.9, BF16), (3.1, BF16), (3.2, FP32)])
def test_an_op_stays_fp32_only_where_that_gains_more_than_noise(
    low: float, placed: Precision
) -> None:
    machine = Machine(chain(10, 10, 10), {FP32: 3.0, BF16: low}, cast=0.001)
    found = objective(measured(machine))(machine.graph, BF16, frozenset())
    assert set(found.placement.values()) == {placed}


@dataclass(frozen=True)
class Fusing(Machine):
    """A machine on which alone-timed 16-bit ops look slow, and the whole is not."""

    whole: float = 1.0

    def time_whole(
        self, placements: Mapping[str, Placement], clock: Clock
    ) -> Mapping[str, Latency]:
        found = dict(super().time_whole(placements, clock))
        all_low = [name for name, p in placements.items() if set(p.values()) == {BF16}]
        return {**found, **dict.fromkeys(all_low, latency(self.whole))}


@pytest.mark.parametrize(("whole", "placed"), [(8.9, BF16), (9.1, FP32)])
def test_ops_stay_fp32_for_speed_only_if_the_whole_is_faster(
    whole: float, placed: Precision
) -> None:
    """The sum prefers fp32 (9 s); the model with all ops low is timed beside it."""
    graph = chain(10, 10, 10)
    machine = Fusing(graph, {FP32: 3.0, BF16: 3.5}, cast=0.0, whole=whole)
    found = objective(measured(machine))(graph, BF16, frozenset())
    assert set(found.placement.values()) == {placed}


def test_what_is_slower_in_16_bits_says_so() -> None:
    graph = chain(10)
    slower = objective(measured(Machine(graph, {FP32: 1.0, BF16: 2.0})))
    reason = slower.aside(graph, graph.ops[0], BF16)
    assert (reason.why, reason.number) == (Why.LATENCY, pytest.approx(2.0))
    faster = objective(measured(Machine(graph, {FP32: 1.0, BF16: 0.9}, cast=9.0)))
    assert faster.aside(graph, graph.ops[0], BF16).why is Why.CAST


def test_the_largest_ops_are_timed_first() -> None:
    graph = chain(10**12, 10**6, 10**13, 10**6)
    static = StaticCosts(graph, X86_BF16)
    most = 10 * sum(static.op(graph.by_id["op2"], p) for p in (FP32, BF16))
    assert chosen(graph, BF16, static, most * 1.01) == {"op2"}
    assert chosen(graph, BF16, static, most * 1.2) == {"op2", "op0", "op1", "op3"}


def test_ops_without_a_kernel_are_not_timed() -> None:
    graph = chain(10)
    op = graph.ops[0]
    only = Op(op.id, op.type, op.kind, op.inputs, op.outputs, flops=10)
    bare = Graph((only,), graph.tensors, graph.inputs, graph.outputs)
    assert chosen(bare, BF16, StaticCosts(bare, X86_BF16), 1e9) == frozenset()


def test_the_plan_holds_every_cost_used() -> None:
    data = costs_data(measured(Machine(chain(10, 10), {FP32: 3.0, BF16: 1.0})))
    assert data["ops"] == {name: {"fp32": 3.0, "bf16": 1.0} for name in ("op0", "op1")}
    assert data["casts"] == {
        "(4, 4): fp32 -> bf16": 0.5,
        "(4, 4): bf16 -> fp32": 0.5,
    }
    assert data["errors"] == {"fp32": pytest.approx(0.0), "bf16": pytest.approx(0.0)}


@pytest.mark.parametrize(
    ("evaluation", "timed"), [(0.0, {"op0"}), (400.0, {"op0", "op1"})]
)
def test_a_long_evaluation_allows_as_long_a_measurement(
    evaluation: float, timed: set[str]
) -> None:
    """The cap is 60 s, or two evaluations: each op takes some 40 s of ten runs."""
    graph = chain(10**12, 10**12)
    machine = Machine(graph, {FP32: 3.0, BF16: 1.0})
    static = StaticCosts(graph, X86_BF16)
    costs = measured_costs(machine, BF16, static, lambda: 0.0, evaluation)  # type: ignore[arg-type]
    assert {name for name, _precision in costs.timings.ops} == timed
