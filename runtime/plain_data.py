"""What a history holds as plain data, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from .evaluation import Evaluation
from .history import Outcome
from .pins import Reason, Why
from .timing import Latency


def evaluation_data(found: Evaluation) -> dict[str, Any]:
    """An evaluation as plain data; what it does not have is left out."""
    data = {each.name: getattr(found, each.name) for each in fields(found)}
    scores = {} if found.scores is None else {"scores": found.scores.tolist()}
    return {k: value for k, value in data.items() if value is not None} | scores


def evaluation(data: Mapping[str, Any]) -> Evaluation:
    """What `evaluation_data` was given."""
    found: dict[str, Any] = dict(data)
    if "scores" in found:
        found["scores"] = np.array(found["scores"], np.float64)
    if "bounds" in found:
        found["bounds"] = tuple(found["bounds"])
    return Evaluation(**found)


def latencies_data(found: Mapping[str, Latency] | None) -> dict[str, Any] | None:
    """Latencies as plain data."""
    return None if found is None else {k: asdict(each) for k, each in found.items()}


def latencies(data: Mapping[str, Any] | None) -> dict[str, Latency] | None:
    """What `latencies_data` was given."""
    return None if data is None else {k: Latency(**each) for k, each in data.items()}


def outcome_data(ended: Outcome) -> dict[str, Any]:
    """How a trial ended as plain data."""
    found = ended.evaluation
    return {
        **({} if found is None else {"evaluation": evaluation_data(found)}),
        **({"failure": ended.failure} if ended.failure else {}),
        "elapsed": ended.elapsed,
    }


def outcome(data: Mapping[str, Any]) -> Outcome:
    """What `outcome_data` was given."""
    found = evaluation(data["evaluation"]) if "evaluation" in data else None
    return Outcome(found, str(data.get("failure", "")), float(data["elapsed"]))


def pins_data(pins: Mapping[str, Reason]) -> list[dict[str, Any]]:
    """Reasons with the ops that each holds, in the order of the first."""
    held: dict[Reason, list[str]] = {}
    for name, reason in pins.items():
        held.setdefault(reason, []).append(name)
    return [
        {
            "why": str(reason.why),
            "text": reason.text,
            **({} if reason.number is None else {"number": reason.number}),
            "ops": names,
        }
        for reason, names in held.items()
    ]


def reasons(data: Iterable[Mapping[str, Any]]) -> dict[str, Reason]:
    """What `pins_data` was given, in the order of its reasons."""
    return {
        str(name): Reason(Why(each["why"]), str(each["text"]), each.get("number"))
        for each in data
        for name in each["ops"]
    }
