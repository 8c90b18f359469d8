"""What a script's command line says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..placement.measured.sources import Choice


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
