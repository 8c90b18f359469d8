"""What a search found: plans to deliver, best first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..common.errors import ModelError
from ..graph.graph import Graph, Placement, Precision
from ..graph.pins import Reason
from ..placement import Objective
from .limits.reasons import fp32_gains, reasons
from .sensitivity.estimate import Estimate
from .trials import Trial, Trials


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        plans: Those of passing trials by the objective; without any, of the failing
            trials, the one that came closest first.
        trials: All trials in order; empty for a replayed plan.
        interrupted: True if Ctrl-C or SIGTERM ended the search.
        ended: What of the budget ended it early, "" if nothing did.
        warnings: What the user should know of the criterion.
    """

    plans: tuple[Plan, ...]
    trials: tuple[Trial, ...] = ()
    interrupted: bool = False
    ended: str = ""
    warnings: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Plan]:
        return iter(self.plans)

    @property
    def more(self) -> str:
        """What helps where the budget ended the search before anything passed."""
        by_time = self.ended.startswith("timeout")
        larger = "--timeout 0" if by_time else f"--max-trials {2 * len(self.trials)}"
        return (
            f"the search ended by {self.ended} before any trial passed: --resume "
            f"{larger} goes on where it ended; a criterion that allows more takes fewer "
            "trials"
        )


def plans(
    graph: Graph, trials: Trials, ranking: tuple[Estimate, ...]
) -> tuple[Plan, ...]:
    """Plans of passing trials, best by the objective first; else of the closest.

    Raises:
        ModelError: No trial could be evaluated.
    """
    made = list(trials.made.values())
    passing = [trial for trial in made if trial.holds]
    order = trials.objective.best_first(graph, [each.placement for each in passing])
    places = {id(placement): k for k, placement in enumerate(order)}
    passing.sort(key=lambda trial: places[id(trial.placement)])
    best = passing or [_closest(made, trials)]
    count, low, objective = len(trials.made), trials.low, trials.objective
    return tuple(
        plan_of(graph, low, objective, trial.placement, trial.pins, count, ranking)
        for trial in best
    )


def _closest(made: Sequence[Trial], trials: Trials) -> Trial:
    scored = [trial for trial in made if trial.evaluation is not None]
    if not scored:
        raise ModelError(
            f"no trial could be evaluated; the first: {made[0].failure}",
            "Where an op fails, pin it to fp32, or convert to the other precision.",
        )
    return min(scored, key=lambda trial: trials.judge.loss(trial.evaluation))


def plan_of(
    graph: Graph,
    low: Precision,
    objective: Objective,
    placement: Placement,
    pins: Mapping[str, Reason],
    trials: int = 0,
    ranking: tuple[Estimate, ...] = (),
) -> Plan:
    """The plan of a placement that was made with these pins."""
    return Plan(
        low,
        placement,
        reasons(graph, placement, pins, low, objective),
        objective.name,
        trials,
        ranking,
        fp32_gains(graph, placement, low, objective),
        objective.unit,
        objective.rank(graph, placement),
    )


@dataclass(frozen=True)
class Plan:
    """What a search decided.

    Attributes:
        low: The 16-bit precision.
        placement: Op id → precision.
        reasons: Op id → why, for every fp32 op, and for those in 16 bits that have a
            kernel in int8.
        objective: The objective's name.
        trials: Trials that the search made.
        ranking: What each op was estimated to do to the outputs, worst first; empty
            where no trial failed.
        gains: Op id → what an fp32 op would have gained, in `unit`.
        unit: "FLOPs", "seconds" or "bytes", by the objective.
        rank: The placement's rank by the objective, the least is the best; no part of
            the file.
    """

    low: Precision
    placement: Placement
    reasons: Mapping[str, Reason]
    objective: str
    trials: int
    ranking: tuple[Estimate, ...] = ()
    gains: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    rank: tuple[float, ...] = ()

    @property
    def fp32(self) -> dict[str, Reason]:
        """Why fp32 ops are so."""
        placed = self.placement
        return {k: v for k, v in self.reasons.items() if placed[k] is Precision.FP32}
