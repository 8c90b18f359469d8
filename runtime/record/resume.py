"""Taking up an earlier search: its history, if that is of the same model and question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ..common.errors import HistoryError
from ..common.files import sha256
from ..common.jsonl import decoded, encoded
from ..common.telling.progress import Progress
from ..common.version import VERSION
from ..evaluation.criterion import Criterion
from ..evaluation.identity import Identity
from ..graph.graph import Graph, Precision
from ..graph.pins import Pins
from ..hardware.requirements import Machine
from ..placement.measured.subject import machine_data
from ..search import Found
from ..search.history import History
from .header import spec_sha256
from .rebuild import rebuilding
from .recorded import ANEW, FORMAT, Recorded, history_path, resumed


def header(name: str, script: Path) -> dict[str, Any]:
    """The first line of a history: what a search is of, as far as its script says."""
    return {
        "format": FORMAT,
        "narrowcast": VERSION,
        "name": name,
        "spec": spec_sha256(script),
        "script": sha256(script),
    }


def opened(
    plan: Path,
    name: str,
    script: Path,
    *,
    resume: bool,
    trial: int | None,
    progress: Progress,
) -> History:
    """The history of a run that replays no plan.

    A new one takes the place of an earlier one's file when it is first written to.

    Args:
        resume: Take up the earlier one, if there is one.
        trial: Only read the earlier one, for this trial of it.

    Raises:
        UsageError: The earlier one is of another script or spec, is damaged, or has no
            such trial.
    """
    path, first = history_path(plan), header(name, script)
    if trial is not None:
        return rebuilding(resumed(path, first), trial, path)
    earlier = resumed(path, first) if resume else None
    if earlier is not None:
        progress.line("resume", f"{len(earlier.trials)} trials in {path.name}")
    elif resume:
        progress.line("resume", f"nothing to resume: {path.name} has nothing yet")
    return earlier or Recorded(path, first)


def check_search(
    history: History,
    name: str,
    graph: Graph,
    low: Precision,
    files: Mapping[str, Mapping[str, str]],
    machine: Machine | None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Record model, data and graph, or hold them against what is recorded.

    Args:
        name: The history's file.
        files: Kind → file → sha256.

    Returns:
        The Python modules that the search was begun with: what a resumed run does not
        repeat may not import them all. And what to warn of, a sentence each.

    Raises:
        UsageError: They differ.
    """
    recorded = check_same(history, "files", files, name)
    check_same(history, f"graph {low}", {"graph": graph.fingerprint()}, name)
    _check_ops(history, name, graph, low)
    now = machine_data(machine)
    changes = machine_changes(history.remember("machine", lambda: now), now)
    return tuple(recorded.get("python", ())), tuple(changes)


def _check_ops(history: History, name: str, graph: Graph, low: Precision) -> None:
    """What was found out of ops must be of this graph's."""
    steps = history.steps if isinstance(history, Recorded) else {}
    ranges = steps.get(f"ranges {low}", {"pins": {}, "excused": {}})
    ranking = steps.get(f"estimates {low}", {"ranking": []})["ranking"]
    lifted = steps.get(f"lifting {low}", {})
    named = (*ranges["pins"], *ranges["excused"], *(row[0] for row in ranking), *lifted)
    unknown = [op for op in named if op not in graph.by_id]
    if unknown:
        raise HistoryError(
            f"{name} is damaged: {unknown[0]} is no op of the graph", ANEW
        )


def check_question(
    history: History,
    name: str,
    low: Precision,
    objective: str,
    criterion: Criterion,
    pins: Pins,
) -> None:
    """Record what is asked of the search, or hold it against what is recorded.

    Raises:
        UsageError: It differs.
    """
    asked = {
        "objective": objective,
        "criterion": repr(criterion),
        "pins": _said(pins),
    }
    check_same(history, f"question {low}", asked, name)


def _said(pins: Pins) -> str:
    """The pins in words that are compared; what came later only where it is there."""
    wider = (pins.everything, *pins.freed_types, *pins.freed_names)
    said = f"{dict(pins.types)} {dict(pins.names)}"
    return f"{said} {wider}" if any(wider) else said


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
        raise HistoryError(
            f"{name} is the history of another search: {what} changed",
            "Restore it, or search anew with --search in place of --resume.",
        )
    return recorded


def check_data(recorded: Identity | None, now: Identity, name: str) -> None:
    """Hold the data, read anew and whole, against what an earlier run was judged on.

    Args:
        name: The history's file.

    Raises:
        UsageError: It differs: the scores in the history are of other samples.
    """
    chain = () if recorded is None else recorded.chain
    if chain == now.chain:
        return
    pairs = enumerate(zip_longest(chain, now.chain))
    first = next(number for number, (a, b) in pairs if a != b)
    raise HistoryError(
        f"{name} is the history of another search: the data changed, from batch "
        f"{first + 1} on",
        "Restore it, or search anew with --search in place of --resume. A dataset that draws at random must "
        "be seeded, to be the same in each pass.",
    )


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


def best_trial(found: Found) -> int | None:
    """The number of the passing trial that is delivered first, None if none passed."""
    first = found.plans[0].placement if found.plans else None
    best = (t.number for t in found.trials if t.holds and t.placement == first)
    return next(best, None)
