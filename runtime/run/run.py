"""One run of a generated script: the steps that are the same for every model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..common.delivery import candidate_hash, destination
from ..common.errors import ModelError
from ..common.timing import Latency, latencies_data
from ..evaluation.evaluation import Batches, evaluation_data
from ..evaluation.saved import TIMING, time_file
from ..evaluation.sharding import Predictor
from ..frameworks.inputs import Input
from ..frameworks.protocol import Formable, LoadSaved, Traced
from ..graph.graph import Precision
from ..hardware.requirements import Machine
from ..placement.measured.measured import MeasuredCosts
from ..record.plan import document
from ..record.sources import Sources
from ..report.comparison import (
    Timed,
    contenders,
    known_score,
    measured,
    timed_as_recorded,
    timed_data,
)
from ..report.report import Judgement, Package, Report, counted, gathered
from ..search import Evaluate, Found
from ..search.found import Plan
from .converted import Converted, better, described_result
from .finish import bytes_differ, nothing_low, plan_content, put_in_place, why_nothing
from .provenance import executed
from .searching import Searching
from .start import on_target

State = tuple[Machine | None, MeasuredCosts | None, Formable | None]


@dataclass
class Run(Searching):
    """The steps of a script, each a method; the last of them are here."""

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
        here = [one for one, (machine, *_) in made.values() if on_target(machine)]
        by_clock = any(one.holds and one.plan.objective == "latency" for one in here)
        best = better(here if by_clock else [one for one, _state in made.values()])
        self.machine, self.costs, self.formed = made[best.plan.low][1]
        if len(lows) > 1 and self.replayed is None:
            self.progress.line("precision", f"{best.plan.low} is kept")
        return best

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
            return TIMING.call(
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
