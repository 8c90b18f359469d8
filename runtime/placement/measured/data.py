"""Measured costs as plain data, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...common.strict_json import mapped, number, of, parsed, record, seconds, text
from ...common.timing import Latency
from ...frameworks.protocol import Timings
from ...graph.graph import Precision
from ..costs import StaticCosts
from .measured import MeasuredCosts

CAST = re.compile(r"\((?P<shape>[\d, ]*)\): (?P<source>\w+) -> (?P<target>\w+)")


def costs_data(costs: MeasuredCosts) -> dict[str, Any]:
    """The costs as plain data in seconds, for the plan."""
    ops: dict[str, dict[str, float]] = {}
    for (name, precision), timed in costs.timings.ops.items():
        ops.setdefault(name, {})[str(precision)] = timed.median
    casts = {
        f"{shape}: {source} -> {target}": timed.median
        for (shape, source, target), timed in costs.timings.casts.items()
    }
    return {
        "static": costs.static.profile.name,
        "errors": {str(p): error for p, error in costs.errors.items()},
        "margin": costs.margin,
        "scale": {str(p): factor for p, factor in costs.scale.items()},
        "ops": ops,
        "casts": casts,
        **({"int8_slower": True} if costs.int8_slower else {}),
    }


def costs_of(data: Mapping[str, Any], static: StaticCosts) -> MeasuredCosts:
    """What `costs_data` was given, but for the noise of each time.

    Raises:
        ValueError, TypeError, LookupError, AttributeError: It is no such data.
    """
    ops = {
        (str(name), Precision(precision)): _latency(taken)
        for name, times in data["ops"].items()
        for precision, taken in times.items()
    }
    casts = {cast_of(said): _latency(taken) for said, taken in data["casts"].items()}
    return MeasuredCosts(
        Timings(ops, casts),
        static,
        {Precision(p): float(factor) for p, factor in data["scale"].items()},
        {Precision(p): float(error) for p, error in data["errors"].items()},
        float(data["margin"]),
        bool(data.get("int8_slower", False)),
    )


def cast_of(said: str) -> tuple[tuple[int, ...], Precision, Precision]:
    """Shape, source and target of a cast that is written in words.

    Raises:
        ValueError: It is none.
    """
    found = CAST.fullmatch(said)
    if found is None:
        raise ValueError(f"{said!r} is no cast")
    shape = tuple(int(size) for size in found["shape"].split(",") if size.strip())
    return shape, Precision(found["source"]), Precision(found["target"])


def _latency(taken: Any) -> Latency:
    value = float(taken)
    if not 0.0 <= value < float("inf"):
        raise ValueError(f"{taken!r} is no time")
    return Latency(value, value, value, 1)


PRECISION = parsed(Precision, "a precision")

COSTS = record(
    {
        "static": text,
        "errors": mapped(number, PRECISION),
        "margin": seconds,
        "scale": mapped(number, PRECISION),
        "ops": mapped(mapped(seconds, PRECISION)),
        "casts": mapped(seconds, parsed(cast_of, "a cast")),
    },
    {"int8_slower": of(bool, "true or false")},
)
"""The shape of what `costs_data` gives."""
