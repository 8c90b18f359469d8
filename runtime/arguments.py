"""The options of a generated script."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from .common.errors import UsageError
from .common.version import VERSION
from .engines.opening import check_engine
from .placement.measured.sources import Choice
from .run import Options
from .run.slots.supplies import Supplies

EXIT_CODES = (
    "exit codes: 0 done, the criterion holds or there was none; 1 criterion not met; "
    "2 bad options, model, data or plan; 3 requirement not met; 4 internal error; "
    "130 interrupted. `narrowcast explain CODE` explains an error's code."
)


def parsed(
    prog: str,
    name: str,
    folder: Path,
    slots: Supplies,
    arguments: Sequence[str] | None,
) -> tuple[Options, Callable[[], dict[str, Any]]]:
    """The options, and what makes the arguments of `convert`.

    Raises:
        UsageError: There are no such options, or they don't go together.
    """
    parser = _Parser(
        prog=prog,
        description=f"Convert {name} to mixed precision (narrowcast {VERSION}).",
        epilog=EXIT_CODES,
        allow_abbrev=False,
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
        help="start no trial after this time, and wait no longer for a batch, a metric or "
        "eval_func (0: no limit)",
    )
    add(
        "--workers",
        type=_positive,
        metavar="N",
        help="evaluate in N processes at once (default: this one alone)",
    )
    add(
        "--on",
        type=_engine,
        metavar="ENGINE",
        help="evaluate on the workers of a cluster: dask://HOST:PORT, ray or "
        "ray://HOST:PORT; --workers says how many of them (default: all)",
    )
    add(
        "--costs",
        type=_costs,
        metavar="FILE",
        help="costs to use, or to write there once measured; static: measure nothing",
    )
    add(
        "--no-timing",
        dest="timing",
        action="store_false",
        help="time nothing: neither ops for the search nor what was converted",
    )
    add("--json", action="store_true", help="print the report as JSON")
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument(
        "--quiet", "-q", action="store_true", help="say only what is warned of"
    )
    loudness.add_argument(
        "--verbose",
        "-v",
        action="store_true",
        help="say each step, and let through what the framework prints",
    )
    slots.add_options(parser)
    words = sys.argv[1:] if arguments is None else arguments
    _check_named(words, prog)
    given = vars(parser.parse_args(words))
    supplied = partial(slots.arguments, {each: given.pop(each) for each in slots.names})
    options = Options(**given)
    if options.trial is not None:
        output = options.output / f"trial-{options.trial}"
        options = replace(options, output=output)
    return options, supplied


def _check_named(arguments: Sequence[str], prog: str) -> None:
    """Refuse an empty name: as a path it would be the folder that one is in.

    Raises:
        UsageError: There is one.
    """
    for before, each in pairwise([prog, *arguments]):
        if not each or (each.startswith("--") and each.endswith("=")):
            raise UsageError(
                f"an empty name was given, after {each or before}",
                "Probably a variable that is not set.",
            )


class _Parser(argparse.ArgumentParser):
    """Raises what is wrong with options, in place of ending the process."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        raise UsageError(message, f"{self.prog} --help lists the options.")


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


def _engine(text: str) -> str:
    try:
        return check_engine(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error.remedy}") from error


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
