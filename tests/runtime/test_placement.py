from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Set
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_flow

from narrowcast.runtime.common.errors import ModelError, UsageError
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Placement,
    Precision,
    Slot,
    Tensor,
    casts,
)
from narrowcast.runtime.graph.pins import Reason, Why
from narrowcast.runtime.placement import Placed, latency, low_compute, memory, min_cut
from narrowcast.runtime.placement.costs import (
    A100,
    CostError,
    Costs,
    StaticCosts,
    predicted_bytes,
    predicted_seconds,
)
from narrowcast.runtime.placement.objectives import place as placed_by
from narrowcast.runtime.placement.weights import weight_bytes
from narrowcast.runtime.search.limits.movers import with_movers

FP32, BF16 = Precision.FP32, Precision.BF16
BOTH = (Kernel(FP32, FP32), Kernel(BF16, BF16))
SPLIT = (Kernel(FP32, FP32), Kernel(BF16, FP32))

OBJECTIVES = ["low_compute", "latency", "memory"]


def place(
    graph: Graph, low: Precision, pins: Set[str], objective: str, costs: Costs
) -> Placed:
    """The best placement by the objective of that name."""
    chosen = {
        "low_compute": low_compute,
        "latency": latency(costs),
        "memory": memory,
    }
    return chosen[objective](graph, low, pins)


quick = settings(max_examples=60, deadline=None)


def admissible(graph: Graph, pins: frozenset[str]) -> Iterator[dict[str, Precision]]:
    """Every placement that pins, kernels and equality groups allow."""
    choices = [
        (FP32, BF16)
        if op.kind is not Kind.FIXED and op.kernel(BF16) and not pins & {*op.names}
        else (FP32,)
        for op in graph.ops
    ]
    for chosen in itertools.product(*choices):
        placement = {op.id: p for op, p in zip(graph.ops, chosen, strict=True)}
        if all(len({placement[name] for name in group}) == 1 for group in graph.equal):
            yield placement


def high(placement: Placement) -> set[str]:
    return {name for name, precision in placement.items() if precision is FP32}


def low_flops(graph: Graph, placement: Placement) -> int:
    return sum(op.flops for op in graph.ops if placement[op.id] is BF16)


def op(name: str, *inputs: str, **fields: Any) -> Op:
    """An op that makes the tensor of its own name."""
    given: dict[str, Any] = {"kind": Kind.MOVER, "kernels": BOTH} | fields
    slots = tuple(Slot(tensor) for tensor in inputs)
    return Op(name, "any", inputs=slots, outputs=(name,), **given)


def graph_of(*ops: Op, outputs: tuple[str, ...], **fields: Any) -> Graph:
    """Ops over the fp32 input x of four elements."""
    names = ["x", *(name for op in ops for name in op.outputs)]
    tensors = {name: Tensor(name, "float32", (4,)) for name in names}
    return Graph(ops, tensors, ("x",), outputs, **fields)


class Flat:
    """Given seconds of each op (fp32, low), and one price for all casts."""

    def __init__(self, cast: float, **ops: tuple[float, float]) -> None:
        self.price, self.ops = cast, ops

    def op(self, op: Op, precision: Precision) -> float:
        return self.ops[op.id][precision is not FP32]

    def alone(self, op: Op, precision: Precision) -> float:
        return self.op(op, precision)

    def cast(self, tensor: Tensor, source: Precision, target: Precision) -> float:
        return self.price


def casts_no_unfit(graph: Graph, placement: Placement) -> bool:
    """Whether nothing is cast from fp32 that 16 bits don't hold."""
    made = casts(graph, placement)
    return not any(c.tensor in graph.unfit and c.source is FP32 for c in made)


@pytest.mark.parametrize("objective", [low_compute, memory])
def test_flops_are_no_reason_to_cast_what_overflows(objective: Any) -> None:
    """A kernel that is low inside makes fp32: what reads that stays fp32, and so on."""
    work = {"kind": Kind.COMPUTE, "flops": 9}
    graph = graph_of(
        op("a", "x", kernels=SPLIT, **work),
        op("b", "a", **work),
        op("c", "b", **work),
        op("d", "x", **work),
        outputs=("c", "d"),
        unfit=frozenset({"a", "b"}),
    )
    placement = objective(graph, BF16, set()).placement
    assert high(placement) == {"b", "c"}
    assert casts_no_unfit(graph, placement)


