"""The range pass: who is suspected, who is convicted, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.frameworks.protocol import Probe, Statistics
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.graph.growth import Growth
from narrowcast.runtime.graph.pins import Reason, Why
from narrowcast.runtime.search.limits.ranges import (
    Ranges,
    find_ranges,
    harmful,
    ranged_text,
    stated_ends,
    suspicion,
)
from narrowcast.runtime.search.limits.sources import GROSS

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32
FINE = Statistics(3.0, 0.0, 0.0, 0.0)


def chain(*names: str, low: Precision = FP16, movers: Iterable[str] = ()) -> Graph:
    """Ops in a row, each named as the tensor that it makes."""
    kernels = (Kernel(FP32, FP32), Kernel(low, low))
    ops = tuple(
        Op(
            name,
            "any",
            Kind.MOVER if name in movers else Kind.POINTWISE,
            (Slot(before),),
            (name,),
            kernels=kernels,
        )
        for before, name in zip(("x", *names), names, strict=False)
    )
    tensors = {name: Tensor(name, "float32", (4,)) for name in ("x", *names)}
    return Graph(ops, tensors, ("x",), (names[-1],))


@dataclass
class Traced:
    """Ops that err by themselves, or only as part of a group."""

    graph: Graph
    harm: Mapping[str, float] = field(default_factory=dict)
    seen: Mapping[str, Statistics] = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def statistics(self, precision: Precision) -> Mapping[str, Statistics]:
        return self.seen

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        self.calls.append(tuple(ops))
        return max((self.harm.get(name, 0.0) for name in self.calls[-1]), default=0.0)


def found(
    traced: Any, low: Precision = FP16, held: frozenset[str] = frozenset()
) -> Any:
    return find_ranges(traced, low, held)


def test_a_stated_range_is_told_where_the_batch_shows_less() -> None:
    graph = chain("cast", "sine", low=BF16)
    ops = (replace(graph.ops[0], kind=Kind.FIXED, growth=Growth.KEEPS), *graph.ops[1:])
    graph = replace(graph, ops=ops)
    stated = stated_ends(graph, {"x": 999.0})
    assert stated == {"x": 999.0, "cast": 999.0}
    seen = {"cast": Statistics(926.0, 0.0, 0.0, 0.9)}
    reason = suspicion(graph, graph.ops[1], BF16, seen, None, stated)
    assert reason is not None
    assert reason.text.startswith("cast holds whole numbers up to 999, bf16")


def test_the_line_of_progress_tells_each_reason() -> None:
    texts = ["overflows", "is off", "overflows", "flushes", "rounds"]
    pins = {str(k): Reason(Why.RANGE, text) for k, text in enumerate(texts)}
    assert ranged_text(Ranges(pins, {})) == (
        "2 ops pinned: overflows; 1 op: is off; 1 op: flushes; 1 more, see the plan"
    )


SUSPECTS = {
    "fine": (FP16, FINE, 0.001, None),
    "overflow": (
        FP16,
        Statistics(1.2e5, 0.1, 0.0, 0.0),
        0.001,
        ("x reaches 1.2e+05, beyond fp16's 65504", 1.2e5),
    ),
    "flush": (
        FP16,
        Statistics(1.0, 0.0, 0.37, 0.0),
        0.001,
        ("37.0% of the values of x become zero in fp16", 0.37),
    ),
    "positions": (
        BF16,
        Statistics(5000.0, 0.0, 0.0, 0.9),
        0.001,
        ("x holds whole numbers up to 5000, bf16 has all only up to 256", 5000.0),
    ),
    "so large that all are whole": (BF16, Statistics(2.0**25, 0, 0, 0.9), 0.001, None),
    "a kernel that overflows inside": (
        FP16,
        FINE,
        math.inf,
        ("not finite in fp16 on the first batch", math.inf),
    ),
    "a sine of large arguments": (
        BF16,
        FINE,
        1.34,
        ("in bf16 its own outputs are off by 134%", 1.34),
    ),
    "overflow is said before all else": (
        FP16,
        Statistics(7e4, 0.1, 0.5, 0.0),
        math.inf,
        ("x reaches 7e+04, beyond fp16's 65504", 7e4),
    ),
}


@pytest.mark.parametrize("case", SUSPECTS)
def test_statistics_and_probes_make_suspect(case: str) -> None:
    low, statistics, error, expected = SUSPECTS[case]
    graph = chain("op", low=low)
    seen = {"x": statistics, "op": FINE}
    reason = suspicion(graph, graph.ops[0], low, seen, Probe(low, error))
    if expected is None:
        assert reason is None
    else:
        assert reason == Reason(Why.RANGE, *expected)


@pytest.mark.parametrize("name", ["x", "a"])
def test_reading_and_making_a_value_that_overflows_are_alike(name: str) -> None:
    graph, over = chain("a"), Statistics(1e6, 1.0, 0.0, 0.0)
    traced = Traced(graph, {"a": math.inf}, {"x": FINE, "a": FINE, name: over})
    assert set(found(traced).pins) == {"a"}


def test_a_suspect_that_harms_nothing_is_no_pin_and_costs_one_pass() -> None:
    names = tuple("abcdefgh")
    mask = Statistics(1e9, 0.5, 0.0, 0.0)
    traced = Traced(chain(*names), {"d": GROSS}, dict.fromkeys(names, mask))
    ranges = found(traced)
    assert ranges.pins == {}
    assert set(ranges.excused) == set(names)
    assert traced.calls == [names]


def test_only_what_overflows_is_excused_for_later() -> None:
    seen = {"a": Statistics(1.0, 0.0, 0.5, 0.0), "b": Statistics(1e9, 0.5, 0.0, 0.0)}
    assert set(found(Traced(chain("a", "b", "c"), {}, seen)).excused) == {"b", "c"}


def test_without_suspects_nothing_runs() -> None:
    traced = Traced(chain("a", "b"), {"a": 1.0}, {"a": FINE}, {"a": Probe(FP16, 1e-3)})
    assert found(traced).pins == {}
    assert traced.calls == []


def test_ops_that_are_fp32_anyway_are_not_judged() -> None:
    names = "a", "b"
    traced = Traced(
        chain(*names),
        dict.fromkeys(names, 1.0),
        {},
        dict.fromkeys(names, Probe(FP16, 1.0)),
    )
    assert set(found(traced, held=frozenset({"a"})).pins) == {"b"}


def test_what_a_pinned_op_reads_is_pinned_as_far_as_it_matters() -> None:
    """A position in bf16 makes no sine exact; what comes before it is harmless."""
    graph = chain("linear", "position", "slice", "sine", "head", movers=["slice"])
    harm = {"position": 1.2, "slice": 1.2, "sine": 1.3, "head": 0.001}
    traced = Traced(graph, harm, {}, {"sine": Probe(FP16, 1.4)})
    pins = found(traced).pins
    assert set(pins) == {"position", "sine"}
    assert pins["position"].number == 1.2
    assert "off by 120%, through slice" in pins["position"].text
    assert "off by 140%" in pins["sine"].text


def test_of_movers_in_a_row_one_is_tried() -> None:
    """Rounded before or after a reshape values are the same; not where others read them."""
    row = ("position", "reshape", "pad", "slice", "sine")
    graph = chain(*row, "head", movers=row[1:4])
    harm = dict.fromkeys(row, 1.2) | {"head": 0.001}
    probes = {"sine": Probe(FP16, 1.4)}
    traced = Traced(graph, harm, {}, probes)
    assert set(found(traced).pins) == {"position", "sine"}
    assert traced.calls == [("sine",), ("slice",), ("position",)]
    shared = Traced(replace(graph, outputs=("head", "pad")), harm, {}, probes)
    assert set(found(shared).pins) == {"position", "sine"}
    assert shared.calls == [("sine",), ("slice",), ("pad",), ("position",)]


@pytest.mark.parametrize("error", [math.inf, math.nan])
def test_outputs_that_are_not_finite_convict(error: float) -> None:
    graph = chain("eps", "sqrt", "div")
    traced = Traced(
        graph, {"sqrt": error, "eps": error}, {}, {"sqrt": Probe(FP16, 1.0)}
    )
    pins = found(traced).pins
    assert set(pins) == {"eps", "sqrt"}
    assert "not finite, through sqrt" in pins["eps"].text


@given(
    st.dictionaries(
        st.sampled_from("abcdefghijkl"),
        st.sampled_from([0.0, GROSS, 2 * GROSS, math.inf]),
        min_size=1,
    )
)
def test_halving_finds_just_the_ops_that_harm(harm: dict[str, float]) -> None:
    traced = Traced(chain(*harm), harm)
    guilty = {name for name, error in harm.items() if error > GROSS}
    assert harmful(traced, FP16, tuple(harm)) == guilty  # type: ignore[arg-type]
    most = 1 + 2 * len(guilty) * math.ceil(math.log2(max(len(harm), 2)))
    assert len(traced.calls) <= most
