"""Ops that must have one precision, and what they are predicted to do together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...graph.graph import Graph, Op
from ...placement.groups import leaders
from .estimate import Estimate


@dataclass(frozen=True)
class Groups:
    """Equality groups of a graph's ops; an op that is in none is one by itself.

    Attributes:
        leader: Op id → the op that stands for its group.
        ops: That op's id → the group.
        worst: That op's id → the op whose error is the largest of those that are known.
    """

    leader: Mapping[str, str]
    ops: Mapping[str, Sequence[Op]]
    worst: Mapping[str, str]

    @classmethod
    def of(cls, graph: Graph, estimates: Iterable[Estimate]) -> Groups:
        """Those of a graph, by the first of the estimates that are the largest."""
        leader = leaders(graph)
        ops: dict[str, list[Op]] = {}
        for op in graph.ops:
            ops.setdefault(leader[op.id], []).append(op)
        worst: dict[str, Estimate] = {}
        for each in estimates:
            known = worst.setdefault(leader[each.op], each)
            if each.error > known.error:
                worst[leader[each.op]] = each
        return cls(leader, ops, {name: each.op for name, each in worst.items()})

    def members(self, op: str) -> Sequence[Op]:
        """The ops of an op's group."""
        return self.ops[self.leader[op]]

    def alone(self, op: str) -> bool:
        """Whether no other op must have its precision."""
        return len(self.members(op)) == 1

    def others(self, ops: Iterable[str]) -> list[str]:
        """Of these ops the first of each group of which nothing is known."""
        first: dict[str, str] = {}
        for op in ops:
            first.setdefault(self.leader[op], op)
        return [op for name, op in first.items() if name not in self.worst]

    def together(self, ranking: Iterable[Estimate]) -> list[Estimate]:
        """One estimate for each group, of its worst op: squares are summed."""
        found: dict[str, list[Estimate]] = {}
        for each in ranking:
            found.setdefault(self.leader[each.op], []).append(each)
        return [
            replace(
                own[0],
                op=self.worst[name],
                error=math.hypot(*(each.error for each in own)),
                share=min(math.fsum(each.share for each in own), 1.0),
            )
            for name, own in found.items()
        ]
