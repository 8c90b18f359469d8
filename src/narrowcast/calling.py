"""Calling a script's `convert` from Python: the same steps as on its command line."""

from __future__ import annotations

import json
import linecache
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy import asarray

from narrowcast.runtime import Report, Run
from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.files import write_bytes
from narrowcast.runtime.common.telling.heartbeat import beating
from narrowcast.runtime.common.telling.progress import Terminal, printable
from narrowcast.runtime.evaluation.metrics.given import Given, given
from narrowcast.runtime.frameworks.protocol import Opener
from narrowcast.runtime.report.summary import summary
from narrowcast.runtime.run import Context, Options
from narrowcast.runtime.run.interrupts import Interrupts
from narrowcast.runtime.run.slots.checks import Handed
from narrowcast.runtime.run.slots.supplies import OpenedModel

from .common import Metric, Postprocess
from .ends import in_python
from .writing import Generated

PLACES = ("script", "plan", "model", "package", "report")
"""Rows of a summary that name files in a folder which is removed."""


@dataclass(frozen=True)
class Supplied:
    """What is handed to `convert` beside its run.

    Attributes:
        model: A path, or the framework's object; None where the spec names one.
        others: By the parameter's name: data, metric, eval_func.
    """

    model: Any = None
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a run keeps its files.

    Attributes:
        folder: The folder.
        kept: Whether it is the user's; else it goes with what was converted.
        resume: Whether the search there is taken up.
    """

    folder: Path
    kept: bool = False
    resume: bool = False

    def discard(self) -> None:
        """Remove what a run left in a folder that is not the user's."""
        if not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Outcome:
    """What a script made.

    Attributes:
        plan: The plan's content.
        opener: The framework's side, which opens the model that was saved.
    """

    report: Report
    plan: Mapping[str, Any]
    opener: Opener


def loaded(script: Generated) -> ModuleType:
    """The script as a module: tracebacks and debuggers find its lines."""
    name = str(script.path)
    lines = script.text.splitlines(keepends=True)
    linecache.cache[name] = len(script.text), None, lines, name
    module = ModuleType(script.path.stem)
    module.__file__ = name
    exec(compile(script.text, name, "exec", dont_inherit=True), module.__dict__)
    return module


def place(workspace: str | None, resume: str | None) -> Place:
    """The workspace, or a new folder for temporary files.

    Args:
        workspace: `tuning.workspace.path`.
        resume: `tuning.workspace.resume`: a history, or the folder that it is in.

    Raises:
        UsageError: There is no history to resume.
    """
    if resume:
        path = Path(resume).expanduser()
        folder = path if path.is_dir() else path.parent
        if not any(folder.glob("*.trials.jsonl")):
            raise UsageError(
                f"tuning.workspace.resume: there is no history in {folder}",
                "Name the folder of an earlier tuning.workspace.path; the snapshots of "
                "Neural Compressor can't be read.",
            )
        return Place(folder.resolve(), kept=True, resume=True)
    if workspace:
        return Place(Path(workspace).expanduser().resolve(), kept=True)
    return Place(Path(tempfile.mkdtemp(prefix="narrowcast-")))


def called(script: Generated, supplied: Supplied, place: Place) -> Outcome:
    """Run a script's `convert` with what is supplied.

    Raises:
        NarrowcastError: As the script's command line refuses it.
    """
    module = loaded(script)
    name, file = module.NAME, place.folder / script.path.name
    write_bytes(file, script.text.encode())
    options = Options(
        output=place.folder,
        plan=place.folder / f"{name}.plan.json",
        search=not place.resume,
        resume=place.resume,
    )
    told = _Told(sys.stderr)
    context = Context(name, file, options, told, time.perf_counter, checks=Handed())
    run = Run(context)
    try:
        with _answering(context.interrupts), beating(told.goes_on):
            run.begin()
            report = module.convert(run, **_arguments(module, supplied))
    finally:
        context.discard()
    _tell(report, place)
    plan = json.loads(report.plan.read_text("utf-8"))
    assert run.opener is not None, "convert ends with Run.finish"
    return Outcome(report, plan, run.opener)


def _arguments(module: ModuleType, supplied: Supplied) -> dict[str, Any]:
    """Of what is supplied, that which the script takes: nothing is judged where nothing
    runs, and a function that scores models needs no metric."""
    takes = signature(module.convert).parameters
    found = {name: each for name, each in supplied.others.items() if name in takes}
    for name in supplied.others.keys() - found.keys():
        text = f"note: {name} has no effect: the spec says that nothing is judged here"
        print(text, file=sys.stderr)
    if supplied.model is not None:
        found["model"] = _opened(module.open_model, supplied.model)
    return found


def _opened(open_model: Callable[[Any], Any], source: Any) -> Callable[[], Any]:
    """Opens the model: a file for all who want it, an object from memory."""
    if isinstance(source, str | os.PathLike):
        return OpenedModel(open_model, os.fspath(source))
    return lambda: open_model(source)


def _tell(report: Report, place: Place) -> None:
    """The summary, on standard error: a program's output is its own."""
    rows = summary(report).splitlines()
    if not place.kept:
        rows = [row for row in rows if row.split(maxsplit=1)[0] not in PLACES]
    print(printable(in_python("\n".join(rows))), file=sys.stderr)


class _Told(Terminal):
    """Progress, in Python's words for a script's options."""

    def line(self, label: str, text: str) -> None:
        super().line(label, in_python(text))


@contextmanager
def _answering(interrupts: Interrupts) -> Iterator[None]:
    """While this lasts, Ctrl-C ends the search and lets what passed be delivered.

    Signals are the main thread's: a run in another one does not hear them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    interrupts.listen()
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(TypeError):  # what was not set from Python
                signal.signal(number, handler)


def made_metric(metric: Any, postprocess: Any, framework: str) -> Given:
    """What makes the user's metric for each pass: users of PyTorch have tensors in it.

    Raises:
        UsageError: It is no metric, or can't be copied.
    """
    if isinstance(postprocess, Postprocess):
        postprocess = postprocess()
    tensor = _torch if framework == "pytorch" else asarray
    if isinstance(metric, Metric):
        return Given(metric, metric.name, tensor, postprocess)
    return given(metric, tensor, postprocess)


def _torch(array: Any) -> Any:
    from narrowcast.runtime.frameworks.pytorch import tensor

    return tensor(array)
