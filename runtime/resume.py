"""Taking up an earlier search: its history, if that is of the same model and question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import UsageError
from .files import sha256
from .hardware.requirements import Machine
from .header import spec_sha256
from .history import History
from .jsonl import decoded, encoded
from .recorded import FORMAT, Recorded, history_path, resumed
from .version import VERSION


def header(name: str, script: Path) -> dict[str, Any]:
    """The first line of a history: what a search is of, as far as its script says."""
    return {
        "format": FORMAT,
        "narrowcast": VERSION,
        "name": name,
        "spec": spec_sha256(script),
        "script": sha256(script),
    }


def begun(plan: Path, name: str, script: Path) -> Recorded:
    """The history of a new search, which takes the place of an earlier one's."""
    return Recorded(history_path(plan), header(name, script))


def taken_up(plan: Path, name: str, script: Path) -> Recorded | None:
    """The history of an earlier search, None if there is nothing to resume.

    Raises:
        UsageError: It is of another script or spec, or damaged.
    """
    return resumed(history_path(plan), header(name, script))


def machine_data(machine: Machine | None) -> dict[str, str]:
    """What measured, for `machine_changes`."""
    return {
        "narrowcast": VERSION,
        "framework": machine.framework if machine else "",
        "cpu": machine.cpu.model if machine else "",
        "cuda": machine.cuda if machine else "",
    }


def machine_changes(
    recorded: Mapping[str, str], now: Mapping[str, str]
) -> Iterator[str]:
    """What the history was made with that is not so now, a sentence each."""
    for key, value in now.items():
        if recorded.get(key) != value:
            yield (
                f"the search was begun with {recorded.get(key) or f'no {key}'}, "
                f"this is {value or f'no {key}'}"
            )


def check_same(
    history: History, step: str, now: Mapping[str, Any], name: str
) -> Mapping[str, Any]:
    """Record what the search is of, or hold it against what an earlier run recorded.

    Returns:
        What is recorded.

    Args:
        step: "files", "graph" or what the search is asked for.
        now: Plain data, one or two levels deep.
        name: The history's file.

    Raises:
        UsageError: It differs: what was found out then says nothing of this.
    """
    recorded: Mapping[str, Any] = history.remember(step, lambda: now)
    for what in _differences(recorded, decoded(encoded(now))):
        raise UsageError(
            f"{name} is the history of another search: {what} changed",
            "Restore it, or search anew with --search in place of --resume.",
        )
    return recorded


def _differences(recorded: Any, now: Any, path: str = "") -> Iterator[str]:
    """Where two mappings differ.

    A Python module that only one of them has was not imported yet when the other was
    made.
    """
    if not isinstance(recorded, Mapping) or not isinstance(now, Mapping):
        if recorded != now:
            yield path
        return
    for key in dict.fromkeys((*recorded, *now)):
        known = key in recorded and key in now
        if known or path != "python":
            yield from _differences(recorded.get(key), now.get(key), str(key))
