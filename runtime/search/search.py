"""The search for a placement that meets the criterion.

Everything low first; if that fails, ops are pinned to fp32 in the order of the output
error that each alone causes, in prefixes that double until one passes and are then
bisected. The best passing trial by the objective is delivered first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..criterion import Criterion
from ..errors import DataError, ModelError, UsageError
from ..evaluation import Evaluation, Watch, rounded
from ..frameworks.protocol import Traced
from ..graph import Placement, Precision
from ..history import History, Unrecorded
from ..pins import Pins, Reason
from ..placement import Objective
from ..plan import Plan
from ..progress import Progress
from ..ranges import Ranges, ranged_text
from ..reasons import fp32_reasons, hard_pins
from ..sequential import paired_watch, settled
from ..timing import Clock
from ..unrounded import with_movers
from .sensitivity import sensitivity_order

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
    """

    max_trials: int = 20
    timeout: float | None = None
    error_rate: float = 0.05


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


@dataclass(frozen=True)
class Found:
    """What a search found: plans to deliver, best first.

    Attributes:
        plans: Those of passing trials by the objective; without any, of the failing
            trial that came closest.
        trials: All trials in order; empty for a replayed plan.
        interrupted: True if Ctrl-C or SIGTERM ended the search.
        ended: What of the budget ended it early, "" if nothing did.
    """

    plans: tuple[Plan, ...]
    trials: tuple[Trial, ...] = ()
    interrupted: bool = False
    ended: str = ""

    def __iter__(self) -> Iterator[Plan]:
        return iter(self.plans)


def everything_low(
    traced: Traced, *, low: Precision, objective: Objective, pins: Pins
) -> Found:
    """The plan with only the pins that the spec and the probes set, unevaluated."""
    hard = with_movers(traced.graph, hard_pins(traced, low, pins).pins)
    placement = objective(traced.graph, low, hard.keys()).placement
    reasons = fp32_reasons(traced.graph, placement, hard, low, objective)
    return Found((Plan(low, placement, reasons, objective.name, 0),))


def search(
    traced: Traced,
    evaluate: Evaluate,
    *,
    low: Precision,
    objective: Objective,
    pins: Pins,
    criterion: Criterion,
    baseline: Evaluation,
    budget: Budget,
    progress: Progress,
    clock: Clock,
    history: History | None = None,
    seed: int = 0,
) -> Found:
    """Find placements under which the criterion holds.

    Raises:
        UsageError: A pin matches no op.
        DataError: The data fails, whatever the placement.
        ModelError: No trial could be evaluated.
        KeyboardInterrupt: Interrupted before any trial passed.
    """
    history = history or Unrecorded()
    run = _Search(
        traced, evaluate, low, objective, criterion, baseline, budget, progress, clock
    )
    progress.live("ranges", f"what {low} can't hold")
    hard = hard_pins(traced, low, pins)
    if hard.ranged:
        progress.line("ranges", ranged_text(hard))
    interrupted = False
    try:
        if not run.trial(hard.pins).holds:
            _pin_until_it_holds(run, _without_infinities(run, hard))
    except KeyboardInterrupt:
        if not any(trial.holds for trial in run.trials):
            raise
        interrupted = True
    return Found(run.plans(), tuple(run.trials), interrupted, run.ended)


def _without_infinities(run: _Search, hard: Ranges) -> Mapping[str, Reason]:
    """The hard pins; what was excused joins them if that makes the outputs finite."""
    first = run.trials[0].evaluation
    if first is None or first.finite or not hard.excused or not run.may_go_on():
        return hard.pins
    wider = {**hard.pins, **hard.excused}
    found = run.trial(wider).evaluation
    return wider if found is not None and found.finite else hard.pins


def _pin_until_it_holds(run: _Search, hard: Mapping[str, Reason]) -> None:
    if run.trials[-1].holds:
        return
    order = sensitivity_order(run.traced, run.low, run.trials[-1].placement)
    failing, size = 0, 1
    while failing < len(order) and run.may_go_on():
        size = min(size, len(order))
        if run.trial({**hard, **dict(order[:size])}).holds:
            break
        failing, size = size, size * 2
    else:
        return
    passing = size
    while passing - failing > 1 and run.may_go_on():
        middle = (failing + passing) // 2
        if run.trial({**hard, **dict(order[:middle])}).holds:
            passing = middle
        else:
            failing = middle


