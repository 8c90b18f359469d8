"""The search over models with planted culprits, in ONNX.

What is demanded of every case is in `tests/shared/planted.py`. ONNX has no sketch:
groups of ops are all that the search knows of errors. What needs bf16 is for OpenVINO,
what needs fp16 for ONNX Runtime. That computes most of fp16 through fp32, where what is
planted does little harm: two cases are for any runtime, too, which is imitated.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import culprits
import numpy as np
import onnx
import planted
import pytest
import rows
import rows_numpy
import rows_onnx

from narrowcast.runtime.evaluation.batches import Batches
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino, portable
from narrowcast.runtime.frameworks.onnx.program import Program
from narrowcast.runtime.graph.graph import Placement, Precision

CASES = culprits.cases()
RUNTIMES = {"openvino": openvino, "onnxruntime": onnxruntime, "portable": portable}
RUNS = {Precision.BF16: "openvino", Precision.FP16: "onnxruntime"}
SEARCHED = [(name, RUNS[CASES[name].low]) for name in CASES]
SEARCHED += [("overflow", "portable"), ("unseen overflow", "portable")]

FRESH = """
import sys
sys.path.insert(0, sys.argv[4])
from importlib import import_module
from pathlib import Path
import culprits, planted
from narrowcast.runtime.evaluation.evaluation import evaluate
case = culprits.cases()[sys.argv[2]]
runtime = import_module("narrowcast.runtime.frameworks.onnx." + sys.argv[3])
model = runtime.load_saved(Path(sys.argv[1]))
print(repr(evaluate(model, planted.batches(case), case.metric).value))
"""
"""Scores a saved model in a process that has seen nothing of the search."""


@dataclass(frozen=True)
class Traced:
    """A case as a runtime sees it."""

    case: culprits.Planted
    runtime: Any
    model: onnx.ModelProto
    program: Program
    batches: Batches

    def holds(self, placement: Placement) -> bool:
        """Whether the converted model meets the criterion, imitated."""
        model = portable.predictor(self.program.apply(placement))
        found = evaluate(model, self.batches, self.case.metric)
        original = portable.predictor(self.model)
        baseline = evaluate(original, self.batches, self.case.metric)
        holds = self.case.criterion.holds(baseline.value, found.value)
        return holds and found.finite


@cache
def traced(name: str, runtime: str) -> Traced:
    case, used = CASES[name], RUNTIMES[runtime]
    model, batches = rows_onnx.build(case.network), planted.batches(case)
    first, _ = next(iter(batches()))
    inputs = [
        Input(n, ("batch", *shape), "float32") for n, shape in rows.INPUTS.items()
    ]
    program = used.trace(
        model, first, low=case.low, inputs=inputs, outputs=case.network.outputs
    )
    return Traced(case, used, model, program, batches)


@cache
def judged(name: str, runtime: str) -> planted.Judged:
    one = traced(name, runtime)
    original = one.runtime.predictor(one.model)
    return planted.judge(
        one.program, one.runtime.predictor, original, one.batches, one.case
    )


@pytest.mark.parametrize(("name", "runtime"), SEARCHED)
def test_it_finds_the_culprits_and_little_else(name: str, runtime: str) -> None:
    one = traced(name, runtime)
    planted.check(one.case, one.program, judged(name, runtime))


def test_half_of_the_models_take_at_most_ten_trials() -> None:
    counts = [len(judged(*each).calls) for each in SEARCHED]
    assert statistics.median(counts) <= 10


def test_a_model_that_takes_bf16_well_takes_one_trial() -> None:
    found = judged("healthy", "openvino")
    assert len(found.calls) == 1 and not planted.pinned(found)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].culprits])
def test_the_culprits_are_what_breaks_it(name: str) -> None:
    """Else a search that finds nothing would pass. Imitated: each op rounds there."""
    one = traced(name, RUNS[CASES[name].low])
    assert len(one.program.graph.ops) >= 100
    assert not one.holds(planted.careless(one.program, one.case))
    assert one.holds(planted.careful(one.program, one.case))


@pytest.mark.parametrize(
    ("name", "runtime"), [("three", "openvino"), ("unshifted exp", "onnxruntime")]
)
def test_what_is_saved_scores_the_same_in_a_fresh_process(
    name: str, runtime: str, tmp_path: Path
) -> None:
    one, best = traced(name, runtime), judged(name, runtime)
    path = one.program.save(one.program.apply(best.placement), tmp_path / "m.onnx")
    shared = Path(planted.__file__).parent
    found = subprocess.run(
        [sys.executable, "-c", FRESH, path, name, runtime, shared],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == best.best.value


@pytest.mark.parametrize("name", CASES)
def test_it_computes_what_numpy_does(name: str) -> None:
    """And so what it computed before anything was planted."""
    case = CASES[name]
    inputs = [each[:20] for each in case.inputs()[-1]]
    found = onnxruntime.predictor(rows_onnx.build(case.network))(tuple(inputs))
    exact = rows_numpy.run(case.network, inputs)
    for output, value in zip(case.network.outputs, found, strict=True):
        size = np.abs(exact[output]).max()
        np.testing.assert_allclose(value, exact[output], atol=1e-3 * size)


def test_ids_name_the_steps() -> None:
    ids = [op.id for op in traced("three", "openvino").program.graph.ops]
    assert {"layers.1.mlp.up.times", "position.sin"} <= set(ids)