@quick
@given(data=st.data())
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_16_bits_do_not_hold_is_never_cast_from_fp32(
    cases: Any, objective: str, data: Any
) -> None:
    case = data.draw(cases.whole())
    made = sorted(name for op in case.graph.ops for name in case.graph.carried(op))
    names = data.draw(st.sets(st.sampled_from([*made, *case.graph.inputs])))
    freed = {*case.graph.given, *case.graph.returned}  # an error, if they don't fit
    graph = replace(case.graph, unfit=frozenset(names - freed))
    reasons = {
        op.id: Reason(Why.FIXED, "")
        for op in graph.ops
        if op.kind is Kind.FIXED or not op.kernel(BF16) or case.pins & {*op.names}
    }
    pins = with_movers(graph, reasons)
    placed = place(graph, BF16, pins.keys(), objective, case.costs)
    assert casts_no_unfit(graph, placed.placement)
    if objective != "latency":
        return
    every = (
        predicted_seconds(graph, case.costs, each)
        for each in admissible(graph, frozenset(pins))
        if casts_no_unfit(graph, each)
    )
    assert placed.value == min(every)


# The cut is the optimum


@quick
@given(data=st.data())
def test_latency_is_brute_force(cases: Any, data: Any) -> None:
    case = data.draw(cases.whole())
    placed = place(case.graph, BF16, case.pins, "latency", case.costs)
    every = [
        (predicted_seconds(case.graph, case.costs, placement), placement)
        for placement in admissible(case.graph, case.pins)
    ]
    best = min(seconds for seconds, _ in every)
    assert placed.value == best
    assert predicted_seconds(case.graph, case.costs, placed.placement) == best
    ties = [high(placement) for seconds, placement in every if seconds == best]
    assert high(placed.placement) in ties
    assert all(tie <= high(placed.placement) for tie in ties)
    rank = latency(case.costs).rank(case.graph, placed.placement)
    assert rank == (best, -len(high(placed.placement)))


@quick
@given(data=st.data())
def test_low_compute_is_lexicographic_brute_force(cases: Any, data: Any) -> None:
    case = data.draw(cases.whole())
    placed = place(case.graph, BF16, case.pins, "low_compute", case.costs)

    def rank(placement: Placement) -> tuple[int, int, int]:
        flops = low_flops(case.graph, placement)
        moved = predicted_bytes(case.graph, placement)
        return -flops, moved, -len(high(placement))

    best = min(rank(each) for each in admissible(case.graph, case.pins))
    assert rank(placed.placement) == best
    assert placed.value == best[1]
    every = admissible(case.graph, case.pins)
    ranks = [low_compute.rank(case.graph, each) for each in every]
    assert low_compute.rank(case.graph, placed.placement) == min(ranks)


def stored(graph: Graph, placement: Placement) -> int:
    """Bytes of weights, each once for every precision that something takes it in."""
    total = 0
    for name, tensor in graph.tensors.items():
        if not (tensor.constant and tensor.floating) or name in graph.producer:
            continue
        taken = {FP32} if name in graph.outputs else set()
        for op in graph.ops:
            taken |= {
                placement[op.id] if slot.castable else FP32
                for slot in op.inputs
                if slot.tensor == name
            }
        total += tensor.elements * sum(p.bytes for p in taken or {FP32})
    return total


@quick
@given(data=st.data())
def test_memory_is_lexicographic_brute_force(cases: Any, data: Any) -> None:
    case = data.draw(cases.whole(weights=4))
    placed = place(case.graph, BF16, case.pins, "memory", case.costs)

    def rank(placement: Placement) -> tuple[int, int, int, int]:
        flops = low_flops(case.graph, placement)
        moved = predicted_bytes(case.graph, placement)
        fp32 = len(high(placement))
        return stored(case.graph, placement), -flops, moved, -fp32

    every = list(admissible(case.graph, case.pins))
    best = min(map(rank, every))
    assert rank(placed.placement) == best
    assert placed.value == best[0] == weight_bytes(case.graph, placed.placement)
    assert placed.quantum <= 1
    ranks = [memory.rank(case.graph, each) for each in every]
    assert memory.rank(case.graph, placed.placement) == min(ranks)


