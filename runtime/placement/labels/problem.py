"""A graph whose ops may be in int8, in 16 bits or in fp32, as sums over few variables.

No cut decides this exactly: a layered cut (Ishikawa, "Exact optimization for Markov
random fields with convex priors", PAMI 2003) demands that a conversion from int8 to fp32
costs as much as both steps, and measured ones cost less; a conversion that takers share
has no arcs for the middle label either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from ...graph.graph import Graph, Kind, Op, Precision
from ..costs import CastCost, OpCost, checked
from ..fusing import behind_int8, fuses_in
from ..groups import leaders
from ..solution import Solution
from .elimination import LARGEST, minimum
from .factors import Factor, cost
from .shares import SETS, Share, conversions, factors_of

Domains = list[list[int]]
"""The labels that each node may have, as indices, fp32's first."""


@dataclass(frozen=True)
class LabelProblem:
    """What a placement decides, before any floor.

    Attributes:
        nodes: Op id → node: one per equality group.
        labels: fp32 first, int8 last.
        kernels: Labels for which all ops of a node have a kernel.
        costs: What each node costs in each label, 0 where it has no kernel.
        work: FLOPs of each node that decide before any cost does.
        shares: Conversions, and copies of weights.
        fused: Nodes of an op and of its maker, and the label in which the op costs
            nothing behind the maker's int8 kernel.
    """

    nodes: Mapping[str, int]
    labels: tuple[Precision, ...]
    kernels: Sequence[Sequence[int]]
    costs: Sequence[Sequence[float]]
    work: Sequence[int]
    shares: Sequence[Share]
    fused: Sequence[tuple[int, int, int]] = ()

    quantum: float = 0.0
    """Resolution of the costs: they are not rounded."""

    def best(self, floors: Mapping[int, Precision], largest: int = LARGEST) -> Solution:
        """The cheapest labels that are no lower than the floors.

        Args:
            largest: Entries that one table may have.
        """
        ranks = {node: self.labels.index(each) for node, each in floors.items()}
        last = len(self.labels) - 1
        allowed = [
            [label for label in kernels if label <= ranks.get(node, last)] or [0]
            for node, kernels in enumerate(self.kernels)
        ]
        domains = consistent(self.shares, allowed)
        working = [
            [own[-1]] if w else own for w, own in zip(self.work, domains, strict=True)
        ]
        domains = consistent(self.shares, working)
        sizes, factors = self._factors(domains)
        highest = [0] * len(domains)
        lowest = [len(own) - 1 for own in domains]
        starts = [_completed(each, sizes, factors) for each in (highest, lowest)]
        found = minimum(sizes, factors, starts, largest, len(domains))
        labels = {
            node: self.labels[own[found[node]]] for node, own in enumerate(domains)
        }
        return Solution(labels, cost(factors, found))

    def _factors(self, domains: Domains) -> tuple[list[int], list[Factor]]:
        sizes = [len(own) for own in domains]

        def fresh() -> int:
            sizes.append(SETS)
            return len(sizes) - 1

        factors = [
            Factor((node,), np.array([self.costs[node][label] for label in own]))
            for node, own in enumerate(domains)
        ]
        factors += (self._fused(*each, domains) for each in self.fused)
        for share in self.shares:
            factors += factors_of(share, domains, fresh)
        return sizes, factors

    def _fused(self, op: int, maker: int, label: int, domains: Domains) -> Factor:
        """What an op does not cost, by its label and its maker's."""
        saved = np.zeros((len(domains[op]), len(domains[maker])))
        int8 = self.labels.index(Precision.INT8)
        if int8 in domains[maker] and label in domains[op]:
            row, column = domains[op].index(label), domains[maker].index(int8)
            saved[row, column] = -self.costs[op][label]
        return Factor((op, maker), saved)


def _completed(
    start: Sequence[int], sizes: Sequence[int], factors: Sequence[Factor]
) -> list[int]:
    """The nodes' values, and the sets of labels that follow from them."""
    found = [*start, *(0 for _ in sizes[len(start) :])]
    for factor in factors:
        last = factor.scope[-1] if factor.scope else 0
        if last >= len(start):
            picks = tuple(found[each] for each in factor.scope[:-1])
            found[last] = int((factor.table[picks] == 0.0).argmax())
    return found


def consistent(shares: Sequence[Share], domains: Sequence[Sequence[int]]) -> Domains:
    """The domains without labels of takers that cost infinitely whatever the maker's."""
    found = [list(own) for own in domains]
    infinite = [share for share in shares if not np.isfinite(share.table).all()]
    changed = True
    while changed:
        changed = False
        for share, taker in ((s, t) for s in infinite for t in s.takers):
            rows = (0,) if share.maker is None else found[share.maker]
            kept = [
                label
                for label in found[taker]
                if any(math.isfinite(share.table[row, 1 << label]) for row in rows)
            ]
            if kept and kept != found[taker]:
                found[taker], changed = kept, True
    return found


def label_problem(
    graph: Graph,
    low: Precision,
    op_cost: OpCost,
    cast_cost: CastCost,
    demanded: Set[str] = frozenset(),
) -> LabelProblem:
    """The problem that places `graph` in fp32, `low` and int8.

    Args:
        op_cost: Cost of an op in a precision that it has a kernel for.
        cast_cost: Cost of a conversion of a tensor.
        demanded: Ids of ops whose FLOPs are in the fewest bits that they can be in.

    Raises:
        CostError: If a cost is negative or not finite.
    """
    labels = (Precision.FP32, low, Precision.INT8)
    lead = leaders(graph)
    numbers = {name: k for k, name in enumerate(dict.fromkeys(lead.values()))}
    nodes = {name: numbers[lead[name]] for name in lead}
    members: list[list[Op]] = [[] for _ in numbers]
    for op in graph.ops:
        members[nodes[op.id]].append(op)
    kernels = [
        [k for k, label in enumerate(labels) if all(_has(op, label) for op in ops)]
        for ops in members
    ]
    costs = [
        [
            math.fsum(_cost(op, label, op_cost) for op in ops) if k in own else 0.0
            for k, label in enumerate(labels)
        ]
        for ops, own in zip(members, kernels, strict=True)
    ]
    work = [sum(op.flops for op in ops if op.id in demanded) for ops in members]
    shares = tuple(conversions(graph, labels, nodes, cast_cost))
    fused = tuple(
        (nodes[op.id], nodes[maker.id], labels.index(fuses_in(maker)))
        for op, maker in behind_int8(graph)
    )
    return LabelProblem(nodes, labels, kernels, costs, work, shares, fused)


def _has(op: Op, label: Precision) -> bool:
    if label is Precision.FP32:
        return True
    return op.kind is not Kind.FIXED and op.kernel(label) is not None


def _cost(op: Op, label: Precision, cost: OpCost) -> float:
    if op.kind is Kind.FIXED:
        return 0.0
    return checked(cost(op, label), f"{op.id} in {label}")
