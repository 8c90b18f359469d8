"""The way from a traced model to plans, for one precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ..common.delivery import temporary
from ..evaluation.batches import Batches
from ..evaluation.evaluation import Evaluation, Watch, evaluate
from ..evaluation.judging.doubts import doubts
from ..evaluation.metrics.eval_func import score_model
from ..evaluation.sharding import Job, SavedModel
from ..evaluation.sizes import Sizes
from ..frameworks.inputs import ends
from ..frameworks.protocol import Formable, LoadSaved, Opener, Traced
from ..frameworks.quantizing.quantization import Quantization
from ..graph.graph import Placement, Precision
from ..graph.pins import Pins, check_pins
from ..hardware.requirements import Machine
from ..placement import Objective
from ..placement.costs import Costs, MachineProfile, StaticCosts
from ..placement.measured.measured import MeasuredCosts
from ..record.plan import read_document, recorded_forms
from ..record.provenance import provenance
from ..record.rebuild import Rebuilding
from ..record.recorded import history_path
from ..record.replay import changes, committed
from ..record.resume import best_trial, check_question, check_search
from ..record.sources import hashes
from ..search import Budget, Found, everything_low, search
from ..search.sensitivity.worst import TOLERATED
from .context import Context
from .interrupts import Interruptible, interruptible
from .kernels import costing
from .kernels.quantizing import int8_data, quantized, tell_of_hardware
from .scoring import hold_to_data, tell_of_other_data
from .slots import freeing
from .slots.slots import Slots, Standard


@dataclass
class Conversion:
    """A model traced for one precision, and all that is found out on the way.

    Attributes:
        model: As loaded.
        machine: What `Run.require` found for the precision.
        file: Name of the converted model.
        package: Name of the compiled package, "" for none.
        standard: What trials are held against, None without an evaluation.
        sizes: Those that vary, and what they were in the data.
        costs: What ops and casts were measured to cost, None if they were not.
        replayed: The committed plan's content, None if none is replayed.
        changes: What the plan was made with that is not so now.
        calibration: What int8's ranges are of, as plans have it; {} for no data.
        modules: Python modules that the search was begun with.
        held_to_history: Whether model, data and graph were compared with the history's.
        tolerated: Output error that is not warned of where nothing is judged.
    """

    context: Context
    slots: Slots
    model: Any
    machine: Machine | None
    traced: Traced
    low: Precision
    file: str
    pins: Pins
    package: str = ""
    standard: Standard | None = None
    sizes: Sizes = field(default_factory=Sizes)
    costs: MeasuredCosts | None = None
    replayed: Mapping[str, Any] | None = None
    changes: tuple[str, ...] = ()
    calibration: Mapping[str, Any] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    held_to_history: bool = False
    tolerated: float = TOLERATED

    @property
    def timed_here(self) -> bool:
        """Whether this machine is the one to time things on."""
        return self.machine is not None and self.machine.is_target

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for summary and plan: what was done before, what was seen of data."""
        return (*freeing.notes(self.traced), *self.slots.notes, *self.sizes.notes)

    @property
    def forms(self) -> Mapping[str, str]:
        """Kernels that stand for ops; none in an adapter that has no such forms."""
        return self.traced.forms if isinstance(self.traced, Formable) else {}

    def forms_in_use(self, placement: Placement) -> Mapping[str, str]:
        """Those of the forms whose ops are all low."""
        traced = self.traced
        return traced.forms_in_use(placement) if isinstance(traced, Formable) else {}

    def quantized(self, how: Quantization, own: Batches | None = None) -> Conversion:
        """The same with int8 kernels (`quantizing.quantized`)."""
        if not self.context.replays:
            self._hold_to_history()
        check_pins(self.traced.graph, self.pins)  # before data are read for minutes
        tell_of_hardware(self.context, self.machine)
        made = quantized(self.context, self.slots, self.traced, self.low, how, own)
        return replace(self, traced=made.traced, calibration=made.calibration)

    def replay(self) -> Found | None:
        """The committed plan, if there is one and no new search was asked for.

        Or that of the trial that was asked for.

        Raises:
            PlanError: The plan does not fit the model or the pins.
        """
        history, path = self.context.history, self.context.options.plan
        if isinstance(history, Rebuilding):
            self._hold_to_history()
            plan = history.plan(self.traced.graph, self.low)
            self.context.progress.line("trial", f"rebuilding trial {plan.trials}")
            return Found((plan,))
        if not self.context.replays:
            return None
        self.replayed = content = read_document(path)
        plan = committed(content, self.traced.graph, self.low, self.pins, path.name)
        self.changes = tuple(changes(content, self.provenance(), path.name))
        for change in self.changes:
            self.context.warn(change)
        self.context.progress.line("plan", f"replaying {path.name}")
        return Found((plan,))

    def everything_low(self, objective: Objective) -> Found:
        """The plan with only the pins that the spec and the probes set, unevaluated."""
        return everything_low(
            self.traced,
            low=self.low,
            objective=objective,
            pins=self.pins,
            largest=self.sizes.largest,
            ends=ends(self.slots.inputs, self.traced.graph.inputs),
        )

    def search(self, objective: Objective, budget: Budget) -> Found:
        """Find placements under which the criterion holds (`search.search`).

        Where nothing is judged there is one: everything low that can be.
        """
        context, standard = self.context, self.standard
        if standard is None:
            return self.everything_low(objective)
        for doubt in doubts(standard.criterion, standard.judged_by):
            context.warn(doubt)
        context.interrupts.hold()
        self._hold_to_history()
        if context.options.costs and objective.name != "latency":
            context.warn(f"--costs says nothing to objective {objective.name}")
        check_question(
            context.history,
            history_path(context.options.plan).name,
            self.low,
            objective.name,
            standard.criterion,
            self.pins,
        )
        history = Interruptible(context.history, context.interrupts, self.low)
        before = context.trials
        try:
            plans = search(
                self.traced,
                interruptible(self.evaluate, context.interrupts),
                low=self.low,
                objective=objective,
                pins=self.pins,
                criterion=standard.criterion,
                baseline=standard.baseline,
                budget=context.options.within(budget),
                progress=context.progress,
                clock=context.clock,
                history=history,
                before=before,
                largest=self.sizes.largest,
                ends=ends(self.slots.inputs, self.traced.graph.inputs),
            )
        finally:
            context.trials = before + history.trials
        for warning in plans.warnings:
            context.warn(warning)
        context.passed = best_trial(plans)
        if plans.ended and context.passed is None:
            context.warn(plans.more)
        return plans

    def evaluate(self, placement: Placement, watch: Watch) -> Evaluation:
        """Convert by a placement and score that, on as much data as `watch` wants."""
        context, adapter, standard = self.context, self.slots.adapter, self.standard
        assert standard is not None
        batches, metric = standard.batches(self.slots), standard.metric
        tick, model = context.progress.batch, self.traced.apply(placement)
        if standard.eval_func is not None:
            return score_model(standard.eval_func, adapter.native(model))
        assert metric is not None
        if context.workers is None or standard.stateful:
            found = evaluate(adapter.predictor(model), batches, metric, tick, watch)
        else:
            with temporary(context.options.output) as folder:
                saved = self.traced.save(model, folder / self.file)
                opens = SavedModel(self.load_saved, saved)
                job = Job(opens, batches, metric)
                found = context.workers.evaluate(job, tick, watch)
        tell_of_other_data(context, standard, found)
        return found

    @property
    def load_saved(self) -> LoadSaved:
        """As `opener` does."""
        return self.opener.load_saved

    @property
    def opener(self) -> Opener:
        """Opens what was saved, with what the model's own operators need."""
        return self.traced if isinstance(self.traced, Opener) else self.slots.adapter

    def measure(self, profile: MachineProfile) -> Costs:
        """What ops and casts cost here; by `profile` where this is not the target.

        `--costs` may say otherwise; what a search that is resumed began with comes first.

        Raises:
            UsageError: The file of costs is of something else, or can't be written.
        """
        self._hold_to_history()
        costs = costing.costs(
            self.context,
            self.traced,
            self.low,
            self.machine,
            StaticCosts(self.traced.graph, profile),
            self.forms,
            0.0 if self.standard is None else self.standard.judged_by.seconds,
        )
        if isinstance(costs, MeasuredCosts):
            self.costs = costs
        return costs

    def static_costs(self, profile: MachineProfile) -> Costs:
        """What ops and casts cost by FLOPs and bytes on a machine of this profile."""
        return StaticCosts(self.traced.graph, profile)

    def use_fastest_forms(self) -> None:
        """Take the kernels that are fastest here, or that the plan says.

        Raises:
            PlanError: The plan asks for a kernel that the model has no place for.
        """
        traced = cast(Formable, self.traced)
        plan = self.context.options.plan
        if self.context.replays:
            forms: Mapping[str, str] = recorded_forms(read_document(plan), plan.name)
        else:
            forms = costing.forms(self.context, traced, self.low, self.machine)
        self.traced = traced.with_forms(forms)
        if self.forms:
            self.context.progress.line("kernels", costing.counted(self.forms))

    def provenance(self) -> dict[str, Any]:
        """What the plan says of how it came about, but for what was delivered."""
        sources = self.slots.sources
        modules = tuple(dict.fromkeys((*sources.modules, *self.modules)))
        return provenance(
            self.context.name,
            self.context.script,
            self.machine,
            self.traced.switches,
            self.notes,
            replace(sources, modules=modules),
            self.costs,
            None if self.standard is None else self.standard.baseline.data,
            int8_data(self.traced, self.calibration),
        )

    def _hold_to_history(self) -> None:
        """Compare model, files, graph and data with those of the history, once."""
        if self.held_to_history:
            return
        self.held_to_history = True
        self.modules, warnings = check_search(
            self.context.history,
            history_path(self.context.options.plan).name,
            self.traced.graph,
            self.low,
            hashes(self.slots.sources, self.context.script),
            self.machine,
        )
        for text in warnings:
            self.context.warn(text)
        if self.standard is not None:
            hold_to_data(self.context, self.slots, self.standard)
