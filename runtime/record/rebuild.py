"""An earlier trial rebuilt from the history: its model and plan, beside the result's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..common.errors import HistoryError
from ..graph.graph import Graph, Precision
from ..graph.pins import Reason, Why
from ..search.found import Plan
from ..search.history import Attempt, Outcome
from ..search.limits.reasons import known_reasons
from .recorded import Past, Recorded

ANEW = ("check ", "time ", "score ")
"""Steps that are made anew for a trial that is rebuilt."""


@dataclass(frozen=True)
class Rebuilding:
    """A history that is read and not written; a `History`.

    Attributes:
        past: The trial to rebuild.
    """

    whole: Recorded
    past: Past

    def remember(self, step: str, make: Callable[[], Any]) -> Any:
        """What the search recorded, but for the result's own check and timing."""
        known = step in self.whole.steps and not step.startswith(ANEW)
        return self.whole.steps[step] if known else make()

    def trial(self, attempt: Attempt, make: Callable[[], Outcome]) -> Outcome:
        """What `make` gives: nothing is searched for."""
        return make()

    def plan(self, graph: Graph, low: Precision) -> Plan:
        """The trial's placement, with its pins' reasons.

        Raises:
            UsageError: It was for another precision.
        """
        if self.past.low != low:
            raise HistoryError(
                f"trial {self.past.number} is for {self.past.low}, this is {low}"
            )
        placement = self.past.placement(graph.by_id)
        question = self.whole.steps.get(f"question {low}", {})
        objective = str(question.get("objective", ""))
        known = known_reasons(graph, self.past.pins)
        aside = Reason(Why.CAST, f"left in fp32 by {objective or 'the objective'}")
        reasons = {
            op.id: known.get(op.id, aside)
            for op in graph.ops
            if placement[op.id] is Precision.FP32
            or (placement[op.id] is not Precision.INT8 and op.id in known)
        }
        return Plan(low, placement, reasons, objective, self.past.number)


def rebuilding(earlier: Recorded | None, number: int, path: Path) -> Rebuilding:
    """Trial `number` of a search.

    Raises:
        UsageError: There is no such trial, or no history.
    """
    if earlier is None or not earlier.trials:
        raise HistoryError(
            f"--trial {number}: {path.name} has no trials",
            "A search writes them; --search begins one.",
        )
    by_number = {past.number: past for past in earlier.trials.values()}
    if number not in by_number:
        raise HistoryError(
            f"--trial {number}: {path.name} has trials {min(by_number)} to "
            f"{max(by_number)}",
            "Name one of these.",
        )
    return Rebuilding(earlier, by_number[number])