@dataclass
class _Search:
    traced: Traced
    evaluate: Evaluate
    low: Precision
    objective: Objective
    criterion: Criterion
    baseline: Evaluation
    budget: Budget
    progress: Progress
    clock: Clock
    trials: list[Trial] = field(default_factory=list)
    started: float = 0.0
    ended: str = ""

    def __post_init__(self) -> None:
        self.started = self.clock()

    def may_go_on(self) -> bool:
        """Whether the budget allows another trial; keeps what of it does not."""
        limit = self.budget.timeout
        if limit is not None and self.clock() - self.started >= limit:
            self.ended = f"timeout of {limit:g} s"
        elif len(self.trials) >= self.budget.max_trials:
            self.ended = f"max_trials {self.budget.max_trials}"
        return not self.ended

    def trial(self, pins: Mapping[str, Reason]) -> Trial:
        """Place with these pins and evaluate, unless that placement was tried."""
        pins = with_movers(self.traced.graph, pins)
        placed = self.objective(self.traced.graph, self.low, pins.keys())
        known = next((t for t in self.trials if t.placement == placed.placement), None)
        if known is not None:
            return known
        number = len(self.trials) + 1
        self.progress.live(f"trial {number}", self._share(placed.placement))
        trial = self._evaluated(Trial(number, pins, placed.placement, None, False))
        self.trials.append(trial)
        self.progress.line(f"trial {number}", self._describe(trial))
        return trial

    def _evaluated(self, trial: Trial) -> Trial:
        try:
            watch = paired_watch(self.baseline, self.criterion, self.budget.error_rate)
            found = settled(self.evaluate(trial.placement, watch), self.baseline)
        except (DataError, UsageError):
            raise
        except Exception as error:  # a trial that fails is a failed trial, not the end
            return replace(trial, failure=f"{type(error).__name__}: {error}")
        holds = found.finite and self.criterion.holds(self.baseline.value, found.value)
        return replace(trial, evaluation=found, holds=holds)

    def plans(self) -> tuple[Plan, ...]:
        """Passing trials, best by the objective first; else the one that came closest."""
        passing = [t for t in self.trials if t.holds]
        passing.sort(key=lambda t: self.objective.rank(self.traced.graph, t.placement))
        return tuple(self._plan(t) for t in passing or [self._closest()])

    def _closest(self) -> Trial:
        scored = [t for t in self.trials if t.evaluation is not None]
        if not scored:
            raise ModelError(
                f"no trial could be evaluated; the first: {self.trials[0].failure}",
                "Pin the op that fails to fp32, or convert to the other precision.",
            )
        return min(scored, key=self._loss)

    def _plan(self, trial: Trial) -> Plan:
        reasons = fp32_reasons(
            self.traced.graph, trial.placement, trial.pins, self.low, self.objective
        )
        name = self.objective.name
        return Plan(self.low, trial.placement, reasons, name, len(self.trials))

    def _loss(self, trial: Trial) -> float:
        assert trial.evaluation is not None
        loss = self.criterion.loss(self.baseline.value, trial.evaluation.value)
        return loss if trial.evaluation.finite and loss == loss else math.inf

    def _share(self, placement: Placement) -> str:
        graph = self.traced.graph
        flops = sum(op.flops for op in graph.ops if placement[op.id] == self.low)
        return f"{flops / max(graph.flops, 1):.1%} of FLOPs in {self.low}"

    def _describe(self, trial: Trial) -> str:
        share = self._share(trial.placement)
        if trial.evaluation is None:
            return f"{share}  failed: {trial.failure.splitlines()[0]}"
        value = f"{trial.evaluation.metric} {rounded(trial.evaluation.value)}"
        if not trial.evaluation.finite:
            return f"{share}  {value}  outputs are not finite"
        return f"{share}  {value}  {'passes' if trial.holds else 'fails'}"
