"""The conversions of a tensor, or the copies of a weight, that its takers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...graph.graph import Graph, Precision
from ..costs import CastCost, checked
from ..weights import stored_weights
from .factors import Factor, Table

SETS = 8
"""Sets of up to three labels, each a bit of the set's number."""


@dataclass(frozen=True)
class Share:
    """What takers pay together: it depends on which labels are among theirs.

    Attributes:
        maker: The node whose label decides too, None if what makes it has no choice.
        takers: Nodes, each once.
        always: The set of labels that it is needed in whatever the takers are.
        table: The cost by the maker's label (one row without a maker) and the set.
    """

    maker: int | None
    takers: tuple[int, ...]
    always: int
    table: Table


def conversions(
    graph: Graph,
    labels: Sequence[Precision],
    nodes: Mapping[str, int],
    cost: CastCost,
) -> Iterator[Share]:
    """A share for every tensor that some placement converts.

    Raises:
        CostError: If a cost is negative or not finite.
    """
    takers, always = _takers(graph, labels, nodes)
    for name, precision in graph.coming.items():
        prices = [_prices(graph, name, precision, labels, cost)]
        if graph.tensors[name].floating and not graph.tensors[name].constant:
            yield _share(None, takers.get(name, {}), always.get(name, 0), prices)
    for op in graph.ops:
        for name in graph.carried(op):
            if graph.tensors[name].constant:
                continue
            held = [op.kernel(label) for label in labels]
            prices = [
                _prices(graph, name, each.output if each else label, labels, cost)
                for each, label in zip(held, labels, strict=True)
            ]
            node = nodes[op.id]
            yield _share(node, takers.get(name, {}), always.get(name, 0), prices)


def copies(
    graph: Graph, labels: Sequence[Precision], nodes: Mapping[str, int]
) -> Iterator[Share]:
    """A share for every weight: it is stored once for each precision it is taken in."""
    sizes = [label.bytes for label in labels]
    fp32 = 1 << labels.index(Precision.FP32)
    for tensor, ops, fixed in stored_weights(graph):
        takers = {nodes[op.id]: None for op in ops}
        prices = [float(tensor.elements * size) for size in sizes]
        always = fp32 if fixed or not takers else 0
        yield _share(None, takers, always, [prices])


def _share(
    maker: int | None,
    takers: Mapping[int, None],
    always: int,
    prices: Sequence[Sequence[float]],
) -> Share:
    sets = range(SETS)
    rows = [[_sum(each, row) for each in sets] for row in prices]
    return Share(maker, tuple(takers), always, np.array(rows))


def _sum(labels: int, prices: Sequence[float]) -> float:
    """Of the prices of a set's labels."""
    return sum((price for k, price in enumerate(prices) if labels >> k & 1), 0.0)


def _prices(
    graph: Graph,
    name: str,
    held: Precision,
    labels: Sequence[Precision],
    cost: CastCost,
) -> list[float]:
    """What each label costs of a tensor that is held in a precision."""
    tensor, found = graph.tensors[name], []
    for label in labels:
        if label is held:
            found.append(0.0)
        elif name in graph.unfit and held is Precision.FP32:
            found.append(np.inf)
        else:
            price = cost(tensor, held, label)
            found.append(checked(price, f"the conversion of {name} to {label}"))
    return found


def _takers(
    graph: Graph, labels: Sequence[Precision], nodes: Mapping[str, int]
) -> tuple[dict[str, dict[int, None]], dict[str, int]]:
    """Tensor → the nodes that take it in their own label; → labels always needed."""
    takers: dict[str, dict[int, None]] = {}
    always: dict[str, int] = {}
    fp32 = 1 << labels.index(Precision.FP32)
    for op in graph.ops:
        for name in graph.castable(op):
            takers.setdefault(name, {})[nodes[op.id]] = None
        for name in graph.fixed(op):
            always[name] = fp32
    for name, precision in graph.border:
        always[name] = always.get(name, 0) | 1 << labels.index(precision)
    return takers, always


def factors_of(
    share: Share, domains: Sequence[Sequence[int]], fresh: Callable[[], int]
) -> Iterator[Factor]:
    """A share as factors of at most three variables.

    Takers are chained through variables that stand for the set of labels so far.

    Args:
        domains: The labels that each node may have.
        fresh: Gives a new variable with `SETS` values.
    """
    bits = [np.array([1 << label for label in domains[each]]) for each in share.takers]
    rows = share.table if share.maker is None else share.table[domains[share.maker]]
    scope: list[int] = []
    sets = np.array(share.always)
    for k, (each, own) in enumerate(zip(share.takers, bits, strict=True)):
        if k >= 2 and k < len(bits):
            united, chained = np.arange(SETS), fresh()
            table = np.where(sets[..., None] == united, 0.0, np.inf)
            yield Factor((*scope, chained), table)
            scope, sets = [chained], united
        scope, sets = [*scope, each], sets[..., None] | own
    if share.maker is None:
        yield Factor(tuple(scope), rows[0][sets])
    elif share.maker in scope:
        yield _own(tuple(scope), share.maker, rows, sets)
    else:
        yield Factor((share.maker, *scope), rows[:, sets])


def _own(scope: tuple[int, ...], maker: int, rows: Table, sets: Table) -> Factor:
    """Where the maker is a taker too, as in loops: its two axes are one."""
    axis = scope.index(maker)
    moved = np.moveaxis(np.array(sets), axis, 0)
    table = np.stack([row[each] for row, each in zip(rows, moved, strict=True)])
    rest = tuple(each for each in scope if each != maker)
    return Factor((maker, *rest), table)
