"""The search for a placement that meets the criterion.

Everything low first. If that fails, ops are pinned to fp32 in the order of the output
error that each alone is predicted to cause: the shortest prefix that passes is found,
and what of it is not needed is lifted again. Inside every trial the placement is the
minimum cut for its pins. The best passing trial by the objective is delivered first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from ..common.telling.progress import Progress, step
from ..common.timing import Clock
from ..evaluation.criterion import Criterion
from ..evaluation.evaluation import Evaluation, rounded
from ..frameworks.protocol import Traced
from ..graph.graph import Placement, Precision
from ..graph.pins import Pins, Reason
from ..placement import Objective
from ..placement.objectives import place
from .found import Found, plan_of, plans
from .history import History, Unrecorded
from .lifting import lift
from .limits.bounds import Ends
from .limits.movers import with_movers
from .limits.ranges import Ranges, ranged_text
from .limits.reasons import hard_pins
from .sensitivity.estimate import Estimate
from .sensitivity.estimates import Estimates, estimates, in_fewest_bits
from .sensitivity.order import lowerable_ops, pin_order, raised, rounding_ops
from .shrinking.prefix import shortest_prefix
from .shrinking.quickxplain import Shrinking, shrink
from .shrinking.shrinking import Gain, Residual
from .steps import estimates_data, estimates_of, ranges_data, ranges_of
from .trials import Budget, Evaluate, Judge, Trial, Trials


@step("placing ops")
def everything_low(
    traced: Traced,
    *,
    low: Precision,
    objective: Objective,
    pins: Pins,
    largest: Mapping[int, int] | None = None,
    ends: Ends | None = None,
) -> Found:
    """The plan with only the pins that the spec and the probes set, unevaluated."""
    ranges = hard_pins(traced, low, pins, largest, ends)
    graph = ranges.within(traced.graph)
    hard = with_movers(graph, ranges.pins)
    floors = {name: reason.floor for name, reason in hard.items()}
    placement = place(graph, objective.problem(graph, low), floors).placement
    return Found((plan_of(graph, low, objective, placement, hard),))


@step("placing ops")
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
    before: int = 0,
    largest: Mapping[int, int] | None = None,
    ends: Ends | None = None,
) -> Found:
    """Find placements under which the criterion holds.

    Args:
        largest: Length that a size had on the calibration batch → the most that it may
            have; what is missing may be any.
        ends: Input → the largest magnitude that it may have.
        before: Trials of searches for other precisions before this one; its own are
            numbered from there.

    Raises:
        UsageError: A pin matches no op.
        DataError: The data fails, whatever the placement.
        ModelError: No trial could be evaluated.
        KeyboardInterrupt: Interrupted before any trial passed.
    """
    history = history or Unrecorded()
    judge = Judge(evaluate, criterion, baseline, budget.error_rate)
    trials = Trials(
        traced.graph, low, objective, judge, budget, progress, clock, history, before
    )
    run = _Search(traced, trials, budget.seed, largest or {}, ends or {})
    interrupted = False
    try:
        run.search(run.ranges(pins))
    except KeyboardInterrupt:
        if not any(trial.holds for trial in trials.made.values()):
            raise
        interrupted = True
    return Found(
        plans(trials.graph, trials, run.ranking),
        tuple(trials.made.values()),
        interrupted,
        trials.ended,
        run.warnings,
    )


@dataclass
class _Search:
    """Steps 2 to 7 of docs/search.md."""

    traced: Traced
    trials: Trials
    seed: int
    largest: Mapping[int, int]
    ends: Ends
    ranking: tuple[Estimate, ...] = ()
    warnings: tuple[str, ...] = ()

    def ranges(self, pins: Pins) -> Ranges:
        """What is fp32 from the start: no kernel, out of range, the user's pins."""
        low, progress = self.trials.low, self.trials.progress
        progress.live("ranges", f"what {low} can't hold")
        recorded = self.trials.history.remember(
            "ranges",
            lambda: ranges_data(
                hard_pins(self.traced, low, pins, self.largest, self.ends)
            ),
        )
        hard = ranges_of(recorded)
        self.trials.graph = hard.within(self.traced.graph)
        if hard.ranged:
            progress.line("ranges", ranged_text(hard))
        return hard

    def search(self, hard: Ranges) -> None:
        """Everything low; if that fails, the fewest pins with which it passes."""
        trial = self.trials.trial(hard.pins)
        if trial.holds:
            lift(self.traced, self.trials, hard.pins, hard.firm)
            return
        held, trial = self._without_infinities(trial, hard)
        if trial.holds or not self.trials.may_go_on():
            return
        trials = self.trials
        found = self._estimates(trials.low, trial)
        int8 = self._estimates(Precision.INT8, trial)
        self.ranking = in_fewest_bits(found, int8)
        order = pin_order(
            trials.graph,
            trials.low,
            trial.placement,
            found.ranking,
            trials.objective,
            int8.ranking,
        )
        self._pin(held, trials.untied(order), (found, int8), hard.firm)

    def _without_infinities(
        self, first: Trial, hard: Ranges
    ) -> tuple[Mapping[str, Reason], Trial]:
        """The hard pins; what was excused joins them if that makes the outputs finite."""
        infinite = first.evaluation is not None and not first.finite
        if not infinite or not hard.excused or not self.trials.may_go_on():
            return hard.pins, first
        wider = {**hard.pins, **hard.excused}
        trial = self.trials.trial(wider)
        return (wider, trial) if trial.finite else (hard.pins, first)

    def _estimates(self, precision: Precision, trial: Trial) -> Estimates:
        """What each op changes in a precision that it has, or may be raised to."""
        graph, progress = self.traced.graph, self.trials.progress
        if precision is Precision.INT8:
            step, ops = (
                "estimates in int8",
                rounding_ops(graph, precision, trial.placement),
            )
            if not ops:
                return Estimates((), 0)
        else:
            step, ops = "estimates", lowerable_ops(graph, precision, trial.placement)
        progress.live("errors", f"what each op in {precision} changes in the outputs")
        recorded = self.trials.history.remember(
            step,
            lambda: estimates_data(estimates(self.traced, precision, ops, self.seed)),
        )
        found = estimates_of(recorded)
        progress.line("errors", found.text)
        return found

    def _pin(
        self,
        held: Mapping[str, Reason],
        order: Sequence[tuple[str, Reason]],
        found: tuple[Estimates, Estimates],
        firm: Set[str],
    ) -> None:
        trials = self.trials
        steps = {f"{name} {reason.floor}": (name, reason) for name, reason in order}

        def pinned(names: tuple[str, ...]) -> dict[str, Reason]:
            return raised(held, (steps[each] for each in names))

        def passes(names: tuple[str, ...]) -> bool:
            return trials.trial(pinned(names)).holds

        names = tuple(steps)
        prefix = shortest_prefix(
            len(names), lambda length: passes(names[:length]), trials.may_go_on
        )
        if prefix.passing is None:
            if prefix.failing == len(names):
                self.warnings += (self._hopeless(),)
            return
        graph, low = trials.graph, trials.low

        def placed(names: tuple[str, ...]) -> Placement:
            return trials.placed(with_movers(graph, pinned(names)))

        gain = Gain(graph, low, trials.objective, placed)
        low_, int8 = (each.squares for each in found)
        residual = Residual(low, low_, trials.failing(), int8)
        last = prefix.passing - 1
        judged = trials.trial(pinned(names[: prefix.failing])).evaluation is not None
        needed = names[last : last + 1] if prefix.failing == last and judged else ()
        by = Shrinking(
            passes,
            gain.worth,
            lambda names: residual.hopeless(placed(names)),
            trials.may_go_on,
        )
        kept = shrink(
            [n for n in names[: prefix.passing] if n not in needed], needed, by
        )
        lift(self.traced, trials, pinned(kept), firm)

    def _hopeless(self) -> str:
        judge, last = self.trials.judge, list(self.trials.made.values())[-1]
        value = (
            "it fails" if last.evaluation is None else rounded(last.evaluation.value)
        )
        return (
            f"the criterion is not met even with every op in fp32: {judge.baseline.metric} "
            f"is {value} then, {rounded(judge.baseline.value)} as loaded. Rounding is not "
            "to blame: look for randomness in the model or the data, or widen the criterion"
        )
