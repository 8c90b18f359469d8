"""The search over int8, 16 bits and fp32: ops are raised by one level at a time."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation, Watch
from narrowcast.runtime.frameworks.protocol import Probe, Statistics
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
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.record.recorded import Past, key_of
from narrowcast.runtime.search import Budget, Found, search
from narrowcast.runtime.search.sensitivity.estimate import Estimate, Method
from narrowcast.runtime.search.sensitivity.estimates import Estimates, in_fewest_bits

FP32, BF16, INT8 = Precision.FP32, Precision.BF16, Precision.INT8
ALL = (Kernel(FP32, FP32), Kernel(BF16, BF16), Kernel(INT8, FP32))


@dataclass(frozen=True)
class Layered:
    """A row of ops whose loss is the sum of what each adds in its precision.

    Attributes:
        harm: (op id, precision) → what it adds.
        blind: Whether nothing is differentiated, and groups are measured.
    """

    graph: Graph
    harm: Mapping[tuple[str, Precision], float]
    blind: bool = False
    switches: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    apply: Any = None
    save: Any = None
    time: Any = None
    time_whole: Any = None

    @property
    def probes(self) -> dict[str, Probe]:
        return {op.id: Probe(BF16, 0.01) for op in self.graph.ops}

    def statistics(self, precision: Precision) -> Mapping[str, Statistics]:
        return {}

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        return math.hypot(*(self.harm[name, precision] for name in ops))

    def sketch(
        self, precision: Precision, ops: Iterable[str], **options: Any
    ) -> Mapping[str, float]:
        if self.blind:
            return {}
        return {name: self.harm[name, precision] ** 2 for name in ops}

    def loss(self, placement: Placement) -> float:
        pairs = placement.items()
        return math.fsum(self.harm.get((name, p), 0.0) for name, p in pairs)


def layered(
    in_int8: list[float], in_bf16: list[float], kernels: tuple[Kernel, ...] = ALL
) -> Layered:
    """Ops o0, o1, … one after the other."""
    names = [f"o{k}" for k in range(len(in_int8))]
    values = ["x", *names]
    ops = tuple(
        Op(
            name,
            "linear",
            Kind.COMPUTE,
            (Slot(before),),
            (name,),
            flops=10,
            kernels=kernels,
        )
        for before, name in itertools.pairwise(values)
    )
    tensors = {name: Tensor(name, "float32", (4,)) for name in values}
    harm = {
        **{(name, INT8): each for name, each in zip(names, in_int8, strict=True)},
        **{(name, BF16): each for name, each in zip(names, in_bf16, strict=True)},
    }
    return Layered(Graph(ops, tensors, ("x",), (names[-1],)), harm)


def run(
    traced: Layered, tolerance: float, seen: list[Placement], **budget: Any
) -> Found:
    def evaluate(placement: Placement, watch: Watch) -> Evaluation:
        seen.append(placement)
        return Evaluation("loss", traced.loss(placement), 10, True)

    return search(
        traced,
        evaluate,
        low=BF16,
        objective=low_compute,
        pins=Pins(),
        criterion=Criterion(absolute=tolerance, higher_is_better=False),
        baseline=Evaluation("loss", 0.0, 10, True),
        budget=Budget(**budget),
        progress=Terminal(io.StringIO()),
        clock=lambda: 0.0,
    )


def of(placement: Placement, precision: Precision) -> set[str]:
    return {name for name, each in placement.items() if each is precision}


def test_the_first_trial_has_int8_wherever_it_has_a_kernel() -> None:
    traced = layered([0.1] * 4, [0.01] * 4)
    seen: list[Placement] = []
    run(traced, 1.0, seen)
    assert [of(each, INT8) for each in seen] == [{"o0", "o1", "o2", "o3"}]


def test_a_culprit_of_int8_is_raised_to_16_bits_and_no_further() -> None:
    traced = layered([0.01, 9.0, 0.01, 0.01], [0.001] * 4)
    seen: list[Placement] = []
    best = run(traced, 0.1, seen).plans[0]
    assert of(best.placement, BF16) == {"o1"}
    assert of(best.placement, INT8) == {"o0", "o2", "o3"}
    reason = best.reasons["o1"]
    assert (reason.floor, reason.number) == (BF16, pytest.approx(9.0))
    assert "in int8" in reason.text


def test_what_16_bits_harm_too_goes_on_to_fp32() -> None:
    traced = layered([0.01, 9.0, 0.01, 7.0], [0.001, 5.0, 0.001, 0.001])
    seen: list[Placement] = []
    best = run(traced, 0.1, seen).plans[0]
    assert of(best.placement, FP32) == {"o1"}
    assert of(best.placement, BF16) == {"o3"}
    assert of(best.placement, INT8) == {"o0", "o2"}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_planted_culprits_are_what_is_raised(data: Any) -> None:
    count = data.draw(st.integers(8, 60))
    places = st.integers(0, count - 1)
    int8 = data.draw(st.sets(places, max_size=3))
    bf16 = data.draw(st.sets(places, max_size=2))
    harms8 = [50.0 if k in int8 | bf16 else 1e-4 for k in range(count)]
    harms16 = [20.0 if k in bf16 else 1e-6 for k in range(count)]
    traced = replace(layered(harms8, harms16), blind=data.draw(st.booleans()))
    seen: list[Placement] = []
    best = run(traced, 1.0, seen).plans[0]
    assert traced.loss(best.placement) <= 1.0
    assert len(seen) <= 20
    assert of(best.placement, FP32) == {f"o{k}" for k in bf16}
    assert of(best.placement, BF16) == {f"o{k}" for k in int8 - bf16}


def test_without_int8_kernels_nothing_is_asked_of_int8() -> None:
    traced = layered([math.nan] * 4, [0.01, 9.0, 0.01, 0.01], ALL[:2])
    seen: list[Placement] = []
    best = run(traced, 0.1, seen).plans[0]
    assert of(best.placement, FP32) == {"o1"}
    assert not of(best.placement, INT8)


def test_what_16_bits_round_as_much_goes_straight_to_fp32() -> None:
    traced = layered([0.01, 9.0, 0.01, 0.01], [0.001, 8.5, 0.001, 0.001])
    seen: list[Placement] = []
    best = run(traced, 0.1, seen).plans[0]
    assert of(best.placement, FP32) == {"o1"}
    assert of(best.placement, INT8) == {"o0", "o2", "o3"}
    assert not any(placement["o1"] is BF16 for placement in seen)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([FP32, BF16, INT8]), min_size=1, max_size=9))
def test_a_history_tells_all_three_levels_apart(levels: list[Precision]) -> None:
    placement = {f"o{k}": each for k, each in enumerate(levels)}
    past = Past(1, key_of(BF16, placement), {})
    assert past.placement(placement) == placement


def test_estimates_are_those_of_the_fewest_bits() -> None:
    def of(**errors: float) -> Estimates:
        rows = [Estimate(op, e, 0.0, Method.SKETCH) for op, e in errors.items()]
        return Estimates(tuple(rows), 1)

    low, int8 = of(a=0.3, b=0.1), of(b=0.4)
    found = in_fewest_bits(low, int8)
    assert [(each.op, each.error, each.int8) for each in found] == [
        ("b", 0.4, True),
        ("a", 0.3, False),
    ]
    assert [each.share for each in found] == pytest.approx([0.64, 0.36])
    assert in_fewest_bits(low, of()) == low.ranking
