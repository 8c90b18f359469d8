"""Searching a planted model in any framework, and what is demanded of the outcome.

case = culprits.cases()["position"]
traced = ...  # rows_<framework>.build(case.network), traced on the first batch
judged = judge(traced, predictor, original, batches(case, tensor), case)
check(case, traced.graph, judged)
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import rows
from culprits import Planted
from rows import Array

from narrowcast.runtime.capability import capability_pins
from narrowcast.runtime.evaluation import (
    Batches,
    Evaluation,
    Watch,
    evaluate,
    to_the_end,
)
from narrowcast.runtime.frameworks.protocol import Predict, Traced
from narrowcast.runtime.graph import Graph, Placement
from narrowcast.runtime.pins import Pins, Why
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.progress import Terminal
from narrowcast.runtime.search import Budget, Found, search

CAUSES = (Why.ACCURACY, Why.RANGE, Why.NO_KERNEL)
"""Reasons of ops that a search pinned for themselves."""


@dataclass(frozen=True)
class Judged:
    """One search over a planted model.

    Attributes:
        found: What the search gave.
        calls: Placements that the evaluator was asked to score, in order.
        baseline: Of the model as loaded.
        best: Of the placement that is delivered first, exactly and in full.
    """

    found: Found
    calls: tuple[Placement, ...]
    baseline: Evaluation
    best: Evaluation

    @property
    def placement(self) -> Placement:
        return self.found.plans[0].placement


def batches(
    case: Planted, tensor: Callable[[Array], Any] = lambda array: array
) -> Batches:
    """The case's data, in a framework's tensors."""
    inputs = [tuple(map(tensor, each)) for each in case.inputs()]
    labels = case.labels()

    def read() -> Iterator[tuple[Any, Any]]:
        yield from zip(inputs, labels, strict=True)

    return read


def judge(
    traced: Traced,
    predictor: Callable[[Any], Predict],
    original: Predict,
    batches: Batches,
    case: Planted,
) -> Judged:
    """Search with a budget of 20 trials and no clock.

    Args:
        predictor: Makes what `traced.apply` gives callable.
        original: The model as loaded.
    """
    calls: list[Placement] = []

    def score(placement: Placement, watch: Watch = to_the_end) -> Evaluation:
        calls.append(placement)
        model = predictor(traced.apply(placement))
        return evaluate(model, batches, case.metric, watch=watch)

    baseline = evaluate(original, batches, case.metric)
    found = search(
        traced,
        score,
        low=case.low,
        objective=low_compute,
        pins=Pins(),
        criterion=case.criterion,
        baseline=baseline,
        budget=Budget(max_trials=20),
        progress=Terminal(io.StringIO()),
        clock=lambda: 0.0,
    )
    made = predictor(traced.apply(found.plans[0].placement))
    best = evaluate(made, batches, case.metric)
    return Judged(found, tuple(calls), baseline, best)


def spoilt(traced: Traced, case: Planted, *, careful: bool) -> Placement:
    """Everything low but what has no kernel and, if `careful`, the culprits."""
    held = set(capability_pins(traced.graph, case.low, traced.probes))
    if careful:
        held |= culprits(traced.graph, case)
    return low_compute(traced.graph, case.low, held).placement


def culprits(graph: Graph, case: Planted) -> set[str]:
    """Ids of the ops that may be pinned for themselves."""
    return {
        op.id
        for op in graph.ops
        if any(rows.belongs(op.id, step) for step in case.culprits)
    }
