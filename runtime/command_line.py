"""The command line of a generated script: options in, exit code out."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

from .common.errors import NarrowcastError
from .common.files import shown, write_bytes
from .common.places import described, place_of
from .common.progress import Terminal, printable
from .common.version import VERSION
from .evaluation.sharding import Workers
from .placement.measured.sources import Choice
from .record.recorded import Recorded
from .report.json_data import as_json
from .report.report import Report
from .report.summary import summary
from .run import Context, Options, Run
from .run.interrupts import exits_are_told
from .run.slots.supplies import Supplies

INTERNAL = 4
INTERRUPTED = 130
STDOUT, STDERR = 1, 2


def command_line(
    script: str,
    name: str,
    convert: Callable[..., Report],
    arguments: Sequence[str] | None = None,
    executor: Executor | None = None,
    *,
    open_model: Callable[[str], Any] | None = None,
) -> int:
    """Run a script's `convert` and return the exit code.

    What `convert` takes beside the run is supplied: `model` by --model, `data` by
    --data, `metric` by --metric.

    0 done · 1 criterion not met · 2 bad model, data or plan · 3 requirement not met ·
    4 internal error · 130 interrupted.

    Args:
        script: The script's `__file__`.
        name: The model's name, which names the plan.
        convert: The script's steps.
        arguments: In place of sys.argv[1:].
        executor: Evaluates in its workers, as many as --workers says; without one,
            that many processes of this machine do.
        open_model: Opens what --model names, where the script names no model.
    """
    path = Path(script).resolve()
    slots = Supplies(open_model, tuple(signature(convert).parameters)[1:])
    options, supplied = _parsed(path.name, name, path.parent, slots, arguments)
    context = Context(name, path, options, Terminal(sys.stderr), time.perf_counter)
    context.workers = _workers(options.workers, executor)
    context.interrupts.listen()
    run = Run(context)
    try:
        run.begin()
        with (
            _stdout_for_json() if options.json else nullcontext(),
            exits_are_told(partial(_left_early, context), NarrowcastError.exit_code),
        ):
            report = convert(run, **supplied())
    except NarrowcastError as error:
        _say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        # A second one, as a group of processes gets it, has nothing left to stop.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        done = "interrupted before the conversion was done: no plan was written"
        _say(f"{done}{_left(context)}")
        return INTERRUPTED
    except Exception as error:
        return _internal(error, name, options.output)
    except BaseException as error:  # what no code of ours raises
        _say(
            "error: the model's, the data's or the metric's own code ended the run"
            f"{place_of(error)}: {described(error)}"
        )
        return NarrowcastError.exit_code
    finally:
        context.discard()
    if options.json:
        print(json.dumps(as_json(report), indent=2, allow_nan=False))
    else:
        print(printable(summary(report)))
    return report.exit_code


def _parsed(
    prog: str,
    name: str,
    folder: Path,
    slots: Supplies,
    arguments: Sequence[str] | None,
) -> tuple[Options, Callable[[], dict[str, Any]]]:
    """The options, and what makes the arguments of `convert`."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description=f"Convert {name} to mixed precision (narrowcast {VERSION}).",
    )
    add = parser.add_argument
    add(
        "--output",
        type=_path,
        default=folder,
        metavar="FOLDER",
        help="where the converted model goes (default: beside the script)",
    )
    add(
        "--plan",
        type=_file,
        default=folder / f"{name}.plan.json",
        metavar="FILE",
        help="plan to replay, or to write if there is none (default: beside the script)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--search", action="store_true", help="make a new plan although there is one"
    )
    which.add_argument(
        "--resume",
        action="store_true",
        help="take up the search that another run began, where it ended",
    )
    which.add_argument(
        "--trial",
        type=_positive,
        metavar="K",
        help="rebuild the K-th trial of the last search, in a folder trial-K",
    )
    add("--max-trials", type=_positive, metavar="N", help="most trials of a search")
    add(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="start no trial after this time (0: no limit)",
    )
    add(
        "--workers",
        type=_positive,
        metavar="N",
        help="evaluate in N processes at once (default: this one alone)",
    )
    add(
        "--costs",
        type=_costs,
        metavar="FILE",
        help="costs to use, or to write there once measured; static: measure nothing",
    )
    add("--json", action="store_true", help="print the report as JSON")
    slots.add_options(parser)
    given = vars(parser.parse_args(arguments))
    supplied = partial(slots.arguments, {each: given.pop(each) for each in slots.names})
    options = Options(**given)
    if options.trial is not None:
        output = options.output / f"trial-{options.trial}"
        options = replace(options, output=output)
    return options, supplied


def _workers(count: int | None, executor: Executor | None) -> Workers | None:
    """An executor doesn't say how many workers it has: one for each CPU is a guess."""
    if executor is not None:
        return Workers(count or os.cpu_count() or 1, executor)
    return Workers(count) if count and count > 1 else None


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1")
    return int(text)


def _path(text: str) -> Path:
    return Path(text).resolve()


def _file(text: str) -> Path:
    """A file in the folder it really is in; a link stays one, and is what is replaced."""
    path = Path(text)
    return path.parent.resolve() / path.name if path.name else path.resolve()


def _costs(text: str) -> Choice:
    return "static" if text == "static" else _file(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise argparse.ArgumentTypeError("must be a number of at least 0")
    return seconds


@contextmanager
def _stdout_for_json() -> Iterator[None]:
    """Let what the user's code and its child processes print go to standard error."""
    sys.stdout.flush()
    stdout = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, STDOUT)
        os.close(stdout)


def _left(context: Context) -> str:
    """What can still be made of an interrupted run."""
    history, passed = context.history, context.passed
    if not isinstance(history, Recorded) or not history.size:
        return ""
    text = f"\n  --resume goes on where {shown(history.path)} ends."
    if passed is not None:
        text += f"\n  trial {passed} had passed: --trial {passed} delivers it."
    return text


def _left_early(context: Context, what: str) -> None:
    """What a process that ends at once must still do."""
    _say(f"error: {what} before the conversion was done: no plan was written")
    context.remove_candidates()


def _internal(error: Exception, name: str, output: Path) -> int:
    details = "".join(traceback.format_exception(error))
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    where = "No log could be written."
    for folder in (output, Path(tempfile.gettempdir())):
        with suppress(NarrowcastError):
            log = write_bytes(
                folder / f"{name}.error.log", details.encode(errors="backslashreplace")
            )
            where = f"Details are in {shown(log)}."
            break
    _say(f"internal error: {what}\n  {where}")
    return INTERNAL


def _say(text: str) -> None:
    clear = "\r\x1b[2K" if sys.stderr.isatty() else ""
    print(f"{clear}{printable(text)}", file=sys.stderr)
