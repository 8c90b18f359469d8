"""A run's first steps: what it may do here, and the model."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from ..common.errors import RequirementError
from ..common.progress import Progress
from ..common.timing import Clock
from ..evaluation.baseline import Baseline
from ..evaluation.evaluation import Batches, first_inputs
from ..evaluation.loading import loaded
from ..evaluation.sharding import Workers
from ..frameworks.protocol import Formable, Inputs
from ..graph.graph import Precision
from ..hardware.answers import FRAMEWORKS
from ..hardware.requirements import Machine, Requirements, require
from ..placement.measured.measured import MeasuredCosts
from ..record.plan import read_document
from ..record.rebuild import Rebuilding
from ..record.sources import Sources
from ..search.history import History, Unrecorded
from .interrupts import Interrupts
from .options import Options

T = TypeVar("T")


@dataclass
class Start:
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

    def _machine(self, requirements: Requirements) -> Machine:
        """What the check of requirements finds; its warnings are said."""

        def answer(precision: Precision, device: Any) -> Any:
            adapter = FRAMEWORKS[requirements.distribution].adapter
            module = import_module(f"..frameworks.{adapter}.answers", __package__)
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

    @property
    def _replays(self) -> bool:
        given = self.options
        anew = given.search or given.resume or given.trial is not None
        return not anew and given.plan.exists()

    @property
    def _measures(self) -> bool:
        """Whether this machine is the one to time things on."""
        return on_target(self.machine)


def on_target(machine: Machine | None) -> bool:
    """Whether this machine is the one to time things on."""
    return machine is not None and machine.is_target