def test_memory_leaves_what_shares_a_pinned_weight_in_fp32() -> None:
    ops = (op("tied", "x", "w", flops=9), op("head", "tied", "w", flops=9))
    graph = graph_of(*ops, outputs=("head",))
    tensors = {**graph.tensors, "w": Tensor("w", "float32", (1000,), constant=True)}
    graph = replace(graph, tensors=tensors)
    placed = memory(graph, BF16, {"head"})
    assert (high(placed.placement), placed.value) == ({"tied", "head"}, 4000)
    assert memory.aside(graph, ops[0], BF16).why is Why.MEMORY
    assert high(low_compute(graph, BF16, {"head"}).placement) == {"head"}
    assert memory(graph, BF16, set()).value == 2000


@quick
@given(data=st.data())
def test_every_side_costs_what_its_casts_cost(cases: Any, data: Any) -> None:
    case = data.draw(cases.whole())
    problem = latency(case.costs).problem(case.graph, BF16)
    placements = list(admissible(case.graph, frozenset()))
    placement = data.draw(st.sampled_from(placements))
    side = np.zeros(problem.network.nodes, dtype=np.bool_)
    side[min_cut.SOURCE] = True
    for name, node in problem.nodes.items():
        side[node] = placement[name] is FP32
    assert problem.value(side) == predicted_seconds(case.graph, case.costs, placement)


@quick
@given(data=st.data())
def test_from_1_ns_to_100_s_in_one_graph(cases: Any, data: Any) -> None:
    case = data.draw(cases.spread(7))
    problem = latency(case.costs).problem(case.graph, BF16)
    placed = placed_by(case.graph, problem, dict.fromkeys(case.pins, FP32))
    best = min(
        predicted_seconds(case.graph, case.costs, placement)
        for placement in admissible(case.graph, case.pins)
    )
    assert problem.network.uncuttable <= 2**31 - 1
    assert placed.value == pytest.approx(
        predicted_seconds(case.graph, case.costs, placed.placement), rel=1e-12
    )
    rounding = len(problem.network.units) * placed.quantum
    assert best * (1 - 1e-12) <= placed.value <= best + rounding + 1e-12 * best


# Pins


@quick
@given(data=st.data())
def test_more_pins_never_shrink_the_fp32_side(cases: Any, data: Any) -> None:
    case = data.draw(st.one_of(cases.whole(), cases.spread()))
    objective = data.draw(st.sampled_from(OBJECTIVES))
    names = [name for op in case.graph.ops for name in op.names]
    more = case.pins | data.draw(st.frozensets(st.sampled_from(names)))
    few = high(place(case.graph, BF16, case.pins, objective, case.costs).placement)
    many = high(place(case.graph, BF16, more, objective, case.costs).placement)
    assert few <= many
    pinned = {op.id for op in case.graph.ops if more & {*op.names}}
    assert pinned <= many


@quick
@given(data=st.data())
def test_pinning_what_is_fp32_changes_nothing(cases: Any, data: Any) -> None:
    case = data.draw(st.one_of(cases.whole(), cases.spread()))
    objective = data.draw(st.sampled_from(OBJECTIVES))
    once = place(case.graph, BF16, case.pins, objective, case.costs)
    kept = case.pins | frozenset(high(once.placement))
    assert place(case.graph, BF16, kept, objective, case.costs) == once


@quick
@given(data=st.data())
def test_without_pins_all_supported_flops_are_low(cases: Any, data: Any) -> None:
    graph = data.draw(cases.whole()).graph
    supported = [
        op.id
        for op in graph.ops
        if op.flops and op.kind is not Kind.FIXED and op.kernel(BF16)
    ]
    placed = place(graph, BF16, set(), "low_compute", StaticCosts(graph, A100))
    grouped = {name for group in graph.equal for name in group}
    assert not high(placed.placement) & {*supported} - grouped


def test_a_pin_on_an_absorbed_op_holds_the_op() -> None:
    graph = graph_of(op("a", "x", absorbed=("norm",), flops=9), outputs=("a",))
    placed = place(graph, BF16, {"norm"}, "low_compute", Flat(0))
    assert placed.placement == {"a": FP32}


def test_a_pin_holds_its_whole_group() -> None:
    graph = graph_of(
        *(op("a", "x", flops=9), op("b", "a", flops=9), op("c", "b", flops=9)),
        outputs=("c",),
        equal=(frozenset({"a", "b"}), frozenset({"b", "c"})),
    )
    placed = place(graph, BF16, {"c"}, "low_compute", Flat(0))
    assert high(placed.placement) == {"a", "b", "c"}


# Casts


