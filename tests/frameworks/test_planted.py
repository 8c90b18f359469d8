"""The search over models with planted culprits, in every framework.

What is demanded of every case is in `tests/shared/planted.py`, what is particular to an
adapter in `searched.py`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import culprits
import numpy as np
import planted
import pytest
import rows
import rows_numpy
from chosen import adapters
from contract import SIDES, subject
from searched import (
    BREAKING,
    CASES,
    IDS,
    JUDGES,
    NUMPY,
    SAME,
    SAVED,
    SEARCHED,
    UNKERNELLED,
)

from narrowcast.runtime.doctor.adapters import ADAPTERS
from narrowcast.runtime.evaluation.batches import Batches
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.frameworks.adapter import Adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.protocol import Outputs, Traced
from narrowcast.runtime.graph.graph import Kind, Placement

Rows = Iterator[Sequence[str]]


def _all(adapter: str) -> Rows:
    return ((adapter, name) for name in SEARCHED.get(adapter, ()))


def _where(table: Mapping[str, Any]) -> Callable[[str], Rows]:
    return lambda adapter: iter([(adapter, "")] if adapter in table else [])


def _computing(adapter: str) -> Rows:
    """Of several adapters that run the same files, one."""
    same = adapter in ("openvino", "any", "tensorrt")
    return ((adapter, name) for name in (() if same else CASES))


ROWS: Mapping[str, Callable[[str], Rows]] = {
    "test_it_finds_the_culprits_and_little_else": _all,
    "test_the_culprits_are_what_breaks_it": lambda adapter: (
        (adapter, name) for name in BREAKING.get(adapter, ())
    ),
    "test_it_computes_what_numpy_does": _computing,
    "test_a_model_that_takes_bf16_well_takes_one_trial": lambda adapter: (
        (adapter, "") for name in SEARCHED.get(adapter, ()) if name == "healthy"
    ),
    "test_what_is_saved_scores_the_same_in_a_fresh_process": _where(SAVED),
    "test_ids_name_the_steps": _where(IDS),
    "test_reverting_one_of_masking_culprits_shows_no_gain": _where({"pytorch": ""}),
    "test_all_that_computes_has_kernels_in_16_bits": lambda adapter: (
        (adapter, name)
        for name in ("healthy", "overflow", "three")
        if adapter == "tensorflow"
    ),
}
"""Test → (adapter, case) that it runs for."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = adapters(metafunc.config)
    rows = ROWS.get(metafunc.function.__name__)
    if rows is None:
        metafunc.parametrize("framework", sorted({SIDES[a].zoo for a in chosen}))
        return
    pairs = [pair for adapter in chosen for pair in rows(adapter)]
    if "name" in metafunc.fixturenames:
        metafunc.parametrize(("adapter", "name"), pairs)
    else:
        metafunc.parametrize("adapter", [adapter for adapter, _name in pairs])


def build(adapter: str, network: rows.Network) -> Any:
    """The network as its framework has it."""
    framework = SIDES[adapter].zoo
    module = import_module(f"rows_{framework}")
    if framework != "tensorflow":
        return module.build(network)
    with TemporaryDirectory() as folder:
        return module.build(network, Path(folder))


def tensor(adapter: str) -> Callable[[Any], Any]:
    return subject(adapter).zoo.tensor


@dataclass(frozen=True)
class Case:
    """A case as an adapter sees it.

    Attributes:
        judge: The adapter that scores placements.
    """

    case: culprits.Planted
    adapter: Adapter
    judge: Adapter
    model: Any
    traced: Traced
    batches: Batches

    def score(self, placement: Placement) -> tuple[float, bool]:
        """The metric, and whether the criterion holds."""
        model = self.judge.predictor(self.traced.apply(placement))
        found = evaluate(model, self.batches, self.case.metric)
        return found.value, found.finite and self.holds(found.value)

    def holds(self, value: float) -> bool:
        return self.case.criterion.holds(self.baseline, value)

    @cached_property
    def baseline(self) -> float:
        original = self.judge.predictor(self.model)
        return evaluate(original, self.batches, self.case.metric).value


@cache
def traced(adapter: str, name: str) -> Case:
    case = CASES[name]
    batches = planted.batches(case, tensor(adapter))
    if name in SAME:
        other = CASES[SAME[name]]
        assert case.network.steps == other.network.steps
        assert case.offsets[0] == other.offsets[0]
        return replace(traced(adapter, SAME[name]), case=case, batches=batches)
    model = build(adapter, case.network)
    first, _ = next(iter(batches()))
    inputs = [
        Input(n, ("batch", *shape), "float32") for n, shape in rows.INPUTS.items()
    ]
    used = ADAPTERS[adapter]
    found = used.trace(
        model, first, low=case.low, inputs=inputs, outputs=case.network.outputs
    )
    judge = ADAPTERS[JUDGES.get(adapter, adapter)]
    return Case(case, used, judge, model, found, batches)


@cache
def judged(adapter: str, name: str) -> planted.Judged:
    one = traced(adapter, name)
    predictor = one.adapter.predictor
    original = predictor(one.model)
    return planted.judge(one.traced, predictor, original, one.batches, one.case)


