"""What all steps of one run share."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..common.delivery import candidate, discard, temporary
from ..common.files import check_writable
from ..common.telling.progress import Progress
from ..common.telling.remarks import remarks
from ..common.timing import Clock
from ..evaluation.sharding import Workers
from ..graph.graph import Precision
from ..placement.measured.sources import Choice
from ..record.lock import lock_path, locked
from ..search import Budget
from ..search.history import History, Unrecorded
from .interrupts import Interrupts
from .slots.checks import Afresh, Checks


@dataclass
class Context:
    """What was asked of the run, what it said, and where it keeps what it finds out.

    Attributes:
        name: The model's name.
        script: The script's file; paths in the plan are relative to its folder.
        checks: Who opens what was saved.
        workers: Where evaluations are sharded, None for this process alone.
        warnings: What was warned of so far.
        notes: What else the report should say.
        unjudged: Candidates that were saved; those that stay are removed at the end.
        locks, claimed: What keeps other runs out, and of which files.
        lows: Precisions that the script converts to, if this machine can.
        same_data: Whether the data was seen to be what the history has scores of.
        trials: How many trials all searches made so far.
        passed: Number of the passing trial that would be delivered, if one passed.
    """

    name: str
    script: Path
    options: Options
    progress: Progress
    clock: Clock
    checks: Checks = field(default_factory=Afresh)
    workers: Workers | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)
    history: History = field(default_factory=Unrecorded)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unjudged: list[Path] = field(default_factory=list)
    locks: ExitStack = field(default_factory=ExitStack)
    claimed: set[Path] = field(default_factory=set)
    lows: tuple[Precision, ...] = ()
    same_data: bool = False
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

    def tell_of_data(self) -> None:
        """Warn of what its readers found odd since this was last asked."""
        for text in remarks():
            self.warn(text)

    def note(self, text: str) -> None:
        """Say it now and among the report's notes."""
        self.notes.append(text)
        self.progress.line("note", text)

    def claim(self, folder: Path, name: str) -> None:
        """Make the folder, and let no other run write models or plans called `name`.

        Raises:
            UsageError: Nothing can be written there, or another run does.
        """
        check_writable(folder)
        path = lock_path(folder, name)
        if path not in self.claimed:
            self.locks.enter_context(locked(path, self.note))
            self.claimed.add(path)

    def candidate(self, name: str) -> Path:
        """Where a model is saved before it is judged: what is there stays till then."""
        number = 1 + sum(path.name == name for path in self.unjudged)
        path = candidate(self.options.output, name, number)
        self.unjudged.append(path)
        return path

    def scratch(self) -> Path:
        """A new folder for what the run needs and nobody keeps; its end removes it.

        Raises:
            UsageError: It can't be made.
        """
        return self.locks.enter_context(temporary(self.options.output))

    def discard(self) -> None:
        """Remove what was saved and never judged; end the workers, let other runs in."""
        if self.workers is not None:
            self.workers.close()
        self.remove_candidates()
        self.locks.close()

    def remove_candidates(self) -> None:
        """Remove the models that were saved and never judged."""
        for path in self.unjudged:
            discard(path)


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
        on: The engine whose workers evaluate; None for this machine.
        json: Print the report as JSON.
        costs: A file of costs to use or to write, "static", or None to measure.
        timing: Whether anything may be timed.
        quiet: Say only what is warned of, and the summary.
        verbose: Say each step, and let through what frameworks print.
    """

    output: Path
    plan: Path
    search: bool = False
    resume: bool = False
    trial: int | None = None
    max_trials: int | None = None
    timeout: float | None = None
    workers: int | None = None
    on: str | None = None
    json: bool = False
    costs: Choice = None
    timing: bool = True
    quiet: bool = False
    verbose: bool = False

    def within(self, budget: Budget) -> Budget:
        """The script's budget, unless the command line says otherwise."""
        trials, timeout = self.max_trials, self.timeout
        return replace(
            budget,
            max_trials=budget.max_trials if trials is None else trials,
            timeout=budget.timeout if timeout is None else timeout or None,
        )
