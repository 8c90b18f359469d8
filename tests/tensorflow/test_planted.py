"""The search over models with planted culprits, in TensorFlow.

What is demanded of every case is in `tests/shared/planted.py`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import culprits
import numpy as np
import planted
import pytest
import rows
import rows_numpy
import rows_tensorflow

from narrowcast.runtime.evaluation.batches import Batches
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import Kind, Placement

NAMES = tuple(culprits.cases())

FRESH = """
import sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
import culprits, planted
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.frameworks import tensorflow
case = culprits.cases()[sys.argv[2]]
model = tensorflow.load_saved(Path(sys.argv[1]))
print(repr(evaluate(model, planted.batches(case), case.metric).value))
"""
"""Scores a saved model in a process that has seen nothing of the search."""


@dataclass(frozen=True)
class Traced:
    """A case as TensorFlow sees it."""

    case: culprits.Planted
    model: adapter.Model
    program: adapter.Program
    batches: Batches
    baseline: float

    def score(self, placement: Placement) -> tuple[float, bool]:
        """The metric, and whether the criterion holds."""
        model = adapter.predictor(self.program.apply(placement))
        found = evaluate(model, self.batches, self.case.metric)
        holds = self.case.criterion.holds(self.baseline, found.value)
        return found.value, holds and found.finite


def built(network: rows.Network) -> Any:
    with TemporaryDirectory() as folder:
        return rows_tensorflow.build(network, Path(folder))


@cache
def traced(name: str) -> Traced:
    case = culprits.cases()[name]
    model, batches = built(case.network), planted.batches(case)
    first, _ = next(iter(batches()))
    inputs = [
        Input(n, ("batch", *shape), "float32") for n, shape in rows.INPUTS.items()
    ]
    program = adapter.trace(
        model, first, low=case.low, inputs=inputs, outputs=case.network.outputs
    )
    baseline = evaluate(adapter.predictor(model), batches, case.metric).value
    return Traced(case, model, program, batches, baseline)


@cache
def judged(name: str) -> planted.Judged:
    one = traced(name)
    original = adapter.predictor(one.model)
    return planted.judge(
        one.program, adapter.predictor, original, one.batches, one.case
    )


@pytest.mark.parametrize("name", NAMES)
def test_it_computes_what_numpy_computes(name: str) -> None:
    """In fp32, where a culprit may cancel what is 2 000 times as large as the rest."""
    one = traced(name)
    inputs = one.case.inputs()[0]
    exact = rows_numpy.run(one.case.network, inputs)
    found = one.model(inputs)
    for output, step in zip(found, one.case.network.outputs, strict=True):
        assert output.shape == exact[step].shape
        largest = float(np.abs(exact[step]).max())
        np.testing.assert_allclose(output, exact[step], atol=1e-4 * largest)


@pytest.mark.parametrize("name", NAMES)
def test_it_finds_the_culprits_and_little_else(name: str) -> None:
    one = traced(name)
    planted.check(one.case, one.program, judged(name))


def test_half_of_the_models_take_at_most_ten_trials() -> None:
    assert statistics.median(len(judged(name).calls) for name in NAMES) <= 10


def test_a_model_that_takes_bf16_well_takes_one_trial() -> None:
    assert len(judged("healthy").calls) == 1
    assert not planted.pinned(judged("healthy"))


@pytest.mark.parametrize("name", [n for n in NAMES if culprits.cases()[n].culprits])
def test_the_culprits_are_what_breaks_it(name: str) -> None:
    """Else a search that finds nothing would pass."""
    one = traced(name)
    assert len(one.program.graph.ops) >= 100
    assert not one.score(planted.careless(one.program, one.case))[1]
    assert one.score(planted.careful(one.program, one.case))[1]


@pytest.mark.parametrize("name", ["healthy", "overflow", "three"])
def test_all_that_computes_has_kernels_in_16_bits(name: str) -> None:
    program, low = traced(name).program, traced(name).case.low
    ops = [op for op in program.graph.ops if op.kind is not Kind.FIXED]
    assert all(op.kernel(low) for op in ops)


def test_what_is_saved_meets_the_criterion_in_a_fresh_process(tmp_path: Path) -> None:
    """It runs as a function there and in a session here, where other nodes are fused:
    a digit or two that are close may fall otherwise."""
    one, best = traced("three"), judged("three")
    path = one.program.save(one.program.apply(best.placement), tmp_path / "model")
    arguments = [str(path), "three", str(Path(planted.__file__).parent)]
    found = subprocess.run(
        [sys.executable, "-c", FRESH, *arguments],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert found.returncode == 0, found.stderr
    score = json.loads(found.stdout.splitlines()[-1])
    assert one.case.criterion.holds(one.baseline, score)
    assert score == pytest.approx(best.best.value, abs=4 / one.case.samples)


@pytest.mark.parametrize(
    ("name", "op"),
    [
        ("healthy", "layers/1/mlp/up/times"),
        ("healthy", "layers/0/before/norm/batchnorm/Rsqrt"),
        ("three", "position/sin"),
    ],
)
def test_ids_name_the_steps(name: str, op: str) -> None:
    assert op in traced(name).program.graph.by_id
