"""The history of a search in a file: `NAME.trials.jsonl` beside the plan (docs/history.md).

A search is deterministic but for what it measures. What was measured is written before
it is used, so a process that is killed at any point leaves all that the next one needs
to take the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..common import jsonl
from ..common.errors import HistoryError
from ..graph.graph import Placement, Precision
from ..graph.pins import Reason
from ..search.history import Attempt, Outcome
from .plain_data import outcome, outcome_data, pins_data, reasons
from .schema import wrong

FORMAT = 3

ANEW = "Search anew with --search in place of --resume."

DEATHS = 2
"""So often a trial may end its process before it counts as failed."""

Key = tuple[str, str, frozenset[str], frozenset[str]]
"""A placement: its 16-bit precision, a side ("fp32" or "low"), the ops on it, and those
in int8, which are on neither."""


@dataclass(frozen=True)
class Past:
    """A trial of an earlier run.

    Attributes:
        started: How often it was started and neither ended nor was interrupted.
        outcome: None if it has none.
    """

    number: int
    key: Key
    pins: Mapping[str, Reason]
    started: int = 0
    outcome: Outcome | None = None

    @property
    def low(self) -> Precision:
        """The precision that ops were lowered to."""
        return Precision(self.key[0])

    def placement(self, ops: Iterable[str]) -> Placement:
        """The whole placement, given all ops of the graph."""
        _low, side, names, int8 = self.key
        here = Precision.FP32 if side == "fp32" else self.low
        there = self.low if side == "fp32" else Precision.FP32
        sides = {name: here if name in names else there for name in ops}
        return sides | dict.fromkeys(int8 & sides.keys(), Precision.INT8)


@dataclass
class Recorded:
    """A history that is written as it grows; a `History`.

    Attributes:
        header: The first line, of this run.
        size: Bytes of it that stand; 0 until the first is written.
        steps: What was remembered, decoded.
    """

    path: Path
    header: Mapping[str, Any]
    size: int = 0
    steps: dict[str, Any] = field(default_factory=dict)
    trials: dict[Key, Past] = field(default_factory=dict)

    def remember(self, step: str, make: Callable[[], Any]) -> Any:
        """What is recorded for this step, else what `make` gives, recorded.

        Raises:
            UsageError: The file can't be written.
        """
        if step not in self.steps:
            self._begin()
            value = make()
            self._write({"step": step, "value": value})
            self.steps[step] = jsonl.decoded(jsonl.encoded(value))
        return self.steps[step]

    def trial(self, attempt: Attempt, make: Callable[[], Outcome]) -> Outcome:
        """What is recorded for this placement, else what `make` gives, recorded.

        One that took the process with it twice has failed.

        Raises:
            UsageError: The file can't be written.
        """
        key = key_of(attempt.low, attempt.placement)
        past = self.trials.get(key, Past(attempt.number, key, attempt.pins))
        if past.outcome is not None:
            return past.outcome
        self._begin()
        if past.started >= DEATHS:
            ended = Outcome(None, "the process died in it twice", self._elapsed())
        else:
            self._started(past)
            try:
                ended = _as_recorded(make())
            except BaseException as error:  # it ended, if not of itself
                self._ended(past, {"stopped": type(error).__name__})
                raise
        self._ended(past, {"result": outcome_data(ended)}, ended)
        return ended

    def _started(self, past: Past) -> None:
        low, side, names, int8 = past.key
        self._write(
            {
                "trial": past.number,
                "precision": low,
                side: sorted(names),
                **({"int8": sorted(int8)} if int8 else {}),
                "pins": pins_data(past.pins),
            }
        )
        self.trials[past.key] = replace(past, started=past.started + 1)

    def _ended(
        self, past: Past, line: Mapping[str, Any], outcome: Outcome | None = None
    ) -> None:
        self._write({"trial": past.number, "precision": past.key[0], **line})
        self.trials[past.key] = replace(past, outcome=outcome)

    def _elapsed(self) -> float:
        found = (t.outcome.elapsed for t in self.trials.values() if t.outcome)
        return max(found, default=0.0)

    def _begin(self) -> None:
        if not self.size:
            jsonl.start(self.path, self.header)
            self.size = self.path.stat().st_size

    def _write(self, line: Mapping[str, Any]) -> None:
        self.size = jsonl.append(self.path, line, self.size)


def plan_stem(plan: Path) -> str:
    """What a plan and its history are called."""
    return plan.name.removesuffix(".json").removesuffix(".plan")


def history_path(plan: Path) -> Path:
    """Where the history of the search for a plan is."""
    return plan.with_name(f"{plan_stem(plan)}.trials.jsonl")


def resumed(path: Path, header: Mapping[str, Any]) -> Recorded | None:
    """What an earlier run recorded, to be taken up; None if it recorded nothing.

    Raises:
        UsageError: It can't be read, is damaged, or is of another script or spec.
    """
    if not path.exists():
        return None
    lines, size = jsonl.read(path)
    if not lines:
        return None
    _check_header(lines[0], header, path.name)
    found = Recorded(path, lines[0], size)
    numbers: dict[tuple[str, int], Key] = {}
    for number, line in enumerate(lines[1:], start=2):
        what = wrong(line) or _take(found, numbers, line)
        if what:
            raise HistoryError(f"{path.name} is damaged in line {number}: {what}", ANEW)
    return found


def _take(
    found: Recorded, numbers: dict[tuple[str, int], Key], line: Mapping[str, Any]
) -> str:
    """Add what one line says; what is wrong with that, "" if nothing is."""
    if "step" in line:
        found.steps[line["step"]] = line["value"]
        return ""
    name = line["precision"], line["trial"]
    if "result" in line or "stopped" in line:
        if name not in numbers:
            return f"trial {name[1]} ends, which never began"
        key = numbers[name]
        past = replace(found.trials[key], started=found.trials[key].started - 1)
        if "result" in line:
            past = replace(past, outcome=outcome(line["result"]))
        found.trials[key] = past
        return ""
    side = "fp32" if "fp32" in line else "low"
    int8 = frozenset(line.get("int8", ()))
    key = name[0], side, frozenset(line[side]), int8
    known = found.trials.get(key, Past(name[1], key, reasons(line["pins"])))
    found.trials[key] = replace(known, number=name[1], started=known.started + 1)
    numbers[name] = key
    return ""


def _check_header(
    recorded: Mapping[str, Any], now: Mapping[str, Any], name: str
) -> None:
    if recorded.get("format") != now["format"]:
        raise HistoryError(f"{name} is no history of format {now['format']}", ANEW)
    for key, what in (("name", "model"), ("spec", "spec"), ("script", "script")):
        if recorded.get(key) != now[key]:
            raise HistoryError(
                f"{name} was begun with another {what}",
                f"Restore the {what} that it was begun with, or search anew with "
                "--search in place of --resume.",
            )


def key_of(low: Precision, placement: Placement) -> Key:
    """A placement by the smaller side of what is not in int8."""
    sides: dict[bool, list[str]] = {True: [], False: []}
    int8 = [name for name, each in placement.items() if each is Precision.INT8]
    for name, precision in placement.items():
        if precision is not Precision.INT8:
            sides[precision == low].append(name)
    side = len(sides[True]) < len(sides[False])
    return (
        str(low),
        "low" if side else "fp32",
        frozenset(sides[side]),
        frozenset(int8),
    )


def _as_recorded(ended: Outcome) -> Outcome:
    """The same as the file gives it back."""
    return outcome(jsonl.decoded(jsonl.encoded(outcome_data(ended))))
