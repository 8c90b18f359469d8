"""A run's way to a plan: costs and the search, or what an earlier run decided."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from ..evaluation.baseline import Baseline, doubts
from ..evaluation.criterion import Criterion
from ..evaluation.evaluation import Evaluation
from ..frameworks.protocol import Formable, Traced
from ..graph.graph import Precision
from ..graph.pins import Pins
from ..placement import Objective
from ..placement.costs import Costs, MachineProfile, StaticCosts
from ..placement.measured import cache as cost_cache
from ..placement.measured.data import costs_of
from ..placement.measured.measured import SECONDS_EACH, MeasuredCosts, measured_costs
from ..placement.measured.sources import Wanted, costs_text, find_costs, find_forms
from ..placement.measured.subject import circumstances, subject
from ..record.plan import read_document, recorded_forms
from ..record.rebuild import Rebuilding
from ..record.recorded import history_path
from ..record.replay import changes, committed
from ..record.resume import best_trial, check_question, check_search, opened
from ..record.sources import Sources, hashes
from ..report.report import Judgement, counted, shown
from ..search import Budget, Evaluate, Found, search
from .interrupts import Interruptible, interruptible
from .provenance import provenance
from .scoring import Scoring

F = TypeVar("F", bound=Formable)


@dataclass
class Searching(Scoring):
    """The steps from a traced model to plans."""

    def begin(self) -> None:
        """Open the history that the options ask for: a replay has none.

        Raises:
            UsageError: It is of another script, or damaged, or has no such trial.
        """
        given = self.options
        if self._replays:
            return
        self.history = opened(
            given.plan,
            self.name,
            self.script,
            resume=given.resume,
            trial=given.trial,
            progress=self.progress,
        )
        usual = self.folder / f"{self.name}.plan.json"
        asked = given.search or given.trial is not None
        if not given.plan.exists() and given.plan != usual and not asked:
            self.warn(f"there is no {shown(given.plan)}: a search will write it")

    def _same_search(self, traced: Traced, low: Precision) -> None:
        """Hold model, data and graph against those of the history that is resumed."""
        if self.checked:
            return
        self.checked = True
        name = history_path(self.options.plan).name
        files = hashes(self.sources, self.script)
        self.modules, changes = check_search(
            self.history, name, traced.graph, low, files, self.machine
        )
        for text in changes:
            self.warn(text)

    def _budget(self, budget: Budget) -> Budget:
        """The script's budget, unless the command line says otherwise."""
        trials, timeout = self.options.max_trials, self.options.timeout
        return replace(
            budget,
            max_trials=budget.max_trials if trials is None else trials,
            timeout=budget.timeout if timeout is None else timeout or None,
        )

    def in_fastest_forms(self, traced: F, *, low: Precision) -> F:
        """The model with the kernels that are fastest here, or that the plan says.

        Raises:
            PlanError: The plan asks for a kernel that the model has no place for.
        """
        if self._replays:
            name = self.options.plan.name
            recorded = recorded_forms(read_document(self.options.plan), name)
            traced = traced.with_forms(recorded)
        else:
            self.progress.live("kernels", "timing what computes the same")

            def timed() -> dict[str, str]:
                found = traced.with_fastest_forms(low, self.clock, SECONDS_EACH)
                return dict(found.forms)

            wanted = self._wanted(traced, low)
            measure = timed if self._measures else None
            make = partial(find_forms, self.options.costs, wanted, measure)
            traced = traced.with_forms(self.history.remember(f"forms {low}", make))
        self.formed = traced
        if traced.forms:
            self.progress.line("kernels", counted(traced.forms))
        return traced

    def _wanted(self, traced: Traced, low: Precision) -> Wanted:
        forms = self.formed.forms if self.formed else {}
        return Wanted(
            subject(traced, low, forms),
            circumstances(traced, self.machine),
            cost_cache.folder(os.environ),
        )

    def measure(
        self, traced: Traced, *, low: Precision, profile: MachineProfile
    ) -> Costs:
        """What ops and casts cost here; by `profile` where this is not the target.

        `--costs` may say otherwise; what a search that is resumed began with comes first.

        Raises:
            UsageError: The file of costs is of something else, or can't be written.
        """
        self._same_search(traced, low)
        static = StaticCosts(traced.graph, profile)
        self.progress.live("costs", "timing ops and casts")

        def measured() -> MeasuredCosts:
            return measured_costs(traced, low, static, self.clock, self.evaluation)

        wanted = self._wanted(traced, low)
        wanted = replace(wanted, of={**wanted.of, "static": profile.name})
        make = partial(
            find_costs,
            self.options.costs,
            wanted,
            static,
            measured if self._measures else None,
        )
        found = self.history.remember(f"costs {low}", make)
        if found["costs"] is None:
            self.warn(f"costs are those of {profile.name}: {found['from']}")
            return static
        self.costs = costs_of(found["costs"], static)
        self.progress.line("costs", costs_text(self.costs, low, found["from"]))
        return self.costs

    def search(
        self,
        traced: Traced,
        evaluate: Evaluate,
        *,
        low: Precision,
        objective: Objective,
        pins: Pins,
        criterion: Criterion,
        baseline: Evaluation,
        budget: Budget,
    ) -> Found:
        """Find placements under which the criterion holds (`search.search`)."""
        for doubt in doubts(criterion, self.judged_by or Baseline(baseline)):
            if doubt not in self.warnings:  # each precision is searched for
                self.warn(doubt)
        self.interrupts.hold()
        self._same_search(traced, low)
        if self.options.costs and objective.name != "latency":
            self.warn(f"--costs says nothing to objective {objective.name}")
        name = history_path(self.options.plan).name
        check_question(self.history, name, low, objective.name, criterion, pins)
        found = search(
            traced,
            interruptible(evaluate, self.interrupts),
            low=low,
            objective=objective,
            pins=pins,
            criterion=criterion,
            baseline=baseline,
            budget=self._budget(budget),
            progress=self.progress,
            clock=self.clock,
            history=Interruptible(self.history, self.interrupts, low),
        )
        for warning in found.warnings:
            self.warn(warning)
        self.passed = best_trial(found)
        return found

    def replay(
        self, traced: Traced, *, low: Precision, pins: Pins, sources: Sources
    ) -> Found | None:
        """The committed plan, if there is one and no new search was asked for.

        Or that of the trial that was asked for.

        Raises:
            PlanError: The plan does not fit the model or the pins.
        """
        path = self.options.plan
        self.sources = sources
        if isinstance(self.history, Rebuilding):
            self._same_search(traced, low)
            plan = self.history.plan(traced.graph, low)
            self.progress.line("trial", f"rebuilding trial {plan.trials}")
            return Found((plan,))
        if not self._replays:
            return None
        content = read_document(path)
        plan = committed(content, traced.graph, low, pins, path.name)
        self.replayed = content
        now = self._provenance(traced, sources)
        self.changes = tuple(changes(content, now, path.name))
        for change in self.changes:
            self.warn(change)
        self.progress.line("plan", f"replaying {path.name}")
        return Found((plan,))

    def _provenance(
        self, traced: Traced, sources: Sources, judgement: Judgement | None = None
    ) -> dict[str, Any]:
        modules = tuple(dict.fromkeys((*sources.modules, *self.modules)))
        return provenance(
            self.name,
            self.script,
            self.machine,
            traced.switches,
            traced.notes,
            replace(sources, modules=modules),
            self.costs,
            judgement,
        )
