"""The command line of a generated script: options in, exit code out."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from .errors import NarrowcastError
from .files import write_bytes
from .progress import Terminal
from .report import Report, as_json, shown, summary
from .run import Options, Run
from .version import VERSION

INTERNAL = 4
INTERRUPTED = 130


def command_line(
    script: str,
    name: str,
    convert: Callable[[Run], Report],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a script's `convert` and return the exit code.

    0 done · 1 criterion not met · 2 bad model, data or plan · 3 requirement not met ·
    4 internal error · 130 interrupted.

    Args:
        script: The script's `__file__`.
        name: The model's name, which names the plan.
        convert: The script's steps.
        arguments: In place of sys.argv[1:].
    """
    path = Path(script).resolve()
    options = _parsed(path.name, name, path.parent, arguments)
    run = Run(name, path, options, Terminal(sys.stderr), time.perf_counter)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        report = convert(run)
    except NarrowcastError as error:
        _say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted: no trial had passed yet, nothing was saved")
        return INTERRUPTED
    except Exception:
        return _internal(name, options.output)
    if options.json:
        print(json.dumps(as_json(report), indent=2))
    else:
        print(summary(report))
    return report.exit_code


def _parsed(
    prog: str, name: str, folder: Path, arguments: Sequence[str] | None
) -> Options:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=f"Convert {name} to mixed precision (narrowcast {VERSION}).",
    )
    add = parser.add_argument
    add(
        "--output",
        type=Path,
        default=folder,
        metavar="FOLDER",
        help="where the converted model goes (default: beside the script)",
    )
    add(
        "--plan",
        type=Path,
        default=folder / f"{name}.plan.json",
        metavar="FILE",
        help="plan to replay, or to write if there is none (default: beside the script)",
    )
    add("--search", action="store_true", help="make a new plan although there is one")
    add("--max-trials", type=_positive, metavar="N", help="most trials of a search")
    add(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="start no trial after this time",
    )
    add("--json", action="store_true", help="print the report as JSON")
    given = parser.parse_args(arguments)
    return Options(
        output=given.output.resolve(),
        plan=given.plan.resolve(),
        search=given.search,
        max_trials=given.max_trials,
        timeout=given.timeout,
        json=given.json,
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _internal(name: str, output: Path) -> int:
    details = traceback.format_exc()
    last = details.strip().splitlines()[-1]
    log = output / f"{name}.error.log"
    try:
        where = f"Details are in {shown(write_bytes(log, details.encode()))}."
    except NarrowcastError:
        where = details
    _say(f"internal error: {last}\n  {where}")
    return INTERNAL


def _say(text: str) -> None:
    clear = "\r\x1b[2K" if sys.stderr.isatty() else ""
    print(f"{clear}{text}", file=sys.stderr)
