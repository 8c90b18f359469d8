"""One run of a generated script: the steps that are the same for every model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.errors import (
    ModelError,
    ModelNote,
    NarrowcastError,
    RequirementError,
    UsageError,
)
from ..common.files import check_writable, shown
from ..common.places import described
from ..common.processes.memory import give_back
from ..common.standing import check_file
from ..common.telling.progress import step
from ..evaluation.batches import Batches
from ..evaluation.data.supplied.supplied import Data
from ..evaluation.loading import loaded, made_by
from ..evaluation.performance.asked import Performance
from ..frameworks.adapter import Adapter, Scattered
from ..frameworks.inputs import Input
from ..frameworks.protocol import Opener
from ..graph.graph import Precision
from ..hardware.answers import Answer, Device
from ..hardware.forcing import check_forced
from ..hardware.requirements import Machine, Requirements, require
from ..record.plan import check_replaceable, read_document
from ..record.rebuild import Rebuilding
from ..record.recorded import history_path, plan_stem
from ..record.resume import opened
from ..record.sources import Sources
from ..report.report import Report
from ..search import Found
from .context import Context, Options
from .conversion import Conversion
from .converted import Converted, better, checked, described_result
from .finish import finished
from .slots.fed import Fed
from .slots.filling import filled, handed
from .subject import Subject
from .timed import timed


@dataclass
class Run:
    """The steps of a script, in the order in which it takes them.

    Attributes:
        adapter: The framework's, from `require` on.
        machines: What it found, by precision.
        opener: Opens what was delivered, from `finish` on.
    """

    context: Context
    adapter: Adapter | None = None
    machines: dict[Precision, Machine] = field(default_factory=dict)
    opener: Opener | None = None

    def begin(self) -> None:
        """See that all can be written, and open the history: a replay has none.

        A trial that is rebuilt only reads the history, whoever may write it.

        Raises:
            UsageError: Nothing can be written, or another run writes the plan; or the
                history is of another script, or damaged, or has no such trial.
        """
        context, given = self.context, self.context.options
        if given.plan.is_dir():
            raise UsageError(
                f"--plan {shown(given.plan)} is a folder", "Name a file in it."
            )
        for path in _written(given):
            check_file(path)
        check_replaceable(given.plan)
        if given.trial is None:
            context.claim(given.plan.parent, plan_stem(given.plan))
        self._open_history()
        check_writable(given.output)

    def _open_history(self) -> None:
        context, given = self.context, self.context.options
        if context.replays:
            return
        context.history = opened(
            given.plan,
            context.name,
            context.script,
            resume=given.resume,
            trial=given.trial,
            progress=context.progress,
        )
        usual = context.script.parent / f"{context.name}.plan.json"
        asked = given.search or given.trial is not None
        if not given.plan.exists() and given.plan != usual and not asked:
            context.warn(f"there is no {shown(given.plan)}: a search will write it")

    @step("importing the framework")
    def require(
        self, adapter: Adapter, *requirements: Requirements
    ) -> tuple[Precision, ...]:
        """The precisions that framework and machine can do: of a plan, its own alone.

        Raises:
            RequirementError: None of them can be done; nothing was touched yet.
        """
        self.adapter = adapter
        self.context.lows = tuple(each.precision for each in requirements)
        given = self._recorded_precision()
        wanted = [r for r in requirements if str(r.precision) == given]
        refused: list[RequirementError] = []

        def answer(precision: Precision, device: Device) -> Answer:
            # The attribute imports the framework, once it is known to be there.
            return adapter.answer(precision, device)

        for requirement in wanted or requirements:
            try:
                machine = require(requirement, os.environ, answer)
                check_forced(requirement, machine, answer)
            except RequirementError as error:
                refused.append(error)
                continue
            self.machines[requirement.precision] = machine
            for warning in machine.warnings:
                self.context.warn(warning)
        if not self.machines:
            raise refused[0]
        for left in refused:
            self.context.warn(f"left out: {left.message}")
        return tuple(self.machines)

    def fed(
        self,
        batches: Callable[[Data], Iterable[tuple[Any, Any]]],
        data: Data | None,
        *,
        seed: int,
        size: int | None = None,
    ) -> Fed:
        """The script's batches of what is supplied; without it, of one random batch.

        Args:
            size: Samples of that, None where the spec doesn't say.
        """
        return Fed(batches, data, seed, self.context.note, size)

    @step("opening the model")
    def load(
        self,
        load_model: Callable[[], Any],
        batches: Batches | Fed,
        *,
        inputs: Sequence[Input] = (),
        sources: Sources,
    ) -> Subject:
        """Call the script's load_model.

        Args:
            batches: The script's data, as (inputs, labels), or what `fed` makes.
            inputs: The model's inputs as the spec declares them; else the model does,
                or the first batch.
            sources: The files that the conversion depends on.

        Raises:
            UsageError: Another run writes models of this name there.
            ModelError: It failed, in its own words; or nothing says what it takes.
            DataError: The first batch is not what it takes.
        """
        assert self.adapter is not None, "Run.require comes first"
        context = self.context
        context.claim(context.options.output, context.name)
        context.progress.live("load", context.name)
        fed = batches if isinstance(batches, Fed) else None
        sources = sources.and_supplied(load_model, fed.data if fed else None)
        made = made_by(load_model, sources.modules)
        files = () if made else sources.model
        model, said = loaded(load_model, context.script.parent, files)
        give_back()  # what the factory made, where a file's weights took its place
        for word in said:
            tell = context.note if isinstance(word, ModelNote) else context.warn
            tell(str(word))
        if isinstance(self.adapter, Scattered):
            sources = sources.and_model(self.adapter.data_files(model))
        load_model, model = handed(self.adapter, load_model, model, inputs)
        slots = filled(self.adapter, load_model, model, batches, inputs, sources)
        for each in slots.assumed:
            sizes = ", ".join(map(str, each.shape or ()))
            context.note(
                f"nothing says what shape input {each.name} has: ({sizes}), which the "
                "layers take, is assumed; data, or `inputs` in the spec, would tell"
            )
        for each in slots.fitted:
            context.note(
                f"input {each.name} becomes {each.dtype}, which the model takes: it does "
                "not take the data's own dtype"
            )
        return Subject(context, slots, self.machines, model)

    def check(self, conversion: Conversion, found: Found) -> Converted:
        """Apply, save, load in a fresh process and evaluate the first plan that holds."""
        return checked(conversion, found)

    def better(
        self, lows: Sequence[Precision], convert_to: Callable[[Precision], Converted]
    ) -> Converted:
        """Convert to each precision and keep the better, by `converted.better`.

        One that fails, of whatever, is a warning while another works.

        Raises:
            ModelError, RequirementError: The model can be converted to none.
        """
        context = self.context
        results: list[Converted] = []
        refused: dict[Precision, BaseException] = {}
        for low in lows:
            try:
                results.append(convert_to(low))
            except KeyboardInterrupt:
                if not results:
                    raise
                break
            except BaseException as error:
                if not results and not isinstance(error, ModelError | RequirementError):
                    raise
                refused[low] = error
                context.progress.line(str(low), f"failed: {_said(error)}")
                continue
            context.progress.line(str(low), described_result(results[-1]))
            if context.interrupts.came:
                break
        if not results:
            raise next(iter(refused.values()))
        for low, left in refused.items():
            said = _said(left)
            context.warn(f"left out: {said if str(low) in said else f'{low}: {said}'}")
        best = better(results)
        if len(lows) > 1 and best.conversion.replayed is None:
            context.progress.line("precision", f"{best.plan.low} is kept")
        return best

    def finish(
        self, converted: Converted, performance: Performance | None = None
    ) -> Report:
        """Time it, put model and plan in place, and report.

        Args:
            performance: What else is to be measured of its speed.
        """
        self.opener = converted.conversion.opener
        with step("timing models"):
            latencies = timed(converted, performance)
        with step("plan and report"):
            return finished(converted, latencies)

    def _recorded_precision(self) -> str | None:
        """That of the plan or the trial that is to be made again."""
        if isinstance(self.context.history, Rebuilding):
            return str(self.context.history.past.low)
        if self.context.replays:
            return str(read_document(self.context.options.plan).get("precision"))
        return None


def _written(given: Options) -> Iterator[Path]:
    """The files that a run can't do without, but for what it converts."""
    yield given.plan
    yield history_path(given.plan)
    if isinstance(given.costs, Path):
        yield given.costs


def _said(error: BaseException) -> str:
    return error.message if isinstance(error, NarrowcastError) else described(error)
