"""The trials of a search: of this run, or what the history beside a plan has of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...common import jsonl
from ...common.errors import NarrowcastError
from ...evaluation.evaluation import Evaluation
from ...evaluation.judgement import Judgement
from ...graph.graph import Graph, Placement
from ...record.recorded import history_path, resumed
from ...search import Found
from ...search.found import Plan
from .figures import Trial


@dataclass(frozen=True)
class _Tried:
    number: int
    placement: Placement
    evaluation: Evaluation | None
    failure: str


def trials(
    graph: Graph, plan: Plan, found: Found, judged: Judgement | None, lock: Path | None
) -> tuple[Trial, ...]:
    """The search that found the plan.

    Args:
        lock: Of a plan that another run found, its file: that search is in the history
            beside it, if it is still the one.
    """
    made = [
        _Tried(each.number, each.placement, each.evaluation, each.failure)
        for each in found.trials
    ]
    tried = made or (_recorded(graph, plan, lock) if lock else ())
    if not any(each.placement == plan.placement for each in tried):
        return ()
    return tuple(_trial(graph, plan, each, judged) for each in tried)


def _recorded(graph: Graph, plan: Plan, lock: Path) -> Sequence[_Tried]:
    beside = history_path(lock)
    try:
        lines, _size = jsonl.read(beside) if beside.exists() else ([], 0)
        history = resumed(beside, lines[0]) if lines else None
    except (NarrowcastError, LookupError):
        return ()
    known = () if history is None else history.trials.values()
    return [
        _Tried(
            past.number,
            past.placement(graph.by_id),
            past.outcome.evaluation if past.outcome else None,
            past.outcome.failure if past.outcome else "it did not end",
        )
        for past in sorted(known, key=lambda past: past.number)
        if past.low == plan.low
    ]


def _trial(graph: Graph, plan: Plan, tried: _Tried, judged: Judgement | None) -> Trial:
    low = [op for op in graph.ops if tried.placement.get(op.id) == plan.low]
    found = tried.evaluation
    value = found.value if found is not None and found.finite else None
    return Trial(
        tried.number,
        sum(op.flops for op in low),
        len(low),
        value,
        None if found is None else found.samples,
        found is not None and found.full,
        value is not None
        and judged is not None
        and judged.criterion.holds(judged.baseline.value, value),
        tried.failure,
        tried.placement == plan.placement,
    )
