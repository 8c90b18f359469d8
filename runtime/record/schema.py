"""What each line of a history may hold: one shape for everything that is recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..common.strict_json import (
    Shape,
    complaint,
    count,
    listed,
    mapped,
    number,
    of,
    optional,
    parsed,
    record,
    row,
    seconds,
    text,
)
from ..common.timing import LATENCY
from ..evaluation.baseline import BASELINE
from ..evaluation.evaluation import EVALUATION
from ..evaluation.performance.performed import PERFORMED
from ..graph.graph import Precision
from ..graph.pins import Why
from ..placement.measured.data import COSTS, PRECISION
from ..search.steps import ESTIMATES, LIFTING, RANGES

LOW = f"(?:{'|'.join(Precision)})"

STEPS: Mapping[str, Shape] = {
    "baseline": BASELINE,
    "files": mapped(mapped(text)),
    "machine": mapped(text),
    f"graph {LOW}": record({"graph": text}, {}),
    f"question {LOW}": mapped(text),
    f"forms {LOW}": mapped(text),
    f"costs {LOW}": record({"costs": optional(COSTS), "from": text}, {}),
    f"ranges {LOW}": RANGES,
    f"estimates {LOW}": ESTIMATES,
    f"estimates in int8 {LOW}": ESTIMATES,
    f"scales {LOW}": mapped(row(number, number, text)),
    f"calibration {LOW}": mapped(text),
    f"lifting {LOW}": LIFTING,
    r"check .+ \w+": EVALUATION,
    r"time .+ \w+": record(
        {
            "latency": record(
                {"fp32": LATENCY, "result": LATENCY},
                {"prepared": LATENCY, "rules": LATENCY, "compiled": LATENCY},
            ),
            "aside": text,
        },
        {"performance": PERFORMED},
    ),
    r"score rules for .+ \w+": optional(EVALUATION),
}
"""Name of a step, as a pattern → shape of its value. Nothing asks for other steps."""

PINS = listed(
    record(
        {"why": parsed(Why, "a reason"), "text": text, "ops": listed(text)},
        {"number": optional(number), "floor": PRECISION},
    )
)

TRIAL = {"trial": count, "precision": PRECISION}

STARTED = (
    record({**TRIAL, "fp32": listed(text), "pins": PINS}, {"int8": listed(text)}),
    record({**TRIAL, "low": listed(text), "pins": PINS}, {"int8": listed(text)}),
)


def outcome(value: Any, at: str) -> Iterator[str]:
    """How a trial ended: an evaluation, or why there is none."""
    yield from OUTCOME(value, at)
    if "evaluation" not in value and not value.get("failure", "").strip():
        yield f"{at} has neither evaluation nor failure"


OUTCOME = record({"elapsed": seconds}, {"evaluation": EVALUATION, "failure": text})

ENDED = record({**TRIAL, "result": outcome}, {})

STOPPED = record({**TRIAL, "stopped": text}, {})


def wrong(line: Mapping[str, Any]) -> str:
    """What is wrong with a line behind the first, "" if nothing is."""
    if "step" in line:
        return _wrong_step(line)
    if "result" in line:
        return complaint(ENDED, line, "the trial")
    if "stopped" in line:
        return complaint(STOPPED, line, "the trial")
    return complaint(STARTED["low" in line], line, "the trial")


def step_shape(name: str) -> Shape | None:
    """The shape of a step's value, None of one that nothing asks for."""
    return next(
        (shape for pattern, shape in STEPS.items() if re.fullmatch(pattern, name)), None
    )


def _wrong_step(line: Mapping[str, Any]) -> str:
    shape = record({"step": text, "value": of(object, "a value")}, {})
    found = complaint(shape, line, "the line")
    inner = None if found else step_shape(line["step"])
    return found if inner is None else complaint(inner, line["value"], line["step"])
