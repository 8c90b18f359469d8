"""Trials: one placement evaluated each, at most as many as the budget allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..common.errors import DataError, UsageError
from ..common.places import described
from ..common.telling.progress import Progress, duration, step
from ..common.timing import Clock
from ..evaluation.criterion import Criterion
from ..evaluation.evaluation import Evaluation, Watch
from ..evaluation.judging.verdict import reached
from ..evaluation.sequential import paired_watch, settled
from ..graph.graph import Graph, Placement, Precision
from ..graph.pins import Reason
from ..placement import Objective
from ..placement.objectives import Problem, place
from .history import Attempt, History, Outcome
from .limits.movers import with_movers

Evaluate = Callable[[Placement, Watch], Evaluation]
"""Converts the model by a placement and scores it until the watch has seen enough."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When a search stops although no trial has passed, and when a trial does.

    Attributes:
        max_trials: Most trials.
        timeout: Seconds after which no new trial starts, None for no limit.
        error_rate: The most that the probability of a wrong verdict may be when a
            trial ends early (`sequential`); 0: every trial sees all data.
        seed: Of the sketch's random probes.
    """

    max_trials: int = 20
    timeout: float | None = None
    error_rate: float = 0.05
    seed: int = 1978


@dataclass(frozen=True)
class Trial:
    """One placement evaluated.

    Attributes:
        pins: Op id → reason for what was pinned.
        evaluation: None if the trial failed.
        failure: Why it failed, in the framework's words.
    """

    number: int
    pins: Mapping[str, Reason]
    placement: Placement
    evaluation: Evaluation | None
    holds: bool
    failure: str = ""

    @property
    def finite(self) -> bool:
        """Whether it was evaluated and all its outputs were finite."""
        return self.evaluation is not None and self.evaluation.finite


@dataclass(frozen=True)
class Judge:
    """What every trial is held against.

    Attributes:
        baseline: The fp32 model's evaluation.
        error_rate: `Budget.error_rate`.
    """

    evaluate: Evaluate
    criterion: Criterion
    baseline: Evaluation
    error_rate: float

    def outcome(self, placement: Placement, elapsed: Callable[[], float]) -> Outcome:
        """Evaluate; what raises is a failed trial, unless the data or the caller is at
        fault whatever the placement."""
        watch = paired_watch(self.baseline, self.criterion, self.error_rate)
        try:
            with step("evaluating trials"):
                evaluated = self.evaluate(placement, watch)
            found = settled(evaluated, self.baseline, self.criterion)
        except (DataError, UsageError, KeyboardInterrupt):
            raise
        except BaseException as error:  # a trial that fails is not the end
            return Outcome(None, _failure(error), elapsed())
        return Outcome(found, "", elapsed())

    def holds(self, found: Evaluation | None) -> bool:
        """Whether all outputs are finite and the criterion holds."""
        if found is None or not found.finite:
            return False
        return self.criterion.holds(self.baseline.value, found.value)

    def loss(self, found: Evaluation | None) -> float:
        """What is lost, in the metric's unit; infinite where nothing can be compared."""
        if found is None or not found.finite or math.isnan(found.value):
            return math.inf
        return self.criterion.loss(self.baseline.value, found.value)


def _failure(error: BaseException) -> str:
    return (
        described(error)
        if isinstance(error, SystemExit)
        else f"{type(error).__name__}: {error}"
    )


