"""What all steps of one run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..common.delivery import candidate, discard
from ..common.progress import Progress
from ..common.timing import Clock
from ..evaluation.sharding import Workers
from ..search.history import History, Unrecorded
from .interrupts import Interrupts
from .options import Options


@dataclass
class Context:
    """What was asked of the run, what it said, and where it keeps what it finds out.

    Attributes:
        name: The model's name.
        script: The script's file; paths in the plan are relative to its folder.
        workers: Where evaluations are sharded, None for this process alone.
        warnings: What was warned of so far.
        unjudged: Candidates that were saved; those that stay are removed at the end.
        trials: How many trials all searches made so far.
        passed: Number of the passing trial that would be delivered, if one passed.
    """

    name: str
    script: Path
    options: Options
    progress: Progress
    clock: Clock
    workers: Workers | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)
    history: History = field(default_factory=Unrecorded)
    warnings: list[str] = field(default_factory=list)
    unjudged: list[Path] = field(default_factory=list)
    trials: int = 0
    passed: int | None = None

    @property
    def replays(self) -> bool:
        """Whether a committed plan is replayed."""
        given = self.options
        anew = given.search or given.resume or given.trial is not None
        return not anew and given.plan.exists()

    def warn(self, text: str) -> None:
        """Say it now and in the report, once."""
        if text not in self.warnings:  # each precision is searched for
            self.warnings.append(text)
            self.progress.line("warning", text)

    def candidate(self, name: str) -> Path:
        """Where a model is saved before it is judged: what is there stays till then."""
        number = 1 + sum(path.name == name for path in self.unjudged)
        path = candidate(self.options.output, name, number)
        self.unjudged.append(path)
        return path

    def discard(self) -> None:
        """Remove the models that were saved and never judged; end the workers."""
        if self.workers is not None:
            self.workers.close()
        for path in self.unjudged:
            discard(path)
