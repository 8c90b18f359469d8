"""What a search's steps found, as plain data for its history and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..common.strict_json import (
    count,
    listed,
    mapped,
    number,
    optional,
    parsed,
    record,
    row,
    text,
)
from ..graph.graph import Precision
from ..graph.pins import Reason, Why
from .limits.ranges import Ranges
from .sensitivity.estimate import Estimate, Method
from .sensitivity.estimates import Estimates

FP32 = row(parsed(Why, "a reason"), text, optional(number))
LOWER = row(
    parsed(Why, "a reason"), text, optional(number), parsed(Precision, "a precision")
)


def reason(value: Any, at: str) -> Iterator[str]:
    """Why, text, number; and the floor where that is not fp32."""
    lower = isinstance(value, list) and len(value) > 3
    yield from (LOWER if lower else FP32)(value, at)


RANGES = record(
    {
        "pins": mapped(reason),
        "excused": mapped(reason),
        "firm": listed(text),
        "unfit": listed(text),
    },
    {},
)

ESTIMATES = record(
    {
        "passes": count,
        "ranking": listed(row(text, number, number, parsed(Method, "a method"))),
    },
    {},
)

LIFTING = mapped(number)


def ranges_data(ranges: Ranges) -> dict[str, Any]:
    """Both groups: op id → [why, text, number]; what stays pinned, what can't be cast."""
    return {
        "pins": _reasons(ranges.pins),
        "excused": _reasons(ranges.excused),
        "firm": sorted(ranges.firm),
        "unfit": sorted(ranges.unfit),
    }


def ranges_of(data: Mapping[str, Any]) -> Ranges:
    """The inverse of `ranges_data`."""
    return Ranges(
        _parsed(data["pins"]),
        _parsed(data["excused"]),
        frozenset(data["firm"]),
        frozenset(data["unfit"]),
    )


def estimates_data(found: Estimates) -> dict[str, Any]:
    """The ranking: [op id, error, share, method] each."""
    ranking = [[e.op, e.error, e.share, str(e.method)] for e in found.ranking]
    return {"passes": found.passes, "ranking": ranking}


def estimates_of(data: Mapping[str, Any]) -> Estimates:
    """The inverse of `estimates_data`."""
    ranking = (
        Estimate(op, error, share, Method(method))
        for op, error, share, method in data["ranking"]
    )
    return Estimates(tuple(ranking), int(data["passes"]))


def _reasons(reasons: Mapping[str, Reason]) -> dict[str, list[Any]]:
    return {op: _row(each) for op, each in reasons.items()}


def _row(reason: Reason) -> list[Any]:
    floor = [] if reason.floor is Precision.FP32 else [str(reason.floor)]
    return [str(reason.why), reason.text, reason.number, *floor]


def _parsed(data: Mapping[str, Any]) -> dict[str, Reason]:
    return {
        op: Reason(Why(why), text, number, *map(Precision, floor))
        for op, (why, text, number, *floor) in data.items()
    }
