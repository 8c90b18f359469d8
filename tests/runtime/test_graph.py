"""What a placement means for tensors: who holds them how, and which casts follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narrowcast.runtime.graph.graph import (
    Cast,
    Graph,
    Kernel,
    Kind,
    Op,
    Placement,
    Precision,
    Slot,
    Tensor,
    casts,
    held,
)

FP32, BF16 = Precision.FP32, Precision.BF16
WIDE, LOW, SPLIT = Kernel(FP32, FP32), Kernel(BF16, BF16), Kernel(BF16, FP32)


def op(name: str, *inputs: str | Slot | None, low: Kernel = LOW, **fields: Any) -> Op:
    slots = tuple(s if isinstance(s, Slot) else Slot(s) for s in inputs)
    return Op(
        name, "any", Kind.POINTWISE, slots, (name,), kernels=(WIDE, low), **fields
    )


def graph(*ops: Op, outputs: tuple[str, ...], **dtypes: str) -> Graph:
    names = {"x", "y", "w", *(o for each in ops for o in each.outputs)}
    tensors = {
        name: Tensor(name, dtypes.get(name, "float32"), (2,), name == "w")
        for name in names
    }
    return Graph(ops, tensors, ("x", "y"), outputs)


def down(tensor: str) -> Cast:
    return Cast(tensor, FP32, BF16)


def up(tensor: str) -> Cast:
    return Cast(tensor, BF16, FP32)


A_B = graph(op("a", "x"), op("b", "a"), outputs=("b",))


@pytest.mark.parametrize(
    ("low", "expected"),
    [
        ("", []),
        ("a", [down("x"), up("a")]),
        ("b", [down("a"), up("b")]),
        ("ab", [down("x"), up("b")]),
    ],
)
def test_casts_are_where_the_precision_changes(low: str, expected: list[Cast]) -> None:
    placement = {name: BF16 if name in low else FP32 for name in "ab"}
    assert casts(A_B, placement) == tuple(expected)


def test_takers_of_one_precision_share_a_cast() -> None:
    wide = graph(*(op(n, "x") for n in "abc"), outputs=("a", "b", "c"))
    placement = {"a": BF16, "b": BF16, "c": FP32}
    assert casts(wide, placement) == (down("x"), up("a"), up("b"))


def test_constants_are_never_cast_at_run_time() -> None:
    weighted = graph(op("a", "x", "w"), op("b", "a", "w"), outputs=("b",))
    found = casts(weighted, {"a": BF16, "b": FP32})
    assert found == (down("x"), up("a"))
    assert "w" not in held(weighted, {"a": BF16, "b": FP32})


def test_integers_are_never_cast() -> None:
    indexed = graph(op("a", "x", "y"), outputs=("a", "y"), y="int64")
    assert casts(indexed, {"a": BF16}) == (down("x"), up("a"))


def test_a_fixed_slot_takes_fp32_whatever_the_op_does() -> None:
    scaled = graph(
        op("scale", "x"), op("resize", "y", Slot("scale", False)), outputs=("resize",)
    )
    found = casts(scaled, {"scale": BF16, "resize": BF16})
    assert found == (down("x"), down("y"), up("scale"), up("resize"))
    assert down("scale") not in casts(scaled, {"scale": FP32, "resize": BF16})


def test_an_empty_slot_needs_nothing() -> None:
    assert casts(graph(op("a", "x", None), outputs=("a",)), {"a": BF16}) == (
        down("x"),
        up("a"),
    )


def test_a_split_kernel_leaves_fp32() -> None:
    split = graph(op("a", "x", low=SPLIT), op("b", "a"), outputs=("b",))
    low = {"a": BF16, "b": BF16}
    assert held(split, low) == {"x": FP32, "y": FP32, "a": FP32, "b": BF16}
    assert casts(split, low) == (down("x"), down("a"), up("b"))
    assert casts(split, {"a": BF16, "b": FP32}) == (down("x"),)


def test_outputs_and_inputs_that_pass_through_are_fp32() -> None:
    through = graph(op("a", "x"), outputs=("x", "a", "a"))
    assert casts(through, {"a": BF16}) == (down("x"), up("a"))


def test_what_is_freed_needs_no_cast_where_the_op_beside_is_low() -> None:
    free = {"given": {"x": BF16}, "returned": {"a": BF16}}
    freed = replace(graph(op("a", "x"), outputs=("a",)), **free)
    assert casts(freed, {"a": BF16}) == ()
    assert casts(freed, {"a": FP32}) == (up("x"), down("a"))
    plain = replace(freed, given={}, returned={})
    assert freed.fingerprint() != plain.fingerprint()


def test_casts_come_in_graph_order() -> None:
    ordered = graph(op("b", "y"), op("a", "x"), outputs=("a", "b"))
    found = casts(ordered, {"a": BF16, "b": BF16})
    assert found == (down("y"), down("x"), up("a"), up("b"))


def simulated(graph: Graph, placement: Placement) -> set[Cast]:
    """Run precisions through the graph and convert whatever arrives wrong."""
    precision = {**dict.fromkeys(graph.inputs, FP32), **graph.given}
    needed = set()

    def arrive(name: str | None, wanted: Precision) -> None:
        if name is None or graph.tensors[name].constant:
            return
        if graph.tensors[name].dtype == "float32" and precision[name] is not wanted:
            needed.add(Cast(name, precision[name], wanted))

    for each in graph.ops:
        for slot in each.inputs:
            arrive(slot.tensor, placement[each.id] if slot.castable else FP32)
        fitting = (k.output for k in each.kernels if k.input is placement[each.id])
        precision |= dict.fromkeys(each.outputs, next(fitting))
    for name in graph.outputs:
        arrive(name, graph.returned.get(name, FP32))
    return needed


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_casts_are_what_a_simulated_run_needs_each_once(cases: Any, data: Any) -> None:
    drawn = data.draw(cases.whole()).graph
    placement = {
        each.id: data.draw(st.sampled_from([k.input for k in each.kernels]))
        for each in drawn.ops
    }
    found = casts(drawn, placement)
    assert set(found) == simulated(drawn, placement)
    assert len(set(found)) == len(found)


# Fingerprint


def test_the_fingerprint_is_of_ids_types_and_edges() -> None:
    assert (
        A_B.fingerprint()
        == graph(op("a", "x"), op("b", "a"), outputs=("b",)).fingerprint()
    )
    others = [
        graph(op("a", "x"), op("c", "a"), outputs=("c",)),
        graph(op("a", "x"), op("b", "x"), outputs=("b",)),
        graph(op("a", "x"), op("b", "a"), outputs=("a",)),
        graph(op("b", "x"), op("a", "b"), outputs=("a",)),
    ]
    prints = {each.fingerprint() for each in (A_B, *others)}
    assert len(prints) == 5


def test_the_fingerprint_survives_another_batch_and_other_kernels() -> None:
    wider = Graph(
        tuple(op(o.id, *o.inputs, low=SPLIT) for o in A_B.ops),
        {name: Tensor(name, "float32", (64, 2)) for name in A_B.tensors},
        A_B.inputs,
        A_B.outputs,
    )
    assert wider.fingerprint() == A_B.fingerprint()
