"""What the result's speed is held against, each saved and timed like the result.

The model as loaded; *prepared fp32*, the same graph as the result's with every op fp32,
which shows what preparing it gains alone; and the *rule-based* placement, which is what
converters that go by lists of op types make of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..common.delivery import discard
from ..common.errors import NarrowcastError
from ..common.timing import Latency, latencies, latencies_data
from ..evaluation.evaluation import Evaluation, evaluation, to_the_end
from ..evaluation.performance.performed import (
    Performed,
    performed_data,
    performed_of,
)
from ..frameworks.protocol import Traced
from ..graph.graph import Graph, Placement, Precision
from ..graph.pins import Why
from ..placement.rules import rule_based
from ..placement.weights import weight_bytes
from ..search import Evaluate, Found
from ..search.found import Plan

FP32, PREPARED, RULES, RESULT, COMPILED = (
    "fp32",
    "prepared",
    "rules",
    "result",
    "compiled",
)
"""Names of what is timed."""

MOST_BYTES = 10**9
"""Weights of a model, in fp32, above which the rule-based placement is not made."""


@dataclass(frozen=True, slots=True)
class RuleBased:
    """The rule-based placement.

    Attributes:
        flops_low: FLOPs in 16 bits.
        same: What of `Timed.latency` it is op for op, "" for none.
        aside: Why it was not timed, "" if it was.
        evaluation: Its accuracy, None where it is not known.
    """

    flops_low: int
    same: str = ""
    aside: str = ""
    evaluation: Evaluation | None = None


@dataclass(frozen=True, slots=True)
class Timed:
    """Latencies per batch, measured in turn, and what the rule-based placement is.

    Attributes:
        latency: By name; `PREPARED` is `RESULT` where nothing is low.
        rules: The rule-based placement.
        performed: What `evaluation.performance` asked for, None without it.
    """

    latency: Mapping[str, Latency]
    rules: RuleBased | None = None
    performed: Performed | None = None


@dataclass(frozen=True)
class Contenders:
    """What is made besides the result.

    Attributes:
        made: Name → placement.
        same: Name → what it is op for op, and is not made for.
        rules: The rule-based placement.
        aside: Why that is not made, "" if it is.
    """

    made: Mapping[str, Placement]
    rules: Placement
    same: Mapping[str, str] = field(default_factory=dict)
    aside: str = ""


def contenders(graph: Graph, plan: Plan, replayed: bool) -> Contenders:
    """What the result of a plan is to be timed with."""
    fp32 = dict.fromkeys(graph.by_id, Precision.FP32)
    pins = {name for name, r in plan.reasons.items() if r.why is Why.USER}
    rules = rule_based(graph, plan.low, pins)
    made: dict[str, Placement] = {PREPARED: fp32}
    same: dict[str, str] = {}
    if plan.placement == fp32:
        made, same = {}, {PREPARED: RESULT}
    if rules == plan.placement:
        return Contenders(made, rules, {**same, RULES: RESULT})
    if rules == fp32:
        return Contenders(made, rules, {**same, RULES: PREPARED})
    if replayed:
        return Contenders(made, rules, same, "the plan was replayed")
    if weight_bytes(graph, fp32) > MOST_BYTES:
        return Contenders(made, rules, same, "the model is large")
    return Contenders({**made, RULES: rules}, rules, same)


def measured(
    traced: Traced,
    saved: Path,
    others: Contenders,
    candidate: Callable[[str], Path],
    time: Callable[[Mapping[str, Path]], dict[str, Latency]],
) -> tuple[dict[str, Latency], str]:
    """Latencies of the result and all that is made besides it; why a list's is missing.

    Args:
        saved: The result.
        candidate: Where a file of that name is saved.
        time: Times what was saved, by name, in a fresh process.
    """
    files, candidates = {RESULT: saved}, list[Path]()
    aside = others.aside
    try:
        for name, placement in others.made.items():
            path = candidate(f"{name}-{saved.name}")
            candidates.append(path)
            try:
                files[name] = traced.save(traced.apply(placement), path)
            except Exception as error:  # a list's placement may not even run
                if name != RULES:
                    raise
                aside = _failed(error)
        try:
            latency = time(files)
        except Exception as error:  # nor in a fresh process
            if RULES not in files:
                raise
            aside = _failed(error)
            latency = time({k: path for k, path in files.items() if k != RULES})
    finally:
        for path in candidates:
            discard(path)
    for name, other in others.same.items():
        latency[name] = latency[other]
    return latency, aside


def _failed(error: Exception) -> str:
    said = error.message if isinstance(error, NarrowcastError) else str(error)
    first = "".join(f": {line}" for line in said.strip().splitlines()[:1])
    return f"it fails: {type(error).__name__}{first}"


def known_score(
    others: Contenders, found: Found, evaluate: Evaluate | None
) -> Evaluation | None:
    """The rule-based placement's accuracy: a trial's, or what `evaluate` gives.

    None where neither knows; a placement that fails has none.
    """
    for trial in found.trials:
        known = trial.evaluation
        if trial.placement == others.rules and known is not None and known.full:
            return replace(known, scores=None)
    if evaluate is None or RULES not in others.made:
        return None
    try:
        return replace(evaluate(others.rules, to_the_end), scores=None)
    except Exception:  # what it fails of was said where it was timed
        return None


def timed_as_recorded(
    graph: Graph,
    low: Precision,
    others: Contenders,
    recorded: Mapping[str, Any],
    scored: Mapping[str, Any] | None,
) -> Timed:
    """What a history holds of a timing."""
    flops = graph.flops_in(others.rules, low)
    same, aside = others.same.get(RULES, ""), recorded["aside"]
    if RULES not in recorded["latency"] and not same and not aside:
        aside = "the history has no time of it"
    rules = RuleBased(
        flops,
        same,
        aside,
        None if scored is None else evaluation(scored),
    )
    asked = recorded.get("performance")
    performed = None if asked is None else performed_of(asked)
    return Timed(latencies(recorded["latency"]), rules, performed)


def timed_data(timed: Timed | None) -> dict[str, Any]:
    """A timing as the plan holds it, in seconds; empty where nothing was timed."""
    if timed is None:
        return {}
    rules = {} if timed.rules is None else {"rules": _rules_data(timed.rules)}
    asked = timed.performed
    performed = {} if asked is None else {"performance": performed_data(asked)}
    return {"latency": latencies_data(timed.latency), **performed, **rules}


def _rules_data(rules: RuleBased) -> dict[str, Any]:
    accuracy = {} if rules.evaluation is None else {"result": rules.evaluation.value}
    return {
        "flops_low": rules.flops_low,
        **({"same": rules.same} if rules.same else {}),
        **({"aside": rules.aside} if rules.aside else {}),
        **accuracy,
    }
