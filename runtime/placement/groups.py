"""Ops that must have one precision, as one."""

from __future__ import annotations

from ..graph.graph import Graph


def leaders(graph: Graph) -> dict[str, str]:
    """Op id → the op that stands for its equality group, in the graph's order."""
    leader = {op.id: op.id for op in graph.ops}

    def lead(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for group in graph.equal:
        first, *others = group
        for other in others:
            leader[lead(other)] = lead(first)
    return {op.id: lead(op.id) for op in graph.ops}
