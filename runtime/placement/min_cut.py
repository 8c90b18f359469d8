"""Minimum s-t cuts by SciPy's max-flow, kept within its 32-bit integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .costs import CostError

SOURCE = 0
SINK = 1

# SciPy truncates capacities to int32 without a word. An arc's residual capacity can
# grow by the flow of an arc the other way: never-cut (1 + sum) + sum must fit.
MOST_UNITS = 2**30 - 1

Arc = tuple[int, int, float]
"""Tail, head and capacity, infinity where no cut may cross."""


@dataclass(frozen=True)
class Network:
    """Arcs between numbered nodes, 0 the source and 1 the sink.

    Attributes:
        nodes: How many.
        tails: Node that each arc leaves, int64, shape (arcs,).
        heads: Node that it enters, int64, shape (arcs,).
        units: Its capacity in quanta, int64, shape (arcs,).
        uncuttable: The capacity of arcs that no cut may cross: 1 + sum of the others.
        quantum: What one unit stands for: the resolution of the cut.
    """

    nodes: int
    tails: NDArray[np.int64]
    heads: NDArray[np.int64]
    units: NDArray[np.int64]
    uncuttable: int
    quantum: float


def network(nodes: int, arcs: Sequence[Arc]) -> Network:
    """A network of arcs.

    The quantum is the smallest power of two by which all capacities fit, so that
    whole numbers that fit stay exact.

    Raises:
        CostError: If a capacity is negative or NaN, or the finite ones overflow.
    """
    table = np.array(arcs, dtype=np.float64).reshape(-1, 3)
    capacities = table[:, 2]
    finite = np.isfinite(capacities)
    if not (capacities >= 0).all():
        raise CostError("A capacity of the cut is negative or not a number.")
    exact, quantum = _quantised(capacities[finite])
    uncuttable = 1 + int(exact.sum())
    units = np.full(len(table), uncuttable, dtype=np.int64)
    units[finite] = exact
    tails, heads = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return Network(nodes, tails, heads, units, uncuttable, quantum)


def _quantised(capacities: NDArray[np.float64]) -> tuple[NDArray[np.int64], float]:
    with np.errstate(over="ignore"):
        total = float(capacities.sum())
    if not math.isfinite(total):
        raise CostError("The capacities of the cut add up to more than a float holds.")
    exponent = math.frexp(total)[1] - MOST_UNITS.bit_length()
    exponent = max(exponent, -1022)  # a smaller quantum is no normal float
    units = np.rint(np.ldexp(capacities, -exponent))
    if units.sum() > MOST_UNITS:
        exponent += 1
        units = np.rint(np.ldexp(capacities, -exponent))
    return units.astype(np.int64), math.ldexp(1.0, exponent)


def source_side(network: Network, held: Sequence[int] = ()) -> NDArray[np.bool_]:
    """The largest source side of all minimum cuts, bool, shape (nodes,).

    Args:
        network: Its uncuttable arcs must leave some cut.
        held: Nodes held on the source side, whatever their arcs. They do not change
            the quantum, so that more of them never shrink the source side.
    """
    merged = np.arange(network.nodes)
    merged[list(held)] = SOURCE
    side = np.ones(network.nodes, dtype=np.bool_)
    side[_reached(_residual(network, merged).transpose().tocsr(), SINK)] = False
    return np.asarray(side[merged])


@dataclass(frozen=True)
class Optima:
    """All minimum cuts of a network: their source sides are closed under `kept`.

    Picard, Queyranne, "On the structure of all minimum cuts in a network" (1980).

    Attributes:
        least: The smallest of their source sides, bool, shape (nodes,).
        most: The largest.
        kept: Pairs (u, v), int64, shape (pairs, 2): where u is on the source side, v is.
    """

    least: NDArray[np.bool_]
    most: NDArray[np.bool_]
    kept: NDArray[np.int64]


def optima(network: Network, held: Sequence[int] = ()) -> Optima:
    """Every minimum cut, for a second objective among them; `held` as `source_side`."""
    merged = np.arange(network.nodes)
    merged[list(held)] = SOURCE
    residual = _residual(network, merged)
    least = np.zeros(network.nodes, dtype=np.bool_)
    least[_reached(residual, SOURCE)] = True
    most = np.ones(network.nodes, dtype=np.bool_)
    most[_reached(residual.transpose().tocsr(), SINK)] = False
    pairs = residual.tocoo()
    kept = np.stack([pairs.row, pairs.col], axis=1).astype(np.int64)
    return Optima(least[merged], most[merged], kept)


def _residual(network: Network, merged: NDArray[np.int64]) -> Any:
    """What a maximum flow leaves, as a CSR matrix without zeros."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import maximum_flow

    tails, heads = merged[network.tails], merged[network.heads]
    ends_meet = (tails == SOURCE) & (heads == SINK)
    idle = (heads == SOURCE) | (tails == SINK) | (tails == heads) | ends_meet
    kept = ~idle & (network.units > 0)
    shape = (network.nodes, network.nodes)
    arcs = (network.units[kept], (tails[kept], heads[kept]))
    capacity = coo_matrix(arcs, shape=shape).tocsr()
    # Merged nodes may have parallel uncuttable arcs.
    capacity.data = np.minimum(capacity.data, network.uncuttable)
    flow = maximum_flow(capacity.astype(np.int32), SOURCE, SINK, method="dinic").flow
    residual = (capacity - flow.astype(np.int64)).tocsr()
    residual.eliminate_zeros()
    return residual


def _reached(residual: Any, start: int) -> NDArray[np.int32]:
    from scipy.sparse.csgraph import breadth_first_order

    found: NDArray[np.int32] = breadth_first_order(
        residual, start, return_predecessors=False
    )
    return found
