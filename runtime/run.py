"""One run of a generated script: the steps that are the same for every model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from . import cost_cache
from .baseline import (
    Baseline,
    baseline_data,
    baseline_of,
    carries_state,
    doubts,
    measured_baseline,
)
from .comparison import (
    Timed,
    contenders,
    known_score,
    measured,
    timed_as_recorded,
    timed_data,
)
from .converted import Converted, better, described_result
from .cost_data import costs_of
from .cost_sources import Choice, Wanted, costs_text, find_costs, find_forms
from .cost_subject import circumstances, subject
from .costs import Costs, MachineProfile, StaticCosts
from .criterion import Criterion
from .delivery import candidate, candidate_hash, destination, discard, temporary
from .errors import ModelError, RequirementError
from .evaluation import (
    Batches,
    Beside,
    Evaluation,
    Watch,
    evaluate,
    first_inputs,
    rounded,
)
from .finish import (
    bytes_differ,
    checked,
    compiled_package,
    nothing_low,
    plan_content,
    put_in_place,
    saved_drift,
    saved_evaluation,
    why_nothing,
)
from .frameworks.protocol import Formable, Inputs, LoadSaved, Predict, Traced
from .fresh import in_fresh_process
from .graph import Precision
from .hardware.answers import FRAMEWORKS
from .hardware.requirements import Machine, Requirements, require
from .history import History, Unrecorded
from .interrupts import Interruptible, Interrupts, interruptible
from .loading import loaded
from .measured import SECONDS_EACH, MeasuredCosts, measured_costs
from .metrics.metric import Metric
from .pins import Pins
from .placement import Objective
from .plain_data import evaluation, evaluation_data, latencies_data
from .plan import Plan, document, read_document, recorded_forms
from .progress import Progress
from .provenance import executed, provenance
from .rebuild import Rebuilding
from .recorded import history_path
from .replay import changes, committed
from .report import Judgement, Package, Report, counted, gathered, shown
from .resume import best_trial, check_question, check_search, opened
from .saved import time_file
from .search import Budget, Evaluate, Found, search
from .sharding import Job, LoadedModel, Predictor, Save, SavedModel, Workers
from .signature import Input, held_to
from .sources import Sources, hashes
from .timing import Clock, Latency

T = TypeVar("T")
State = tuple[Machine | None, MeasuredCosts | None, Formable | None]
F = TypeVar("F", bound=Formable)


@dataclass(frozen=True, slots=True)
class Options:
    """What the script's command line says.

    Attributes:
        output: Folder for the converted model.
        plan: The lock file to replay or to write.
        search: Make a new plan although there is one.
        resume: Take up the search that another run began.
        trial: Rebuild this trial of an earlier search; `output` is its own folder.
        max_trials: In place of the script's budget.
        timeout: In place of the script's budget, seconds; 0 for no limit.
        workers: Processes that evaluate at once; None if nothing is said.
        json: Print the report as JSON.
        costs: A file of costs to use or to write, "static", or None to measure.
    """

    output: Path
    plan: Path
    search: bool = False
    resume: bool = False
    trial: int | None = None
    max_trials: int | None = None
    timeout: float | None = None
    workers: int | None = None
    json: bool = False
    costs: Choice = None


@dataclass
class Run:
    """What one run knows: its options, and what it found out on the way."""

    name: str
    script: Path
    options: Options
    progress: Progress
    clock: Clock
    warnings: list[str] = field(default_factory=list)
    machine: Machine | None = None
    machines: dict[Precision, Machine] = field(default_factory=dict)
    replayed: dict[str, Any] | None = None
    changes: tuple[str, ...] = ()
    costs: MeasuredCosts | None = None
    formed: Formable | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)
    passed: int | None = None
    checked: bool = False
    evaluation: float = 0.0
    unjudged: list[Path] = field(default_factory=list)
    history: History = field(default_factory=Unrecorded)
    sources: Sources = field(default_factory=Sources)
    modules: tuple[str, ...] = ()
    workers: Workers | None = None
    stateful: bool = False
    judged_by: Baseline | None = None

    @property
    def folder(self) -> Path:
        """The script's folder: paths in the plan are relative to it."""
        return self.script.parent

    @property
    def output(self) -> Path:
        """Folder for the converted model."""
        return self.options.output

    def require(self, requirements: Requirements) -> None:
        """Stop here unless framework and machine can do what is asked for.

        Raises:
            RequirementError: Something is missing; nothing was touched yet.
        """
        self.machine = self._machine(requirements)

    def require_any(
        self, requirements: Sequence[Requirements]
    ) -> tuple[Precision, ...]:
        """The precisions that framework and machine can do: of a plan, its own alone.

        Raises:
            RequirementError: None of them can be done; nothing was touched yet.
        """
        given = None
        if isinstance(self.history, Rebuilding):
            given = str(self.history.past.low)
        elif self._replays:
            given = str(read_document(self.options.plan).get("precision"))
        wanted = [each for each in requirements if str(each.precision) == given]
        refused: list[RequirementError] = []
        for each in wanted or requirements:
            try:
                self.machines[each.precision] = self._machine(each)
            except RequirementError as error:
                refused.append(error)
        if not self.machines:
            raise refused[0]
        for left in refused:
            self.warn(f"left out: {left.message}")
        self.machine = next(iter(self.machines.values()))
        return tuple(self.machines)

    def better(
        self,
        lows: Sequence[Precision],
        convert_to: Callable[[Precision], Converted],
    ) -> Converted:
        """Convert to each precision and keep the better, by `converted.better`.

        One that fails is a warning while another works.

        Raises:
            ModelError: The model can be converted to none.
        """
        made: dict[Precision, tuple[Converted, State]] = {}
        refused: list[ModelError] = []
        for low in lows:
            self.machine, self.costs, self.formed = self.machines[low], None, None
            self.checked = False
            try:
                made[low] = convert_to(low), (self.machine, self.costs, self.formed)
            except ModelError as error:
                refused.append(error)
                self.progress.line(str(low), f"failed: {error.message}")
                continue
            except KeyboardInterrupt:
                if not made:
                    raise
                break
            self.progress.line(str(low), described_result(made[low][0]))
            if self.interrupts.came:
                break
        if not made:
            raise refused[0]
        for left in refused:
            self.warn(f"left out: {left.message}")
        # Predicted seconds are comparable where they were measured.
        here = [one for one, (machine, *_) in made.values() if _target(machine)]
        by_clock = any(one.holds and one.plan.objective == "latency" for one in here)
        best = better(here if by_clock else [one for one, _state in made.values()])
        self.machine, self.costs, self.formed = made[best.plan.low][1]
        if len(lows) > 1 and self.replayed is None:
            self.progress.line("precision", f"{best.plan.low} is kept")
        return best

    def _machine(self, requirements: Requirements) -> Machine:
        """What the check of requirements finds; its warnings are said."""

        def answer(precision: Precision, device: Any) -> Any:
            adapter = FRAMEWORKS[requirements.distribution].adapter
            module = import_module(f".frameworks.{adapter}.answers", __package__)
            return module.answer(precision, device)

        found = require(requirements, os.environ, answer)
        for warning in found.warnings:
            self.warn(warning)
        return found

    def warn(self, text: str) -> None:
        """Say it now and in the report."""
        self.warnings.append(text)
        self.progress.line("warning", text)

    def load(self, load_model: Callable[[], T]) -> T:
        """Call the script's load_model.

        Raises:
            ModelError: It failed, in its own words.
        """
        self.progress.live("load", self.name)
        model, said = loaded(load_model, self.folder)
        for text in said:
            self.warn(text)
        return model

    def first(self, batches: Batches) -> Inputs:
        """The inputs of the first batch."""
        return first_inputs(batches)

    def evaluate(
        self,
        predictor: Callable[[Any], Predict],
        model: Any,
        batches: Batches,
        metric: Callable[[], Metric],
        watch: Watch | None = None,
        *,
        saved: tuple[str, Save, LoadSaved] | None = None,
    ) -> Evaluation:
        """Score a model on all batches, or on as many as `watch` wants to see.

        Args:
            saved: How workers get the model: a file's name, what writes it, what
                opens it. Without, it is scored in this process.
        """
        if self.workers is None or saved is None or self.stateful:
            tick = self.progress.batch
            return evaluate(predictor(model), batches, metric, tick, watch)
        name, save, load_saved = saved
        with temporary(self.output) as folder:
            opens = SavedModel(load_saved, save(model, folder / name))
            job = Job(opens, batches, metric)
            return self.workers.evaluate(job, self.progress.batch, watch)

    def baseline(
        self,
        predict: Predict,
        batches: Batches,
        metric: Callable[[], Metric],
        inputs: Sequence[Input] = (),
        *,
        loading: tuple[Callable[[], Any], Predictor] | None = None,
    ) -> Evaluation:
        """Score the model as loaded.

        Args:
            inputs: If given, every batch is held against what is declared here.
            loading: How workers get the model. Without, it is scored in this process.

        Raises:
            ModelError: It fails on the data.
            DataError: Its outputs or its metric are not finite.
        """
        self.progress.live("baseline", "the model as loaded")
        data = held_to(batches, inputs) if inputs else batches
        self.stateful = self.workers is not None and carries_state(predict, data)
        if self.stateful:
            text = "the model carries state from batch to batch: one process scores it"
            self.progress.line("workers", text)

        def scored(beside: Beside) -> Evaluation:
            tick = self.progress.batch
            if self.workers is None or loading is None or self.stateful:
                return evaluate(predict, data, metric, tick, beside=beside)
            model = LoadedModel(*loading, inputs)
            job = Job(model, batches, metric, inputs, zeros=True)
            return self.workers.evaluate(job, tick, beside=beside)

        def make() -> dict[str, Any]:
            return baseline_data(
                measured_baseline(predict, data, metric, scored, self.clock)
            )

        self.judged_by = baseline_of(self.history.remember("baseline", make))
        self.evaluation = self.judged_by.seconds
        found, again = self.judged_by.found, self.judged_by.again
        value = rounded(found.value)
        if again is not None:
            self.warn(
                "the model is not deterministic: two passes over the data gave "
                f"{found.metric} {value} and {rounded(again)}"
            )
        self.progress.line("baseline", f"{found.metric} {value}")
        return found

    def _budget(self, budget: Budget) -> Budget:
        """The script's budget, unless the command line says otherwise."""
        trials, timeout = self.options.max_trials, self.options.timeout
        return replace(
            budget,
            max_trials=budget.max_trials if trials is None else trials,
            timeout=budget.timeout if timeout is None else timeout or None,
        )

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
        if not given.plan.exists() and given.plan != usual and given.trial is None:
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

    @property
    def _replays(self) -> bool:
        given = self.options
        anew = given.search or given.resume or given.trial is not None
        return not anew and given.plan.exists()

    @property
    def _measures(self) -> bool:
        """Whether this machine is the one to time things on."""
        return _target(self.machine)

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

    def candidate(self, name: str) -> Path:
        """Where a model is saved before it is judged: what is there stays till then."""
        number = 1 + sum(path.name == name for path in self.unjudged)
        path = candidate(self.output, name, number)
        self.unjudged.append(path)
        return path

    def discard(self) -> None:
        """Remove the models that were saved and never judged; end the workers."""
        if self.workers is not None:
            self.workers.close()
        for path in self.unjudged:
            discard(path)

    def compile(
        self, compile_saved: Callable[[Path, Path], Path], saved: Path, package: Path
    ) -> Path:
        """Compile a saved model, in a process of its own."""
        return compiled_package(self.progress, compile_saved, saved, package)

    def evaluate_saved(
        self,
        load_saved: LoadSaved,
        path: Path,
        batches: Batches,
        metric: Callable[[], Metric],
    ) -> Evaluation:
        """Score a saved model in fresh processes, exactly and in full."""

        def make() -> dict[str, Any]:
            if self.workers is None or self.stateful:
                found = saved_evaluation(
                    self.progress, load_saved, path, batches, metric
                )
            else:
                self.progress.live("check", f"{path.name} in fresh processes")
                self.workers.close()
                job = Job(SavedModel(load_saved, path), batches, metric)
                found = self.workers.evaluate(job, self.progress.batch)
                self.progress.line("check", checked(found, path, "the workers"))
            return evaluation_data(found)

        step = f"check {path.name} {candidate_hash(path)}"
        return evaluation(self.history.remember(step, make))

    def time(
        self,
        traced: Traced,
        found: Found,
        plan: Plan,
        load_model: Callable[[], Any],
        predictor: Predictor,
        load_saved: LoadSaved,
        path: Path,
        batches: Batches,
        inputs: Sequence[Input],
        *,
        evaluate: Evaluate | None = None,
        compiled: tuple[LoadSaved, Path] | None = None,
    ) -> Timed | None:
        """Latency per batch of fp32 as loaded and prepared, a list's placement, and `path`.

        Measured in a fresh process, all in turn; None where the machine is not the
        target.

        Args:
            evaluate: If given, scores the rule-based placement where no trial did.
        """
        if not self._measures:
            return None
        if self.workers is not None:
            self.workers.close()  # nothing else may run while it is timed
        self.progress.live("time", "fp32, rule-based placement and result in turn")
        others = contenders(traced.graph, plan, self.replayed is not None)

        def time(files: Mapping[str, Path]) -> dict[str, Latency]:
            return in_fresh_process(
                time_file,
                load_model,
                predictor,
                load_saved,
                files,
                batches,
                inputs,
                self.clock,
                compiled,
            )

        def make() -> dict[str, Any]:
            found, aside = measured(traced, path, others, self.candidate, time)
            return {"latency": latencies_data(found), "aside": aside}

        def score() -> dict[str, Any] | None:
            scored = known_score(others, found, evaluate)
            return None if scored is None else evaluation_data(scored)

        step = f"{path.name} {candidate_hash(path)}"
        try:
            with self.interrupts.ending():
                recorded = self.history.remember(f"time {step}", make)
                scored = self.history.remember(f"score rules for {step}", score)
                return timed_as_recorded(
                    traced.graph, plan.low, others, recorded, scored
                )
        except KeyboardInterrupt:  # what was checked is delivered all the same
            return None

    def drift(
        self, fp32: Predict, load_saved: LoadSaved, path: Path, batches: Batches
    ) -> float:
        """Output error of a saved model on the first batch, in a fresh process.

        RMS of the difference over the RMS of fp32's output, the largest over outputs.
        """
        return saved_drift(self.progress, fp32, load_saved, path, batches)

    def finish(
        self,
        traced: Traced,
        found: Found,
        plan: Plan,
        saved: Path,
        *,
        sources: Sources,
        judgement: Judgement | None = None,
        drift: float | None = None,
        timed: Timed | None = None,
        package: Package | None = None,
    ) -> Report:
        """Put model, package and plan in place, and gather the report.

        A plan that misses the criterion goes to a file of its own: a lock would be
        replayed by the next run. A model and its package are one result: either misses
        for both.
        """
        if bytes_differ(saved, self.replayed, self.changes):
            self.warn("the same inputs gave another file than the plan's")
        if nothing_low(traced.graph, plan):
            self.warn(f"every op stays fp32: {why_nothing(plan)}")
        parts = (judgement, package.judgement if package else None)
        missed = any(each is not None and not each.holds for each in parts)
        missed = missed and self.options.trial is None  # its folder is its own
        forms = self.formed.forms_in_use(plan.placement) if self.formed else {}
        report = gathered(
            name=self.name,
            graph=traced.graph,
            plan=plan,
            found=found,
            judgement=judgement,
            drift=drift,
            timed=timed,
            interrupted=found.interrupted or self.interrupts.came,
            replayed=self.replayed is not None,
            rebuilt=self.options.trial,
            is_target=self._measures,
            script=self.script,
            saved=saved,
            kernels=counted(forms),
            plan_path=self._plan_path(missed),
            warnings=tuple(self.warnings),
            notes=traced.notes,
            package=package
            and replace(package, path=destination(package.path, missed)),
        )
        content = None
        if self.replayed is None:
            made = self._provenance(traced, sources, judgement)
            made |= timed_data(timed)
            content = plan_content(document(plan, traced.graph, made), forms, saved)
            content |= executed(report.package)
        put_in_place(
            saved, package.path if package else None, report.plan, content, missed
        )
        return replace(report, model=destination(saved, missed))

    def _plan_path(self, missed: bool) -> Path:
        """Where the plan is, or is written to."""
        lock = self.options.plan
        if self.options.trial is not None:
            return self.output / lock.name
        new = self.replayed is None
        return lock.with_suffix(".failed.json") if new and missed else lock

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


def _target(machine: Machine | None) -> bool:
    return machine is not None and machine.is_target
