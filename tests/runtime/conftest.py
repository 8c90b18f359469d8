"""Random graphs with pins and costs, for every test of placement and search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)

FP32, BF16 = Precision.FP32, Precision.BF16
WIDE, LOW, SPLIT = Kernel(FP32, FP32), Kernel(BF16, BF16), Kernel(BF16, FP32)
KERNELS = [(WIDE,), (WIDE, LOW), (WIDE, LOW), (WIDE, SPLIT), (SPLIT, WIDE, LOW)]
RARELY = [False] * 7 + [True]
OFTEN = [False] * 2 + [True]


@dataclass(frozen=True)
class TableCosts:
    """Costs from tables: (op id, precision) and (tensor, source) → seconds."""

    ops: Mapping[tuple[str, Precision], float]
    tensors: Mapping[tuple[str, Precision], float]

    def op(self, op: Op, precision: Precision) -> float:
        assert op.kernel(precision) is not None
        return self.ops[op.id, precision]

    def alone(self, op: Op, precision: Precision) -> float:
        return self.op(op, precision)

    def cast(self, tensor: Tensor, source: Precision, target: Precision) -> float:
        assert source != target
        assert tensor.floating
        assert not tensor.constant
        return self.tensors[tensor.name, source]


@dataclass(frozen=True)
class Case:
    """A graph of at most ten ops for fp32 and bf16, with pins and costs."""

    graph: Graph
    pins: frozenset[str]
    costs: TableCosts


@st.composite
def draw_tensor(draw: DrawFn, name: str, constant: bool = False) -> Tensor:
    dtype = draw(st.sampled_from(["float32", "float32", "float32", "int64"]))
    size = draw(st.integers(0, 5))
    return Tensor(name, dtype, (size,), constant)


@st.composite
def draw_graph(draw: DrawFn, most: int, weights: int) -> Graph:
    """Shared casts, fixed and empty slots, split kernels, groups, several outputs."""
    inputs = [draw(draw_tensor(f"x{i}")) for i in range(draw(st.integers(1, 2)))]
    names = ["w", *(f"w{i}" for i in range(1, weights))]
    known = [*inputs, *(draw(draw_tensor(name, constant=True)) for name in names)]
    ops = []
    for index in range(draw(st.integers(1, most))):
        all_names = st.sampled_from([tensor.name for tensor in known])
        # Mostly the last tensors, for graphs that are deep as well as wide.
        recent = st.sampled_from([tensor.name for tensor in known[-2:]])
        slot = st.builds(
            Slot,
            st.one_of(recent, all_names, st.none()),
            st.sampled_from([True] * 4 + [False]),
        )
        made = [
            draw(draw_tensor(f"t{index}.{i}", draw(st.sampled_from(RARELY))))
            for i in range(draw(st.sampled_from([1, 1, 1, 2])))
        ]
        known += made
        ops.append(
            Op(
                id=f"op{index}",
                type="any",
                kind=draw(st.sampled_from([*Kind, Kind.COMPUTE, Kind.MOVER])),
                inputs=tuple(draw(st.lists(slot, min_size=1, max_size=3))),
                outputs=tuple(tensor.name for tensor in made),
                absorbed=(f"op{index}.norm",) if draw(st.booleans()) else (),
                flops=draw(st.sampled_from([0, 0, 1, 10])),
                kernels=draw(st.sampled_from(KERNELS)),
            )
        )
    ids = st.sampled_from([op.id for op in ops])
    groups = (
        draw(st.lists(st.frozensets(ids, min_size=2, max_size=3), max_size=2))
        if len(ops) > 1
        else []
    )
    made_names = st.sampled_from([tensor.name for tensor in known])
    outputs = tuple(draw(st.lists(made_names, min_size=1, max_size=3)))
    tensors = {tensor.name: tensor for tensor in known}

    def freed(names: tuple[str, ...]) -> dict[str, Precision]:
        """Floats of which some come, or are returned, in bf16."""
        able = [n for n in names if tensors[n].floating and not tensors[n].constant]
        return {name: BF16 for name in able if draw(st.sampled_from(OFTEN))}

    names = tuple(tensor.name for tensor in inputs)
    return Graph(
        ops=tuple(ops),
        tensors=tensors,
        inputs=names,
        outputs=outputs,
        equal=tuple(groups),
        given=freed(names),
        returned=freed(outputs),
    )


@st.composite
def draw_case(
    draw: DrawFn, seconds: SearchStrategy[float], most: int, weights: int
) -> Case:
    graph = draw(draw_graph(most, weights))
    names = [name for op in graph.ops for name in op.names]
    sides = (FP32, BF16)
    return Case(
        graph=graph,
        pins=draw(st.frozensets(st.sampled_from(names), max_size=3)),
        costs=TableCosts(
            ops={(op.id, side): draw(seconds) for op in graph.ops for side in sides},
            tensors={(t, side): draw(seconds) for t in graph.tensors for side in sides},
        ),
    )


class Cases:
    """What the `cases` fixture gives: one strategy per spread of the costs."""

    @staticmethod
    def whole(most: int = 10, weights: int = 1) -> SearchStrategy[Case]:
        """Whole seconds from 0 to 6: many ties, and sums without rounding."""
        return draw_case(st.integers(0, 6).map(float), most, weights)

    @staticmethod
    def spread(most: int = 10) -> SearchStrategy[Case]:
        """From 1 ns to 100 s."""
        return draw_case(st.floats(-9, 2).map(lambda power: 10.0**power), most, 1)


@pytest.fixture(scope="session")
def cases() -> Cases:
    return Cases()