@dataclass
class Trials:
    """The trials of one search, none made twice.

    Attributes:
        before: Trials of searches before this one: one numbering names them all.
    """

    graph: Graph
    low: Precision
    objective: Objective
    judge: Judge
    budget: Budget
    progress: Progress
    clock: Clock
    history: History
    before: int = 0
    made: dict[frozenset[tuple[str, Precision]], Trial] = field(default_factory=dict)
    known: dict[frozenset[tuple[str, Precision]], Placement] = field(
        default_factory=dict
    )
    earlier: float = 0.0
    started: float = 0.0
    ended: str = ""

    def __post_init__(self) -> None:
        self.started = self.clock()

    @cached_property
    def _problem(self) -> Problem:
        return self.objective.problem(self.graph, self.low)

    def may_go_on(self) -> bool:
        """Whether the budget allows another trial; keeps what of it does not."""
        limit = self.budget.timeout
        if limit is not None and self.elapsed() >= limit:
            self.ended = f"timeout of {limit:g} s"
        elif len(self.made) >= self.budget.max_trials:
            self.ended = f"max_trials {self.budget.max_trials}"
        return not self.ended

    def elapsed(self) -> float:
        """Seconds that the search took so far, in runs before this one too."""
        return self.clock() - self.started + self.earlier

    def placed(self, pins: Mapping[str, Reason]) -> Placement:
        """The best placement with these pins, which must be closed under movers."""
        floors = {name: reason.floor for name, reason in pins.items()}
        key = frozenset(floors.items())
        if key not in self.known:
            self.known[key] = place(self.graph, self._problem, floors).placement
        return self.known[key]

    def failing(self) -> list[Placement]:
        """Placements that were evaluated and failed."""
        made = self.made.values()
        return [t.placement for t in made if t.evaluation and not t.holds]

    def trial(self, pins: Mapping[str, Reason]) -> Trial:
        """Place with these pins and evaluate, unless that placement was tried."""
        pins = with_movers(self.graph, pins)
        placement = self.placed(pins)
        key = frozenset(placement.items())
        known = self.made.get(key)
        if known is not None:
            return known
        attempt = Attempt(self.before + len(self.made) + 1, self.low, pins, placement)
        label = f"trial {attempt.number}"
        self.progress.live(label, f"{self._share(placement)}{self._so_far()}")
        outcome = self.history.trial(
            attempt, lambda: self.judge.outcome(placement, self.elapsed)
        )
        self.earlier += max(outcome.elapsed - self.elapsed(), 0.0)
        found = outcome.evaluation
        trial = Trial(
            attempt.number,
            pins,
            placement,
            found,
            self.judge.holds(found),
            outcome.failure,
        )
        self.made[key] = trial
        self.progress.line(label, self._describe(trial))
        return trial

    def _so_far(self) -> str:
        """The most that passed in 16 bits, and how long the search may take yet."""
        if not self.made:
            return ""
        said, budget = "", self.budget
        passed = [trial for trial in self.made.values() if trial.holds]
        if passed:
            placements = [trial.placement for trial in passed]
            best = self.objective.best_first(self.graph, placements)[0]
            trial = next(each for each in passed if each.placement is best)
            share = self._flops(best) + self.graph.flops_in(best, Precision.INT8)
            of_all = share / max(self.graph.flops, 1)
            said = f", best so far {of_all:.1%} in trial {trial.number}"
        each = self.elapsed() / len(self.made)
        left = each * (budget.max_trials - len(self.made))
        if budget.timeout is not None:
            left = min(left, budget.timeout - self.elapsed() + each)
        return f"{said}, at most {duration(left)} left"

    def _flops(self, placement: Placement) -> int:
        """Those in 16 bits."""
        return self.graph.flops_in(placement, self.low)

    def _share(self, placement: Placement) -> str:
        share = self._flops(placement) / max(self.graph.flops, 1)
        text = f"{share:.1%} of FLOPs in {self.low}"
        if not self.graph.quantizable:
            return text
        int8 = self.graph.flops_int8(placement) / max(self.graph.flops, 1)
        return f"{int8:.1%} of FLOPs in int8, {text}"

    def _describe(self, trial: Trial) -> str:
        share, found = self._share(trial.placement), trial.evaluation
        if found is None:
            return f"{share}  failed: {trial.failure.splitlines()[0]}"
        value = reached(self.judge.criterion, self.judge.baseline, found)
        if not found.full:
            value += f" by the first {found.samples} samples"
        if not found.finite:
            return f"{share}  {value}  outputs are not finite"
        return f"{share}  {value}  {'passes' if trial.holds else 'fails'}"
