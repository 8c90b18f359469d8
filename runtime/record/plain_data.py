"""What a history or a plan holds as plain data, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..evaluation.evaluation import evaluation, evaluation_data
from ..frameworks.quantizing.quantization import Scale, Scales
from ..graph.graph import Precision
from ..graph.pins import Reason, Why
from ..search.history import Outcome


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
    return [{**reason_data(reason), "ops": names} for reason, names in held.items()]


def reasons(data: Iterable[Mapping[str, Any]]) -> dict[str, Reason]:
    """What `pins_data` was given, in the order of its reasons."""
    return {str(name): reason_of(each) for each in data for name in each["ops"]}


def reason_data(reason: Reason) -> dict[str, Any]:
    """A reason as plain data."""
    number = {} if reason.number is None else {"number": reason.number}
    fp32 = reason.floor is Precision.FP32
    floor = {} if fp32 else {"floor": str(reason.floor)}
    return {"why": str(reason.why), "text": reason.text, **number, **floor}


def reason_of(data: Mapping[str, Any]) -> Reason:
    """What `reason_data` was given."""
    number = data.get("number")
    number = None if number is None else float(number)
    floor = Precision(data.get("floor", Precision.FP32))
    return Reason(Why(data["why"]), str(data["text"]), number, floor)


def scales_data(scales: Scales) -> dict[str, list[Any]]:
    """Tensor → [scale, zero point, dtype]."""
    return {
        name: [each.scale, each.zero_point, each.dtype]
        for name, each in sorted(scales.items())
    }


def scales_of(data: Mapping[str, Any]) -> dict[str, Scale]:
    """What `scales_data` was given."""
    return {
        str(name): Scale(float(scale), int(zero), str(dtype))
        for name, (scale, zero, dtype) in data.items()
    }
