"""The trials of a search: of this run, or what the history beside a plan has of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...common import jsonl
from ...common.errors import NarrowcastError
from ...evaluation.evaluation import Evaluation, evaluation
from ...evaluation.judgement import Judgement
from ...graph.graph import Graph, Placement, Precision
from ...record.recorded import Recorded, history_path, resumed
from ...search import Found
from ...search.found import Plan
from .figures import Trial


@dataclass(frozen=True)
class _Tried:
    number: int
    placement: Placement
    evaluation: Evaluation | None
    failure: str


EARLIER = "measured when the plan was searched; this run searched nothing"

OTHER_DATA = (
    "the trials of the search are left out: fp32 scored otherwise then, so they say "
    "nothing of the data that this run was judged on"
)


def trials(
    graph: Graph, plan: Plan, found: Found, judged: Judgement | None, lock: Path | None
) -> tuple[tuple[Trial, ...], str]:
    """The search that found the plan, and `Document.history`.

    Args:
        lock: Of a plan that another run found, its file: that search is in the history
            beside it, if it is still the one.
    """
    made = [
        _Tried(each.number, each.placement, each.evaluation, each.failure)
        for each in found.trials
    ]
    history = None if made or lock is None else _history(lock)
    tried = made if history is None else _recorded(graph, plan, history)
    if not any(each.placement == plan.placement for each in tried):
        return (), ""
    if history is not None and not _same_baseline(history, judged):
        return (), OTHER_DATA
    said = EARLIER if history is not None else ""
    return tuple(_trial(graph, plan, each, judged) for each in tried), said


def _history(lock: Path) -> Recorded | None:
    beside = history_path(lock)
    try:
        lines, _size = jsonl.read(beside) if beside.exists() else ([], 0)
        return resumed(beside, lines[0]) if lines else None
    except (NarrowcastError, LookupError):
        return None


def _same_baseline(history: Recorded, judged: Judgement | None) -> bool:
    """Whether fp32 scored then as it did now, as far as both are known."""
    known = history.steps.get("baseline")
    if judged is None or known is None:
        return True
    before = evaluation(known["found"])
    now = judged.baseline.data
    same = before.data is None or now is None or before.data.digest == now.digest
    return same and before.value == judged.baseline.value


def _recorded(graph: Graph, plan: Plan, history: Recorded) -> Sequence[_Tried]:
    known = history.trials.values()
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
    placed = [tried.placement.get(op.id) for op in graph.ops]
    found = tried.evaluation
    value = found.value if found is not None and found.finite else None
    return Trial(
        tried.number,
        graph.flops_in(tried.placement, plan.low),
        placed.count(plan.low),
        value,
        None if found is None else found.samples,
        found is not None and found.full,
        value is not None
        and judged is not None
        and judged.criterion.holds(judged.baseline.value, value),
        tried.failure,
        tried.placement == plan.placement,
        graph.flops_int8(tried.placement),
        placed.count(Precision.INT8),
    )
