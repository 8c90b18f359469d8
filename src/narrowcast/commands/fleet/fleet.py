"""Each spec's script is written here, and run here or on an engine's workers."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import typer

from narrowcast.fleet.current import is_current
from narrowcast.fleet.gathering import gathered
from narrowcast.fleet.index import NAME, check_index, write_index
from narrowcast.fleet.sign import raised
from narrowcast.fleet.task import FAILED, Outcome, Task
from narrowcast.fleet.telling import data, line, table
from narrowcast.runtime.common.errors import NarrowcastError, UsageError
from narrowcast.runtime.common.files import check_writable, sha256, shown
from narrowcast.runtime.common.telling.progress import printable
from narrowcast.runtime.engines.opening import opened
from narrowcast.runtime.record.recorded import history_path

from ..saying import goes_on, refused, whole, with_failures
from .options import ScriptOptions, script_options

Compile = Callable[[Path], tuple[str, Path]]
"""Writes a spec's script: the model's name, and the script's path; or tells what fails
and raises `typer.Exit`."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A spec whose script is written.

    Attributes:
        output: Folder of the model.
    """

    spec: Path
    name: str
    script: Path
    output: Path

    @property
    def plan(self) -> Path:
        """Its plan, beside the script."""
        return self.script.with_name(f"{self.name}.plan.json")


def fleet(
    specs: Sequence[Path],
    write: Compile,
    given: Sequence[str],
    *,
    on: str | None,
    python: str,
) -> None:
    """Run the script of each spec; a table of what came of them, or one JSON object.

    Args:
        given: The scripts' options.
        on: The engine; None for this machine, one after another.
        python: The Python that runs the scripts, "" for this one, or the workers'.

    Raises:
        typer.Exit: With the worst of the exit codes.
    """
    gc.enable()  # it may run for days
    try:
        options = script_options(given)
        # Engines print what they please, and standard output is the outcomes'.
        with redirect_stdout(sys.stderr), _executor(on) as executor:
            outcomes, index = _all(specs, write, options, executor, python)
    except NarrowcastError as error:
        raise refused(error) from error
    _told(outcomes, options, index)


def _all(
    specs: Sequence[Path],
    write: Compile,
    options: ScriptOptions,
    executor: Executor,
    python: str,
) -> tuple[list[Outcome], Path]:
    """What came of each, and the index that says so."""
    index = (options.output or _common(specs)) / NAME
    check_writable(index.parent)
    check_index(index)
    planned = _planned(specs, write, options)
    found = {spec: each for spec, each in planned.items() if isinstance(each, Outcome)}
    left = {spec: each for spec, each in planned.items() if isinstance(each, Planned)}
    if options.resume:
        for spec, each in tuple(left.items()):
            if is_current(each.plan, each.script, each.output):
                found[spec] = Outcome(str(spec), each.name, 0, current=True)
                del left[spec]
    for outcome in found.values():
        goes_on(printable(line(outcome)))
    with raised(index.parent) as sign:
        tasks = [_task(each, options, python, sign.path) for each in left.values()]
        came = gathered(
            tasks, executor, sign, lambda each: goes_on(printable(line(each))), goes_on
        )
    found |= zip(left, came, strict=True)
    outcomes = [found[spec] for spec in specs]
    plans = [_plan(planned[spec], index) for spec in specs]
    write_index(index, outcomes, plans)
    return outcomes, index


def _planned(
    specs: Sequence[Path], write: Compile, options: ScriptOptions
) -> dict[Path, Planned | Outcome]:
    """Of each spec, its script, or that there is none."""
    found: dict[Path, Planned | Outcome] = {}
    taken: dict[Path, Path] = {}
    for spec in specs:
        try:
            name, script = write(spec)
        except typer.Exit as end:
            found[spec] = Outcome(str(spec), spec.stem, end.exit_code)
            continue
        output = script.parent if options.output is None else options.output / name
        first = taken.setdefault(output / name, spec)
        if first == spec:
            found[spec] = Planned(spec, name, script, output)
            continue
        said = f"{spec} and {first} both write {name} into {shown(output)}"
        found[spec] = Outcome(str(spec), name, FAILED, f"{said}: give them other names")
    return found


def _task(each: Planned, options: ScriptOptions, python: str, sign: Path) -> Task:
    history = history_path(each.plan)
    return Task(
        name=each.name,
        spec=str(each.spec),
        script=each.script,
        sha256=sha256(each.script),
        arguments=options.of(each.name, history.is_file()),
        history=history,
        begun=sha256(history) if history.is_file() else "",
        folder=Path(os.path.abspath(".")),  # noqa: PTH100 (links stay)
        sign=sign,
        program=python,
    )


def _plan(planned: Planned | Outcome, index: Path) -> Path:
    return planned.plan if isinstance(planned, Planned) else index.with_name("none")


def _common(specs: Sequence[Path]) -> Path:
    """The folder that all specs are in, or below."""
    folders = {os.path.abspath(spec.parent) for spec in specs}  # noqa: PTH100
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:
        raise UsageError(
            "the specs are on several drives", "Name a folder with --output."
        ) from error


@contextmanager
def _executor(on: str | None) -> Iterator[Executor]:
    """The engine; this machine, one at a time, where none is named."""
    made = ThreadPoolExecutor(1) if on is None else opened(on)
    try:
        yield made
    finally:
        made.shutdown(cancel_futures=True)


def _told(outcomes: Sequence[Outcome], options: ScriptOptions, index: Path) -> None:
    """Print it.

    Raises:
        typer.Exit: With the worst of the codes, unless that is 0.
    """
    worst = max((each.code for each in outcomes), default=0)
    if options.json:
        whole(with_failures(worst, data(outcomes, shown(index))))
    else:
        typer.echo(printable(table(outcomes)))
        typer.echo(f"{shown(index)}: `narrowcast report {shown(index)}` compares them")
    if worst:
        raise typer.Exit(worst)
