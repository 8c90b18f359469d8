"""What a placement problem gives: a precision for each of its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..graph.graph import Precision


@dataclass(frozen=True)
class Solution:
    """A precision for each node, and what they cost together."""

    labels: Mapping[int, Precision]
    value: float


def by_side(
    nodes: Iterable[int], fp32: list[bool], low: Precision
) -> dict[int, Precision]:
    """Node → precision, where a cut's side says which are fp32."""
    return {node: Precision.FP32 if fp32[node] else low for node in nodes}


def held(floors: Mapping[int, Precision]) -> list[int]:
    """The nodes that must be fp32."""
    return sorted(n for n, floor in floors.items() if floor is Precision.FP32)