@pytest.mark.few(6)
def test_it_finds_the_culprits_and_little_else(adapter: str, name: str) -> None:
    planted.check(CASES[name], traced(adapter, name).traced, judged(adapter, name))


def test_half_of_the_models_take_at_most_ten_trials(framework: str) -> None:
    counts = [
        len(judged(adapter, name).calls)
        for adapter, names in SEARCHED.items()
        for name in names
        if SIDES[adapter].zoo == framework
    ]
    assert counts and statistics.median(counts) <= 10


def test_a_model_that_takes_bf16_well_takes_one_trial(adapter: str) -> None:
    found = judged(adapter, "healthy")
    assert len(found.calls) == 1
    pinned = planted.pinned(found)
    if adapter in UNKERNELLED:
        pinned -= planted.missing(traced(adapter, "healthy").traced)
    assert not pinned


def test_the_culprits_are_what_breaks_it(adapter: str, name: str) -> None:
    """Else a search that finds nothing would pass."""
    one = traced(adapter, name)
    graph, careful = one.traced.graph, planted.careful(one.traced, one.case)
    assert len(graph.ops) >= 100
    assert not one.score(planted.careless(one.traced, one.case))[1]
    if adapter in UNKERNELLED:
        assert planted.share(graph, careful, one.case.low) >= 0.82
    else:
        assert one.score(careful)[1]


def test_reverting_one_of_masking_culprits_shows_no_gain(adapter: str) -> None:
    one = traced(adapter, "masking")
    lowest, _ = one.score(planted.careless(one.traced, one.case))
    for spared in (culprits.ANGLE, culprits.LARGE_SUM, culprits.HEAD):
        others = one.case.culprits - {*spared}
        alone, _ = one.score(planted.careful(one.traced, one.case, *others))
        assert alone < lowest + 0.2
        rest, holds = one.score(planted.careful(one.traced, one.case, *spared))
        assert not holds, (spared, rest)


FRESH = """
import sys
sys.path.insert(0, sys.argv[4])
from pathlib import Path
import culprits, planted
from contract import subject
from narrowcast.runtime.evaluation.evaluation import evaluate
one, case = subject(sys.argv[2]), culprits.cases()[sys.argv[3]]
model = one.adapter.load_saved(Path(sys.argv[1]))
batches = planted.batches(case, one.zoo.tensor)
print(repr(evaluate(model, batches, case.metric).value))
"""
"""Scores a saved model in a process that has seen nothing of the search."""


def test_what_is_saved_scores_the_same_in_a_fresh_process(
    adapter: str, tmp_path: Path
) -> None:
    """TensorFlow runs it as a function there and in a session here, where other nodes are
    fused: a digit or two that are close may fall otherwise."""
    name = SAVED[adapter]
    one, best = traced(adapter, name), judged(adapter, name)
    model = one.traced.apply(best.placement)
    path = one.traced.save(model, tmp_path / subject(adapter).zoo.FILE)
    shared = Path(planted.__file__).parent
    found = subprocess.run(
        [sys.executable, "-c", FRESH, path, adapter, name, shared],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert found.returncode == 0, found.stderr
    score = json.loads(found.stdout.splitlines()[-1])
    if adapter == "tensorflow":
        assert one.holds(score)
        assert score == pytest.approx(best.best.value, abs=4 / one.case.samples)
    else:
        assert score == best.best.value


def test_it_computes_what_numpy_does(adapter: str, name: str) -> None:
    """In fp32, where a culprit may cancel what is 2 000 times as large as the rest; and
    so what it computed before anything was planted."""
    case, model = CASES[name], build(adapter, CASES[name].network)
    predict = ADAPTERS[adapter].predictor(model)
    for inputs in (case.inputs()[0], case.inputs()[-1]):
        found = predict(tuple(map(tensor(adapter), inputs)))
        exact = rows_numpy.run(case.network, inputs)
        _check_close(found, [exact[step] for step in case.network.outputs], adapter)


def _check_close(found: Outputs, exact: Sequence[Any], adapter: str) -> None:
    for output, value in zip(found, exact, strict=True):
        assert output.shape == value.shape
        most = NUMPY.get(adapter, 1e-4) * float(np.abs(value).max())
        np.testing.assert_allclose(output, value, rtol=0, atol=most)


def test_it_reads_digits(framework: str) -> None:
    """Not only as NumPy does: well."""
    adapter = next(a for a, side in SIDES.items() if side.zoo == framework)
    model = ADAPTERS[adapter].predictor(build(adapter, CASES["healthy"].network))
    images, labels = rows.digits(every=5)
    inputs = images, rows.positions(len(images))
    (found,) = model(tuple(map(tensor(adapter), inputs)))
    exact = rows_numpy.run(CASES["healthy"].network, inputs)["logits.plus"]
    np.testing.assert_allclose(found, exact, atol=1e-4)
    assert (found.argmax(1) == labels).mean() >= 0.96


def test_all_that_computes_has_kernels_in_16_bits(adapter: str, name: str) -> None:
    graph, low = traced(adapter, name).traced.graph, CASES[name].low
    assert all(op.kernel(low) for op in graph.ops if op.kind is not Kind.FIXED)


def test_ids_name_the_steps(adapter: str) -> None:
    assert set(IDS[adapter]) <= traced(adapter, "three").traced.graph.by_id.keys()
