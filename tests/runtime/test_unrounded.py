"""Pinned ops read fp32 values without a detour through 16 bits."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
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
from narrowcast.runtime.graph.pins import Reason, Why
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search.limits.movers import with_movers

FP32, BF16 = Precision.FP32, Precision.BF16
BOTH = (Kernel(FP32, FP32), Kernel(BF16, BF16))

quick = settings(
    max_examples=200, deadline=None, suppress_health_check=list(HealthCheck)
)


def reasons(*names: str) -> dict[str, Reason]:
    return {name: Reason(Why.USER, "test") for name in names}


def graph_of(*rows: tuple[str, Kind, str, int]) -> Graph:
    """Ops that each make one tensor of their own name: id, kind, inputs, elements."""
    ops = tuple(
        Op(
            name,
            "any",
            kind,
            tuple(Slot(each) for each in inputs),
            (name,),
            flops=10 * (kind is not Kind.MOVER),
            kernels=BOTH,
        )
        for name, kind, inputs, _elements in rows
    )
    sizes = {"x": 100, **{name: elements for name, _kind, _inputs, elements in rows}}
    tensors = {name: Tensor(name, "float32", (size,)) for name, size in sizes.items()}
    return Graph(ops, tensors, ("x",), (rows[-1][0],))


M, P = Kind.MOVER, Kind.POINTWISE


def test_a_slice_of_an_input_that_others_take_low_stays_exact_for_a_pinned_op() -> None:
    """By its bytes it would be low: the input is cast anyway, its output is small."""
    graph = graph_of(
        ("a", P, "x", 100), ("m", M, "x", 10), ("s", P, "m", 10), ("z", P, "as", 10)
    )
    detour = low_compute(graph, BF16, {"s"}).placement
    assert (detour["a"], detour["m"], detour["s"]) == (BF16, BF16, FP32)
    pins = with_movers(graph, reasons("s"))
    assert set(pins) == {"s", "m"}
    assert pins["m"] == Reason(Why.CAST, "carries fp32 values to s")
    placement = low_compute(graph, BF16, pins.keys()).placement
    assert placement == {"a": BF16, "m": FP32, "s": FP32, "z": BF16}


def test_movers_behind_a_low_op_are_left_to_the_cut() -> None:
    graph = graph_of(("a", P, "x", 100), ("m", M, "a", 100), ("s", P, "m", 10))
    assert set(with_movers(graph, reasons("s"))) == {"s"}
    assert set(with_movers(graph, reasons("s", "a"))) == {"s", "a", "m"}


def test_a_chain_is_followed_and_a_mover_of_mixed_inputs_ends_it() -> None:
    graph = graph_of(
        ("a", P, "x", 100),
        ("m", M, "x", 100),
        ("n", M, "m", 100),
        ("o", M, "ma", 100),
        ("s", P, "no", 100),
    )
    assert set(with_movers(graph, reasons("s"))) == {"s", "n", "m"}


@quick
@given(data=st.data())
def test_no_pinned_op_reads_a_value_that_only_casts_rounded(
    cases: Any, data: st.DataObject
) -> None:
    case = data.draw(cases.whole())
    graph = case.graph
    ids = {name: op.id for op in graph.ops for name in (op.id, *op.absorbed)}
    pins = with_movers(graph, reasons(*{ids[n] for n in case.pins if n in ids}))
    placement = low_compute(graph, BF16, pins.keys()).placement
    tied = frozenset[str]().union(*graph.equal)
    exact = {
        *graph.inputs,
        *(t for op in graph.ops if op.id in pins for t in op.outputs),
    }
    for op in graph.ops:
        reads = {t for t in graph.castable(op) if not graph.tensors[t].constant}
        if op.kind is not Kind.MOVER or op.id in tied or not reads <= exact:
            continue
        read_by = {c.id for t in op.outputs for c in graph.consumers.get(t, ())}
        if read_by & pins.keys():
            assert placement[op.id] is FP32


@quick
@given(data=st.data())
def test_more_pins_hold_at_least_as_many_movers(
    cases: Any, data: st.DataObject
) -> None:
    graph = data.draw(cases.whole()).graph
    names = st.sampled_from([op.id for op in graph.ops])
    few = data.draw(st.frozensets(names))
    many = few | data.draw(st.frozensets(names))
    held = with_movers(graph, reasons(*few))
    assert held.keys() >= few
    assert held.keys() <= with_movers(graph, reasons(*many)).keys()
    assert with_movers(graph, held) == held