def test_takers_share_one_cast() -> None:
    # Each taker alone gains less than the cast, both together more.
    split = {"kernels": SPLIT}
    graph = graph_of(op("a", "x", **split), op("b", "x", **split), outputs=("a", "b"))
    gain = Flat(3, a=(2, 0), b=(2, 0))
    placed = place(graph, BF16, set(), "latency", gain)
    assert placed.placement == {"a": BF16, "b": BF16}
    assert placed.value == 3


def test_a_tensor_taken_twice_by_one_op_is_cast_once() -> None:
    graph = graph_of(op("a", "x", "x", kernels=SPLIT), outputs=("a", "a"))
    placed = place(graph, BF16, set(), "latency", Flat(3, a=(4, 0)))
    assert (placed.placement["a"], placed.value) == (BF16, 3)


def test_an_output_that_is_also_taken_is_cast_up_once() -> None:
    graph = graph_of(
        *(op("a", "x"), op("b", "a", kernels=BOTH[:1])), outputs=("a", "a", "b")
    )
    placed = place(graph, BF16, set(), "latency", Flat(3, a=(7, 0), b=(1, 9)))
    assert placed.placement == {"a": BF16, "b": FP32}
    assert placed.value == 3 + 3 + 1


def test_an_input_that_is_an_output_costs_nothing() -> None:
    graph = graph_of(op("a", "x"), outputs=("x",))
    placed = place(graph, BF16, set(), "latency", Flat(3, a=(4, 0)))
    assert (placed.placement["a"], placed.value) == (BF16, 3)


def test_constants_are_cast_offline() -> None:
    weight = Tensor("w", "float32", (4,), constant=True)
    graph = graph_of(op("a", "w", kernels=SPLIT), outputs=("a", "w"))
    graph = Graph(graph.ops, {**graph.tensors, "w": weight}, ("x",), graph.outputs)
    placed = place(graph, BF16, set(), "latency", Flat(99, a=(1, 0)))
    assert (placed.placement["a"], placed.value) == (BF16, 0)


def test_a_tie_is_most_fp32() -> None:
    graph = graph_of(op("a", "x", kernels=SPLIT), outputs=("a",))
    placed = place(graph, BF16, set(), "latency", Flat(1, a=(4, 3)))
    assert placed.placement["a"] is FP32


# 32-bit capacities


def test_unscaled_nanoseconds_would_be_cut_wrongly() -> None:
    # SciPy takes 2**32 + 1 ns for 1 ns, and so cuts the arc of 4.3 s, not of 3 ns.
    slow, fast = 2**32 + 1, 3
    unscaled = csr_matrix(np.array([[0, 0, slow], [0, 0, 0], [0, fast, 0]]))
    assert maximum_flow(unscaled, min_cut.SOURCE, min_cut.SINK).flow_value == 1
    network = min_cut.network(3, [(0, 2, slow), (2, 1, fast)])
    assert min_cut.source_side(network).tolist() == [True, False, True]


def test_100_s_ops_do_not_blur_ns() -> None:
    names = ("slow", "swift", "left", "right", "worse")
    ops = [op(name, "x", kernels=SPLIT) for name in ("slow", "swift")]
    # Of their own tensor, so that no other op pays for the cast they share.
    ops += [op("y", "x", kernels=BOTH[:1])]
    ops += [op(name, "y", kernels=SPLIT) for name in ("left", "right", "worse")]
    costs = Flat(
        3e-9,
        slow=(50, 100),
        swift=(100, 50),
        y=(1e-9, 1e-9),
        left=(4e-9, 2e-9),
        right=(4e-9, 2e-9),
        worse=(1e-9, 2e-9),
    )
    placed = place(graph_of(*ops, outputs=names), BF16, set(), "latency", costs)
    assert high(placed.placement) == {"slow", "y", "worse"}


def test_parallel_uncuttable_arcs_do_not_overflow() -> None:
    # Four pins hold one cast: four infinities on one arc are negative in int32.
    takers = [op(name, "a") for name in "bcde"]
    graph = graph_of(op("a", "x"), *takers, outputs=("b", "c", "d", "e"))
    costs = Flat(3, a=(5, 0), **{each.id: (1, 0) for each in takers})
    placed = place(graph, BF16, {*"bcde"}, "latency", costs)
    assert placed.placement["a"] is FP32


