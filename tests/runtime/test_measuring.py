"""What adapters share besides errors: timings, statistics, loop limits, imports."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import RequirementError
from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.frameworks.imported import imported
from narrowcast.runtime.frameworks.loops import (
    EndlessLoop,
    Route,
    most_iterations,
    never_ends,
)
from narrowcast.runtime.frameworks.measuring.statistics import described, keep_worst
from narrowcast.runtime.frameworks.measuring.timings import Shape, Way, timings
from narrowcast.runtime.frameworks.protocol import Statistics
from narrowcast.runtime.graph.graph import Graph, Precision, Tensor

FP32, BF16 = Precision.FP32, Precision.BF16


def test_each_distinct_cast_of_an_activation_is_timed_once() -> None:
    tensors = (
        Tensor("x", "float32", (2, 3)),
        Tensor("same", "float32", (2, 3)),
        Tensor("scalar", "float32", ()),
        Tensor("weight", "float32", (7,), constant=True),
        Tensor("ids", "int64", (5,)),
    )
    graph = Graph((), {each.name: each for each in tensors}, (), ())
    asked: list[Shape] = []

    def time(shape: Shape, ways: Sequence[Way]) -> dict[Way, Latency]:
        asked.append(shape)
        return {way: Latency(float(k), 0.0, 9.0, 3) for k, way in enumerate(ways)}

    pair = {FP32: Latency(2.0, 1.0, 3.0, 7), BF16: Latency(1.0, 1.0, 1.0, 7)}
    found = timings(graph, BF16, {"a": pair, "b": pair}, time)
    assert asked == [(), (2, 3)]
    assert found.ops == {(op, p): pair[p] for op in ("a", "b") for p in (FP32, BF16)}
    assert {cast: each.median for cast, each in found.casts.items()} == {
        (shape, *way): float(k)
        for shape in asked
        for k, way in enumerate(((FP32, BF16), (BF16, FP32)))
    }


def test_a_latency_changes_with_its_quartiles_and_keeps_its_runs() -> None:
    found = Latency(4.0, 2.0, 8.0, 5).changed(lambda seconds: seconds / 2)
    assert found == Latency(2.0, 1.0, 4.0, 5)


VALUES = st.lists(
    st.lists(st.floats(width=32), min_size=1, max_size=5), min_size=1, max_size=4
)


@given(VALUES)
def test_of_several_iterations_the_worst_counts(iterations: list[list[float]]) -> None:
    found: dict[str, Statistics] = {}
    each = [described(np.array(values, np.float32), BF16) for values in iterations]
    for statistics in each:
        keep_worst(found, "t", statistics)
    assert astuple(found["t"]) == tuple(
        np.max([astuple(one) for one in each], axis=0).tolist()
    )


def test_a_loop_is_endless_beyond_its_limit_and_never_without_one() -> None:
    route: Route[str] = Route(most=most_iterations(3))
    route.check(130)
    with pytest.raises(EndlessLoop, match="has not ended after 130 iterations"):
        route.check(131)
    unlimited: Route[str] = Route()
    unlimited.check(10**9)
    error = never_ends(3)
    assert "more than 130 iterations, in fp32 3 were enough" in error.message
    assert error.remedy


@pytest.mark.parametrize(
    ("source", "said", "remedy"),
    [
        (None, "Toy is not installed.", "Install it: pip install 'narrowcast[toy]'"),
        ("import nothing_of_that_name", "No module named", "Reinstall it: "),
        (
            "raise OSError('libtoy.so:\\nmissing.')",
            "fails: libtoy.so:",
            "'narrowcast[toy]'",
        ),
        ("raise KeyError", "fails: KeyError", "'narrowcast[toy]'"),
    ],
)
def test_a_framework_that_can_not_be_imported_says_what_to_install(
    source: str | None,
    said: str,
    remedy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toy_framework", raising=False)
    if source is not None:
        (tmp_path / "toy_framework.py").write_text(source)
    with pytest.raises(RequirementError) as caught:
        imported("toy_framework", "Toy", "toy")
    assert said in caught.value.message
    assert remedy in caught.value.remedy


def test_a_framework_that_is_there_is_its_module() -> None:
    assert imported("json", "JSON", "json") is sys.modules["json"]
