"""Placement over int8, 16 bits and fp32 against brute force."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from narrowcast.runtime.placement.costs import predicted_seconds
from narrowcast.runtime.placement.labels.elimination import minimum
from narrowcast.runtime.placement.labels.factors import Factor, cost
from narrowcast.runtime.placement.labels.problem import label_problem

FP32, BF16, INT8 = Precision.FP32, Precision.BF16, Precision.INT8
LABELS = (FP32, BF16, INT8)
KERNELS = [
    (Kernel(INT8, FP32), Kernel(INT8, FP32)),
    (Kernel(INT8, BF16), Kernel(INT8, BF16)),
    (Kernel(INT8, INT8), Kernel(INT8, INT8)),
]
"""Of an op in int8: what its kernel leaves its outputs in."""

quick = settings(max_examples=60, deadline=None)


@dataclass(frozen=True)
class Prices:
    """Costs from tables, conversions by their source and target."""

    ops: Mapping[tuple[str, Precision], float]
    tensors: Mapping[tuple[str, Precision, Precision], float]

    def op(self, op: Op, precision: Precision) -> float:
        return self.ops[op.id, precision]

    def alone(self, op: Op, precision: Precision) -> float:
        return self.op(op, precision)

    def cast(self, tensor: Tensor, source: Precision, target: Precision) -> float:
        assert source != target
        return self.tensors[tensor.name, source, target]


@st.composite
def three(draw: st.DrawFn, cases: Any, most: int = 6) -> tuple[Graph, Prices]:
    """A graph of which some ops have int8 kernels, and costs without any order."""
    graph: Graph = draw(cases.whole(most)).graph
    ops = []
    for op in graph.ops:
        kernel = draw(st.sampled_from([*KERNELS, None]))
        more = op.kernels if kernel is None else (*op.kernels, kernel[0])
        ops.append(replace(op, kernels=more))
    names = st.sampled_from(list(graph.tensors))
    unfit = draw(st.frozensets(names, max_size=2)) if draw(st.booleans()) else ()
    unfit = frozenset(unfit) - {*graph.given, *graph.returned}
    graph = replace(graph, ops=tuple(ops), unfit=unfit)
    seconds = st.integers(0, 6).map(float)
    pairs = [*itertools.permutations(LABELS, 2)]
    return graph, Prices(
        {(op.id, label): draw(seconds) for op in ops for label in LABELS},
        {(t, *pair): draw(seconds) for t in graph.tensors for pair in pairs},
    )


def admissible(graph: Graph, floors: Mapping[str, Precision]) -> Iterator[Placement]:
    """Every placement that kernels, groups, floors and what overflows allow."""
    choices = [
        [
            label
            for label in LABELS
            if label is FP32 or (op.kind is not Kind.FIXED and op.kernel(label))
            if LABELS.index(label) <= LABELS.index(floors.get(op.id, INT8))
        ]
        for op in graph.ops
    ]
    for chosen in itertools.product(*choices):
        placement = {op.id: p for op, p in zip(graph.ops, chosen, strict=True)}
        tied = all(len({placement[n] for n in group}) == 1 for group in graph.equal)
        made = casts(graph, placement) if tied else ()
        over = any(c.tensor in graph.unfit and c.source is FP32 for c in made)
        if tied and not over:
            yield placement


def placed(
    graph: Graph, prices: Prices, floors: Mapping[str, Precision], **fields: Any
) -> tuple[Placement, float]:
    problem = label_problem(graph, BF16, prices.op, prices.cast, **fields)
    nodes: dict[int, Precision] = {}
    for name, floor in floors.items():
        node = problem.nodes[name]
        nodes[node] = min(floor, nodes.get(node, INT8), key=LABELS.index)
    found = problem.best(nodes)
    return {op: found.labels[node] for op, node in problem.nodes.items()}, found.value


def tied(graph: Graph, floors: Mapping[str, Precision]) -> dict[str, Precision]:
    """The floors, handed on to the ops that must have one precision."""
    found = dict(floors)
    for _ in graph.ops:
        for group in graph.equal:
            known = [found[name] for name in group if name in found]
            if known:
                found |= dict.fromkeys(group, min(known, key=LABELS.index))
    return found


@quick
@given(data=st.data())
def test_three_labels_are_brute_force(cases: Any, data: Any) -> None:
    graph, prices = data.draw(three(cases))
    ids = st.sampled_from([op.id for op in graph.ops])
    floors = data.draw(st.dictionaries(ids, st.sampled_from(LABELS), max_size=2))
    floors = tied(graph, floors)
    placement, value = placed(graph, prices, floors)
    every = list(admissible(graph, floors))
    best = min(predicted_seconds(graph, prices, each) for each in every)
    assert placement in every
    assert value == pytest.approx(best, abs=1e-9)
    assert predicted_seconds(graph, prices, placement) == pytest.approx(best, abs=1e-9)


@quick
@given(data=st.data())
def test_demanded_flops_are_in_the_fewest_bits(cases: Any, data: Any) -> None:
    graph, prices = data.draw(three(cases))
    demanded = {op.id for op in graph.ops if op.flops}
    placement, _value = placed(graph, prices, {}, demanded=demanded)

    def bits(each: Placement) -> int:
        return sum(op.flops * each[op.id].bytes for op in graph.ops)

    every = list(admissible(graph, {}))
    fewest = min(map(bits, every))
    assert placement in every
    assert bits(placement) == fewest
    best = min(
        predicted_seconds(graph, prices, each) for each in every if bits(each) == fewest
    )
    assert predicted_seconds(graph, prices, placement) == pytest.approx(best, abs=1e-9)


@st.composite
def sums(draw: st.DrawFn) -> tuple[list[int], list[Factor]]:
    """Factors over a few variables; the first values are always possible."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=6))
    prices = st.one_of(st.integers(0, 9).map(float), st.just(math.inf))
    scopes = st.lists(
        st.sampled_from(range(len(sizes))), min_size=1, max_size=3, unique=True
    )
    factors = []
    for scope in draw(st.lists(scopes, max_size=8)):
        shape = [sizes[each] for each in scope]
        count = math.prod(shape)
        table = np.array(draw(st.lists(prices, min_size=count, max_size=count)))
        table[0] = draw(st.integers(0, 9))
        factors.append(Factor(tuple(scope), table.reshape(shape)))
    return sizes, factors