@quick
@given(
    st.lists(st.floats(0, 1e300, allow_subnormal=True), max_size=30),
)
def test_capacities_fit_and_are_rounded_to_the_quantum(capacities: list[float]) -> None:
    arcs = [(0, 2 + i, capacity) for i, capacity in enumerate(capacities)]
    network = min_cut.network(2 + len(arcs), [*arcs, (0, 2, math.inf)])
    assert network.uncuttable == 1 + network.units[:-1].sum() <= 2**30
    assert network.units[-1] == network.uncuttable
    for units, capacity in zip(network.units, capacities, strict=False):
        assert abs(int(units) * network.quantum - capacity) <= network.quantum / 2


def test_whole_capacities_stay_exact() -> None:
    arcs = [(0, 2, 2.0**29), (2, 1, 1.0), (2, 1, 7.0)]
    network = min_cut.network(3, arcs)
    assert (network.units * network.quantum).tolist() == [2.0**29, 1, 7]


@pytest.mark.parametrize("bad", [math.nan, -1.0, math.inf])
@pytest.mark.parametrize("where", ["op", "cast"])
def test_a_bad_cost_is_refused_with_its_place(bad: float, where: str) -> None:
    graph = graph_of(op("a", "x"), outputs=("a",))
    costs = Flat(bad, a=(1, 1)) if where == "cast" else Flat(1, a=(1, bad))
    with pytest.raises(CostError, match="a in bf16" if where == "op" else "cast of x"):
        place(graph, BF16, set(), "latency", costs)


def test_overflow_is_refused() -> None:
    ops = [op(f"a{i}", "x") for i in range(3)]
    graph = graph_of(*ops, outputs=("x",))
    costs = Flat(1, **{each.id: (1e308, 1e308) for each in ops})
    with pytest.raises(CostError, match="add up"):
        place(graph, BF16, set(), "latency", costs)
    with pytest.raises(CostError, match="add up"):
        min_cut.network(3, [(0, 2, 1e308), (2, 1, 1e308)])
    for bad in (math.nan, -1.0):
        with pytest.raises(CostError, match="negative"):
            min_cut.network(3, [(0, 2, bad)])


# The edge


def test_unknown_names_are_refused() -> None:
    graph = graph_of(op("a", "x"), outputs=("a",))
    with pytest.raises(UsageError, match="'b'"):
        place(graph, BF16, {"b"}, "latency", Flat(0, a=(1, 1)))
    with pytest.raises(UsageError, match="fp32"):
        place(graph, FP32, set(), "latency", Flat(0))


def test_an_fp32_kernel_that_makes_less_is_refused() -> None:
    graph = graph_of(op("a", "x", kernels=(Kernel(FP32, BF16),)), outputs=("a",))
    with pytest.raises(ModelError, match="a has an fp32 kernel"):
        place(graph, BF16, set(), "latency", Flat(0, a=(1, 1)))


def test_a_long_chain_does_not_recurse() -> None:
    names = ["x", *(f"t{i}" for i in range(3000))]
    ops = [op(b, a) for a, b in itertools.pairwise(names)]
    graph = graph_of(*ops, outputs=(names[-1],))
    costs = StaticCosts(graph, A100)
    placed = place(graph, BF16, set(), "low_compute", costs)
    # Two casts of 24 bytes against 16 bytes less in each op.
    assert high(placed.placement) == set()
    assert placed.value == 3000 * 16 + 2 * 24


def chained(*flops: int) -> Graph:
    """Ops in a row, each of which reads the one before."""
    names = ["x", *(f"t{k}" for k in range(len(flops)))]
    ops = tuple(
        Op(f"op{k}", "MatMul", Kind.COMPUTE, (Slot(names[k]),), (names[k + 1],),
           flops=count, kernels=BOTH)
        for k, count in enumerate(flops)
    )  # fmt: skip
    tensors = {name: Tensor(name, "float32", (4,)) for name in names}
    return Graph(ops, tensors, ("x",), (names[-1],))


@pytest.mark.parametrize(("flops", "fewer_casts"), [(4, True), (6, False)])
def test_near_ties_go_to_fewer_casts(flops: int, fewer_casts: bool) -> None:
    """An op between pinned ones is worth two casts where it is more than 0.5 %."""
    graph = chained(900, 50, flops, 50 - flops)
    few = {"op0": BF16, "op1": FP32, "op2": FP32, "op3": FP32}
    many = few | {"op2": BF16}
    first, second = low_compute.best_first(graph, [many, few])
    assert (first is few) is fewer_casts
    assert {id(first), id(second)} == {id(few), id(many)}
    (only, *_) = latency(StaticCosts(graph, A100)).best_first(graph, [few, many])
    assert only in (few, many)
