"""The search over models with planted culprits, in MXNet.

What is demanded of every case is in `tests/shared/planted.py`. The cases that fp16
breaks are missing: MXNet has no fp16 on CPUs. A sixth of the FLOPs, the products of two
activations, has no bf16 kernel either: at most 83 % can be low.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import culprits
import numpy as np
import planted
import pytest
import rows
import rows_mxnet
import rows_numpy

from narrowcast.runtime.evaluation.batches import Batches
from narrowcast.runtime.evaluation.evaluation import Evaluation, evaluate
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.mxnet import Program
from narrowcast.runtime.frameworks.mxnet.ir.network import Network
from narrowcast.runtime.graph.graph import Placement, Precision

BF16 = Precision.BF16
NAMES = tuple(name for name, case in culprits.cases().items() if case.low == BF16)
SAME = {"diffuse": "healthy", "unseen": "healthy"}
"""Cases whose network and first batch are those of another: traced once for both."""

BREAKING = tuple(
    name
    for name in NAMES
    if culprits.cases()[name].culprits and name != "long sum"  # classes outlive it here
)

FRESH = """
import sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
import culprits, planted
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.frameworks import mxnet
case = culprits.cases()[sys.argv[2]]
model = mxnet.load_saved(Path(sys.argv[1]))
print(repr(evaluate(model, planted.batches(case), case.metric).value))
"""
"""Scores a saved model in a process that has seen nothing of the search."""


@dataclass(frozen=True)
class Traced:
    """A case as MXNet sees it."""

    case: culprits.Planted
    model: Network
    program: Program
    batches: Batches

    def score(self, placement: Placement) -> Evaluation:
        model = adapter.predictor(self.program.apply(placement))
        return evaluate(model, self.batches, self.case.metric)


@cache
def traced(name: str) -> Traced:
    case = culprits.cases()[name]
    batches = planted.batches(case)
    if name in SAME:
        return replace(traced(SAME[name]), case=case, batches=batches)
    model = rows_mxnet.build(case.network)
    first, _ = next(iter(batches()))
    inputs = [
        Input(n, ("batch", *shape), "float32") for n, shape in rows.INPUTS.items()
    ]
    program = adapter.trace(
        model, first, low=BF16, inputs=inputs, outputs=case.network.outputs
    )
    return Traced(case, model, program, batches)


@cache
def judged(name: str) -> planted.Judged:
    one = traced(name)
    original = adapter.predictor(one.model)
    return planted.judge(
        one.program, adapter.predictor, original, one.batches, one.case
    )


@pytest.mark.parametrize("name", culprits.cases())
def test_the_symbol_computes_what_numpy_does(name: str) -> None:
    """But for what far positions and large sums cost in fp32."""
    case = culprits.cases()[name]
    model = adapter.predictor(rows_mxnet.build(case.network))
    inputs = case.inputs()[-1]
    exact = rows_numpy.run(case.network, inputs)
    found = model(inputs)
    for output, name in zip(found, case.network.outputs, strict=True):
        size = np.abs(exact[name]).max()
        np.testing.assert_allclose(output, exact[name], rtol=0, atol=1e-4 * size)


@pytest.mark.parametrize("name", NAMES)
def test_it_finds_the_culprits_and_little_else(name: str) -> None:
    one = traced(name)
    planted.check(one.case, one.program, judged(name))


def test_half_of_the_models_take_at_most_ten_trials() -> None:
    assert statistics.median(len(judged(name).calls) for name in NAMES) <= 10


def test_a_model_that_takes_bf16_well_takes_one_trial() -> None:
    assert len(judged("healthy").calls) == 1


@pytest.mark.parametrize("name", BREAKING)
def test_the_culprits_are_what_breaks_it(name: str) -> None:
    """Else a search that finds nothing would pass."""
    one = traced(name)
    graph = one.program.graph
    assert len(graph.ops) >= 100
    assert planted.share(graph, planted.careful(one.program, one.case), BF16) >= 0.82
    found = one.score(planted.careless(one.program, one.case))
    baseline = judged(name).baseline.value
    assert not one.case.criterion.holds(baseline, found.value)


def test_what_is_saved_scores_the_same_in_a_fresh_process(
    python: Any, tmp_path: Path
) -> None:
    one, best = traced("three"), judged("three")
    path = tmp_path / "rows.bf16-symbol.json"
    one.program.save(one.program.apply(best.placement), path)
    found = python("-c", FRESH, path, "three", Path(planted.__file__).parent)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.splitlines()[-1]) == best.best.value
