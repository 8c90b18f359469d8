"""The search over models with planted culprits, in PyTorch.

What is demanded of every case is in `tests/shared/planted.py`.
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
import rows_numpy
import rows_pytorch
import torch

from narrowcast.runtime.evaluation.batches import Batches
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.pytorch import Program
from narrowcast.runtime.graph.graph import Placement

NAMES = tuple(culprits.cases())
SAME = {"diffuse": "healthy", "unseen": "healthy"}
"""Cases whose network and first batch are those of another: traced once for both."""


FRESH = """
import sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
import culprits, planted, torch
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.frameworks import pytorch
case = culprits.cases()[sys.argv[2]]
model = pytorch.load_saved(Path(sys.argv[1]))
print(repr(evaluate(model, planted.batches(case, torch.from_numpy), case.metric).value))
"""
"""Scores a saved model in a process that has seen nothing of the search."""


@dataclass(frozen=True)
class Traced:
    """A case as PyTorch sees it."""

    case: culprits.Planted
    model: torch.nn.Module
    program: Program
    batches: Batches

    def score(self, placement: Placement) -> tuple[float, bool]:
        """The metric, and whether the criterion holds."""
        model = pytorch.predictor(self.program.apply(placement))
        found = evaluate(model, self.batches, self.case.metric)
        baseline = judged(self.case.name).baseline.value
        holds = self.case.criterion.holds(baseline, found.value)
        return found.value, holds and found.finite


@cache
def traced(name: str) -> Traced:
    case = culprits.cases()[name]
    batches = planted.batches(case, torch.from_numpy)
    if name in SAME:
        other = culprits.cases()[SAME[name]]
        assert case.network.steps == other.network.steps
        assert case.offsets[0] == other.offsets[0]
        return replace(traced(SAME[name]), case=case, batches=batches)
    model = rows_pytorch.build(case.network)
    first, _ = next(iter(batches()))
    inputs = [
        Input(n, ("batch", *shape), "float32") for n, shape in rows.INPUTS.items()
    ]
    program = pytorch.trace(
        model, first, low=case.low, inputs=inputs, outputs=case.network.outputs
    )
    return Traced(case, model, program, batches)


@cache
def judged(name: str) -> planted.Judged:
    one = traced(name)
    original = pytorch.predictor(one.model)
    return planted.judge(
        one.program, pytorch.predictor, original, one.batches, one.case
    )


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


def test_reverting_one_of_masking_culprits_shows_no_gain() -> None:
    one = traced("masking")
    lowest, _ = one.score(planted.careless(one.program, one.case))
    for spared in (culprits.ANGLE, culprits.LARGE_SUM, culprits.HEAD):
        others = one.case.culprits - {*spared}
        alone, _ = one.score(planted.careful(one.program, one.case, *others))
        assert alone < lowest + 0.2
        rest, holds = one.score(planted.careful(one.program, one.case, *spared))
        assert not holds, (spared, rest)


def test_what_is_saved_scores_the_same_in_a_fresh_process(
    python: Any, tmp_path: Path
) -> None:
    one, best = traced("three"), judged("three")
    path = tmp_path / "model.pt2"
    one.program.save(one.program.apply(best.placement), path)
    shared = Path(planted.__file__).parent
    found = python("-c", FRESH, path, "three", shared)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == best.best.value


def test_it_reads_digits_as_numpy_does() -> None:
    case = culprits.cases()["healthy"]
    model = pytorch.predictor(rows_pytorch.build(case.network))
    images, labels = rows.digits(every=5)
    inputs = images, rows.positions(len(images))
    (found,) = model(tuple(map(torch.from_numpy, inputs)))
    exact = rows_numpy.run(case.network, inputs)["logits.plus"]
    np.testing.assert_allclose(found, exact, atol=1e-4)
    assert (found.argmax(1) == labels).mean() >= 0.96


def test_ids_name_the_steps() -> None:
    ids = [op.id for op in traced("three").program.graph.ops]
    assert "layers.1.mlp.up.times:matmul:0" in ids
    assert "position.sin:sin:0" in ids
