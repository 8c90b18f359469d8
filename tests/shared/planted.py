"""Searching a planted model in any framework, and what is demanded of the outcome.

case = culprits.cases()["position"]
traced = ...  # rows_<framework>.build(case.network), traced on the first batch
judged = judge(traced, predictor, original, batches(case, tensor), case)
check(case, traced, judged)
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import rows
from culprits import Planted
from rows import Array

from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.batches import Batches
from narrowcast.runtime.evaluation.evaluation import (
    Evaluation,
    Watch,
    evaluate,
    to_the_end,
)
from narrowcast.runtime.frameworks.protocol import Predict, Traced
from narrowcast.runtime.graph.graph import Graph, Kind, Placement, Precision
from narrowcast.runtime.graph.pins import Pins, Why
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import Budget, Found, search
from narrowcast.runtime.search.limits.capability import capability_pins

SPARE, SPARE_BLIND = 0.01, 0.02
"""Share of the model's FLOPs that may be fp32 beyond what the culprits need; also where
the calibration batch shows nothing of them."""

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


def careless(traced: Traced, case: Planted) -> Placement:
    """Everything low but what has no kernel."""
    held = capability_pins(traced.graph, case.low, traced.probes)
    return low_compute(traced.graph, case.low, held.keys()).placement


def careful(traced: Traced, case: Planted, *spared: str) -> Placement:
    """Everything low but what has no kernel and the culprits, without those `spared`."""
    held = set(capability_pins(traced.graph, case.low, traced.probes))
    held |= culprits(traced.graph, replace(case, culprits=case.culprits - {*spared}))
    return low_compute(traced.graph, case.low, held).placement


def culprits(graph: Graph, case: Planted) -> set[str]:
    """Ids of the ops that may be pinned for themselves."""
    return {
        op.id
        for op in graph.ops
        if any(rows.belongs(op.id, step) for step in case.culprits)
    }


def check(case: Planted, traced: Traced, judged: Judged) -> None:
    """Hold a search to what is demanded of it over this case.

    The criterion holds in full. Trials are the evaluator's calls, at most 20, no two
    with one placement. But for a spare share of the FLOPs as much is low as with only
    the culprits pinned, and only ops that are `allowed` are pinned for themselves.
    """
    graph, best = traced.graph, judged.best
    assert best.finite
    assert best.samples == case.samples
    assert case.criterion.holds(judged.baseline.value, best.value)
    assert len(judged.calls) == len(judged.found.trials) <= 20
    assert len({tuple(call.items()) for call in judged.calls}) == len(judged.calls)
    spare = SPARE_BLIND if case.blind else SPARE
    least = case.least
    if least is None:
        least = share(graph, careful(traced, case), case.low) - spare
        flops = {op.id: op.flops for op in graph.ops}
        strays = pinned(judged) - allowed(graph, case) - missing(traced)
        assert sum(flops[name] for name in strays) <= spare * graph.flops, strays
    else:
        least *= share(graph, careless(traced, case), case.low)
    assert share(graph, judged.placement, case.low) >= least


def missing(traced: Traced) -> set[str]:
    """Ids of the ops that the framework has no kernel for at all."""
    return {name for name, probe in traced.probes.items() if probe.output is None}


def pinned(judged: Judged) -> set[str]:
    """Ids of the ops that are fp32 for what they do themselves."""
    reasons = judged.found.plans[0].reasons
    return {name for name, reason in reasons.items() if reason.why in CAUSES}


def allowed(graph: Graph, case: Planted) -> set[str]:
    """The culprits; movers beside them, and what must have their precision.

    A mover is beside a culprit that it reads, or that reads it, through movers only.
    """
    found = culprits(graph, case)
    while True:
        held = {name for op in graph.ops if op.id in found for name in op.outputs}
        read = {n for op in graph.ops if op.id in found for n in graph.castable(op)}
        more = {
            op.id
            for op in graph.ops
            if op.kind is Kind.MOVER
            and (held & set(graph.castable(op)) or read & set(op.outputs))
        }
        more |= {name for group in graph.equal if group & found for name in group}
        if more <= found:
            return found
        found |= more


def share(graph: Graph, placement: Placement, low: Precision) -> float:
    """Share of the FLOPs that are in 16 bits."""
    flops = sum(op.flops for op in graph.ops if placement[op.id] == low)
    return flops / graph.flops
