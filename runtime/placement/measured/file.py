"""`--costs FILE`: costs measured on the target, for a run elsewhere.

A file holds those of one precision, and of others that the same script converts to
under "also". Its checksum tells what was altered since.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...common.errors import CostFileError
from ...common.files import write_bytes
from ...common.strict_json import (
    complaint,
    json_text,
    listed,
    mapped,
    of,
    record,
    strict,
    text,
)
from ...graph.graph import Precision
from .data import COSTS, PRECISION
from .subject import key

FORMAT = 2

ANEW = "Measure them anew: name a file that is not there yet, on the target."

WORDS = {
    "graph": "another graph, or another batch size",
    "forms": "other kernels",
    "static": "another machine profile",
}
"""What costs are of → what is said where that differs."""

ENTRY = {
    "of": record(
        {"precision": PRECISION, "graph": text, "forms": mapped(text), "static": text},
        {},
    ),
    "measured_on": mapped(of(object, "a value")),
    "costs": COSTS,
}

FILE = record(
    {"format": of(int, "a number"), "sha256": text, **ENTRY},
    {"also": listed(record(ENTRY, {}))},
)


def write_costs(
    path: Path,
    of: Mapping[str, Any],
    measured_on: Mapping[str, Any],
    costs: Mapping[str, Any],
) -> None:
    """Write costs with what they are of, beside those of other precisions there.

    Args:
        of: What they must fit (`subject.subject`).
        measured_on: For people.

    Raises:
        UsageError: It can't be written.
    """
    entry = {"of": of, "measured_on": measured_on, "costs": costs}
    entries = [*(_read(path) if path.exists() else []), entry]
    also = {"also": entries[1:]} if entries[1:] else {}
    content = strict({**entries[0], **also})
    whole = {"format": FORMAT, "sha256": key(content), **content}
    write_bytes(path, json_text(whole).encode())


def read_costs(
    path: Path, of: Mapping[str, Any], beside: Iterable[Precision] = ()
) -> dict[str, Any] | None:
    """The costs in a file.

    Args:
        of: What they must be of.
        beside: Precisions that the script converts to too.

    Returns:
        None where the file only holds those of `beside`.

    Raises:
        UsageError: They can't be read, were altered, or are of something else.
    """
    entry = _entry(path, _read(path), str(of.get("precision")), beside)
    if entry is None:
        return None
    for name, what in WORDS.items():
        if entry["of"][name] != of[name]:
            raise CostFileError(f"--costs {path.name} is of {what}", ANEW)
    costs: dict[str, Any] = entry["costs"]
    return costs


def read_forms(
    path: Path, precision: str, beside: Iterable[Precision] = ()
) -> dict[str, str] | None:
    """The kernels that the costs in a file are of: those that were fastest there.

    Returns:
        None where the file only holds costs of the precisions of `beside`.

    Raises:
        UsageError: They can't be read, were altered, or are of something else.
    """
    entry = _entry(path, _read(path), precision, beside)
    return None if entry is None else dict(entry["of"]["forms"])


def _entry(
    path: Path,
    entries: Iterable[Mapping[str, Any]],
    precision: str,
    beside: Iterable[Precision],
) -> Mapping[str, Any] | None:
    held = {entry["of"]["precision"]: entry for entry in entries}
    if precision in held:
        return held[precision]
    if held.keys() <= set(map(str, beside)):
        return None
    raise CostFileError(f"--costs {path.name} is of another precision", ANEW)


def _read(path: Path) -> list[dict[str, Any]]:
    """What the costs are of, and the costs, for each precision."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CostFileError(
            f"--costs {path.name} can't be read: {error}", ANEW
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CostFileError(f"--costs {path.name} is no file of costs", ANEW)
    wrong = complaint(FILE, content, "it")
    if wrong:
        raise CostFileError(f"--costs {path.name} is damaged: {wrong}", ANEW)
    rest = {k: each for k, each in content.items() if k not in ("format", "sha256")}
    if key(rest) != content["sha256"]:
        raise CostFileError(
            f"--costs {path.name} is damaged: it was altered since it was written, "
            "says its sha256",
            ANEW,
        )
    also = rest.pop("also", [])
    return [rest, *also]
