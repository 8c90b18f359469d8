"""One of several numbers of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ...common.strict_json import (
    Shape,
    count,
    listed,
    number,
    optional,
    record,
    row,
    text,
)

MOST_DECIBELS = 300.0
"""The SQNR of outputs that do not differ: about the range of a double."""

SHARE = "share of what is allowed"
"""What the one number of several is called that are each judged."""

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """One of several numbers of an evaluation.

    Attributes:
        metric: What it is called.
        value: The number.
        output: The output of the model that it is of, None where it is of all.
        scores: The samples' own where it is their mean, shape (n,).
        bounds: The least and the largest that a score can be; without scores, that the
            number itself can still become.
        zeros: Of the model as loaded: the number for outputs that are all zero.
    """

    metric: str
    value: float
    output: int | None = None
    scores: Scores | None = field(default=None, compare=False, repr=False)
    bounds: tuple[float, float] | None = field(default=None, compare=False, repr=False)
    zeros: float | None = field(default=None, compare=False, repr=False)


@runtime_checkable
class OfParts(Protocol):
    """A metric that holds others, each of which sees the batches."""

    def parts(self) -> tuple[Part, ...]:
        """What each of them gives so far."""
        ...


PART: Shape = record(
    {"metric": text, "value": number},
    {
        "output": count,
        "scores": listed(number),
        "bounds": row(number, number),
        "zeros": optional(number),
    },
)


def part_data(part: Part) -> dict[str, Any]:
    """A part as plain data; what it does not have is left out."""
    data = {each.name: getattr(part, each.name) for each in fields(part)}
    scores = {} if part.scores is None else {"scores": part.scores.tolist()}
    return {key: value for key, value in data.items() if value is not None} | scores


def part_of(data: Mapping[str, Any]) -> Part:
    """What `part_data` was given."""
    found = dict(data)
    if "scores" in found:
        found["scores"] = np.array(found["scores"], np.float64)
    if "bounds" in found:
        found["bounds"] = tuple(found["bounds"])
    return Part(**found)
