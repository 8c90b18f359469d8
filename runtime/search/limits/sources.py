"""What pinned ops read: a sine in fp32 is of no use to a position that came in bf16.

So the ops that a pinned one reads from are tried, each by itself, and what they read as
long as the outputs suffer. An attempt runs the whole model, and there may be dozens of
movers in a row, as where a filter bank is written as reshapes and convolutions: of
those one is tried.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from ...frameworks.protocol import Traced
from ...graph.graph import Graph, Kind, Op, Precision
from ...graph.pins import Reason, Why

GROSS = 2.0**-6
"""A relative RMS error that rounding a few values to 8 bits does not explain."""


def with_sources(
    traced: Traced, low: Precision, pins: Mapping[str, Reason], free: Mapping[str, Op]
) -> dict[str, Reason]:
    """The pins, and the ops whose rounding they would make gross.

    Movers round nothing: `with_movers` holds those through which pinned ops read.
    """
    graph, found = traced.graph, dict(pins)
    waiting: list[tuple[str, float | None]] = [(name, None) for name in pins]
    judged, handed = set(pins), _handed_on(graph)
    while waiting:
        reader, same = waiting.pop()
        for name in graph.castable(graph.by_id[reader]):
            source = graph.source(name)
            if source is None or source.id not in free or source.id in judged:
                continue
            judged.add(source.id)
            error = same if name in handed else None
            if error is None:
                error = traced.error(low, (source.id,))
            if error <= GROSS:
                continue
            waiting.append((source.id, error))
            if source.kind is not Kind.MOVER:
                text = f"rounded to {low} here, {_outcome(error)}, through {reader}"
                found[source.id] = Reason(Why.RANGE, text, error)
    return found


def _handed_on(graph: Graph) -> set[str]:
    """Tensors from one mover to another, which take, make and share nothing else:
    rounded by the first or by the second, the values are the same."""
    reads = Counter(slot.tensor for op in graph.ops for slot in op.inputs)
    reads.update(graph.outputs)
    movers = [
        op
        for op in graph.ops
        if op.kind is Kind.MOVER and len(graph.castable(op)) == len(op.outputs) == 1
    ]
    made = {op.outputs[0] for op in movers if reads[op.outputs[0]] == 1}
    return made & {graph.castable(op)[0] for op in movers}


def _outcome(error: float) -> str:
    if math.isfinite(error):
        return f"values put the outputs off by {error:.0%}"
    return "values make outputs that are not finite"
