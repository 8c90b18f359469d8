from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.placement.costs import (
    A100,
    X86_BF16,
    X86_FP16,
    CostError,
    MachineProfile,
    StaticCosts,
    cast_bytes,
    checked,
    moved_bytes,
    predicted_bytes,
    predicted_seconds,
)

FP32, BF16, FP16 = Precision.FP32, Precision.BF16, Precision.FP16
BOTH = (Kernel(FP32, FP32), Kernel(BF16, BF16))
ROUND = MachineProfile("round", {FP32: 100.0, BF16: 200.0}, 10.0, 0.5)

TENSORS = {
    tensor.name: tensor
    for tensor in (
        Tensor("x", "float32", (2, 5)),
        Tensor("y", "float32", (2, 5)),
        Tensor("ids", "int64", (3,)),
        Tensor("mask", "bool", (3,)),
        Tensor("table", "float32", (1000, 5), constant=True),
    )
}


def graph_of(kind: Kind, *inputs: Slot, flops: int = 0, **fields: Any) -> Graph:
    """One op "op" that makes y from x and what else it takes."""
    given: dict[str, Any] = {"kernels": BOTH} | fields
    op = Op("op", "any", kind, inputs, ("y",), flops=flops, **given)
    return Graph((op,), TENSORS, ("x", "ids", "mask"), ("y",))


def seconds(graph: Graph, precision: Precision) -> float:
    return StaticCosts(graph, ROUND).op(graph.ops[0], precision)


def test_a_contraction_costs_the_larger_of_flops_and_bytes() -> None:
    busy = graph_of(Kind.COMPUTE, Slot("x"), flops=1000)
    assert (seconds(busy, FP32), seconds(busy, BF16)) == (10.5, 5.5)
    idle = graph_of(Kind.COMPUTE, Slot("x"), flops=100)
    assert (seconds(idle, FP32), seconds(idle, BF16)) == (8.5, 4.5)


@pytest.mark.parametrize("kind", [Kind.POINTWISE, Kind.MOVER])
def test_other_ops_cost_bytes_in_their_precision(kind: Kind) -> None:
    graph = graph_of(kind, Slot("x"), flops=10**9)
    assert (seconds(graph, FP32), seconds(graph, BF16)) == (8.5, 4.5)


def test_a_fixed_op_costs_nothing() -> None:
    graph = graph_of(Kind.FIXED, Slot("x"), flops=10**9)
    assert seconds(graph, FP32) == 0
    assert predicted_bytes(graph, {"op": FP32}) == 0


def test_slots_and_dtypes_that_stay_count_as_they_are() -> None:
    slots = (Slot("x", castable=False), Slot("ids"), Slot("mask"), Slot(None))
    graph = graph_of(Kind.POINTWISE, *slots)
    kept = 10 * 4 + 3 * 8 + 3
    assert moved_bytes(graph, graph.ops[0], FP32) == kept + 10 * 4
    assert moved_bytes(graph, graph.ops[0], BF16) == kept + 10 * 2


def test_a_split_kernel_writes_fp32() -> None:
    kernels = (Kernel(FP32, FP32), Kernel(BF16, FP32))
    graph = graph_of(Kind.COMPUTE, Slot("x"), kernels=kernels)
    assert moved_bytes(graph, graph.ops[0], BF16) == 10 * 2 + 10 * 4


def test_a_table_is_read_as_far_as_it_is_selected() -> None:
    lookup = graph_of(Kind.MOVER, Slot("table"), Slot("ids"))
    assert moved_bytes(lookup, lookup.ops[0], BF16) == 10 * 2 + 3 * 8 + 10 * 2
    product = graph_of(Kind.COMPUTE, Slot("table"))
    assert moved_bytes(product, product.ops[0], BF16) == 5000 * 2 + 10 * 2


def test_a_cast_reads_one_precision_and_writes_the_other() -> None:
    graph = graph_of(Kind.MOVER, Slot("x"))
    assert cast_bytes(TENSORS["x"], FP32, BF16) == 60
    assert StaticCosts(graph, ROUND).cast(TENSORS["x"], BF16, FP32) == 6.5


def test_a_placement_costs_its_ops_and_its_casts() -> None:
    graph = graph_of(Kind.POINTWISE, Slot("x"))
    costs = StaticCosts(graph, ROUND)
    assert predicted_seconds(graph, costs, {"op": FP32}) == 8.5
    assert predicted_seconds(graph, costs, {"op": BF16}) == 4.5 + 6.5 + 6.5
    assert predicted_bytes(graph, {"op": FP32}) == 80
    assert predicted_bytes(graph, {"op": BF16}) == 40 + 60 + 60


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_low_never_costs_more_than_fp32(cases: Any, data: Any) -> None:
    graph = data.draw(cases.whole()).graph
    costs = StaticCosts(graph, X86_BF16)
    for op in graph.ops:
        fp32 = costs.op(op, FP32)
        assert 0 <= costs.op(op, BF16) <= fp32 < math.inf


@pytest.mark.parametrize("profile", [X86_BF16, X86_FP16, A100])
def test_profiles_state_every_precision(profile: MachineProfile) -> None:
    assert set(profile.flops) == set(Precision)
    assert min(*profile.flops.values(), profile.bandwidth, profile.overhead) > 0
    assert profile.flops[FP32] < profile.flops[BF16]
    assert profile is X86_BF16 or profile.flops[FP32] < profile.flops[FP16]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1e-9])
def test_a_cost_is_finite_and_not_negative(bad: float) -> None:
    with pytest.raises(CostError, match="conv in bf16"):
        checked(bad, "conv in bf16")
    assert checked(0, "conv in bf16") == 0