@quick
@given(sums())
def test_elimination_is_brute_force(drawn: tuple[list[int], list[Factor]]) -> None:
    sizes, factors = drawn
    every = itertools.product(*map(range, sizes))
    best = min(cost(factors, values) for values in every)
    start = [0] * len(sizes)
    assert cost(factors, minimum(sizes, factors, [start])) == best
    near = cost(factors, minimum(sizes, factors, [start], largest=3))
    assert best <= near <= cost(factors, start)


@pytest.mark.nightly
def test_what_is_too_wide_for_one_table_is_near_the_optimum() -> None:
    """Each op takes what all before it made: wider than any table may be."""
    ops: list[Op] = []
    for k in range(9):
        slots = tuple(Slot(f"t{j}") for j in range(k)) or (Slot("x"),)
        kernels = (Kernel(FP32, FP32), Kernel(BF16, BF16), Kernel(INT8, FP32))
        ops.append(
            Op(f"op{k}", "any", Kind.COMPUTE, slots, (f"t{k}",), kernels=kernels)
        )
    names = ["x", *(f"t{k}" for k in range(9))]
    tensors = {name: Tensor(name, "float32", (4,)) for name in names}
    graph = Graph(tuple(ops), tensors, ("x",), ("t8",))
    random = np.random.default_rng(3)
    prices = Prices(
        {(op.id, p): float(random.integers(0, 30)) for op in ops for p in LABELS},
        {
            (name, *pair): float(random.integers(0, 9))
            for name in names
            for pair in itertools.permutations(LABELS, 2)
        },
    )
    problem = label_problem(graph, BF16, prices.op, prices.cast)
    every = (predicted_seconds(graph, prices, each) for each in admissible(graph, {}))
    assert problem.best({}).value == pytest.approx(min(every))
    narrow = problem.best({}, largest=1 << 14).value
    assert narrow <= 1.1 * problem.best({}).value
