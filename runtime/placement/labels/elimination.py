"""The least sum of factors: exact by variable elimination, and near it beyond a width.

Held variables (`ordering`) keep their values while all others are solved exactly; then
others are held, until nothing gets better. Each round is an exact minimum over what it
frees, so that the cost never rises.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np
from numpy.typing import NDArray

from .factors import Factor, Table, cost, given, total
from .ordering import Order, order

LARGEST = 1 << 18
"""Entries of one table: 2 MiB, and all that is added up for it some times as much."""

ROUNDS = 32
"""Most rounds with other variables held."""

PATIENCE = 4
"""Rounds in a row that may find nothing better."""


def minimum(
    sizes: Sequence[int],
    factors: Sequence[Factor],
    starts: Sequence[Sequence[int]],
    largest: int = LARGEST,
    chosen: int | None = None,
) -> list[int]:
    """The values of all variables whose factors add up to least.

    Of values that are as good the first is taken, variable by variable.

    Args:
        sizes: How many values each variable has.
        factors: Each variable has values under which none is infinite.
        starts: Values to begin with where not all can be solved at once.
        largest: Entries that a table may have.
        chosen: How many variables, the first, decide: the others follow from them.
    """
    scopes = [factor.scope for factor in factors]
    follow = frozenset(range(len(sizes) if chosen is None else chosen, len(sizes)))
    plan = order(sizes, scopes, largest, follow)
    if not plan.held:
        return _solved(sizes, factors, plan, [0] * len(sizes))
    near = (_improved(sizes, factors, start, largest, follow) for start in starts)
    return min(near, key=lambda values: cost(factors, values))


def _improved(
    sizes: Sequence[int],
    factors: Sequence[Factor],
    start: Sequence[int],
    largest: int,
    follow: Set[int],
) -> list[int]:
    """Values from `start` on, by rounds that hold what the round before did not."""
    scopes = [factor.scope for factor in factors]
    best, least, idle = list(start), cost(factors, start), 0
    freed: Set[int] = frozenset()
    for _round in range(ROUNDS):
        plan = order(sizes, scopes, largest, follow | freed)
        best = _solved(sizes, factors, plan, best)
        value = cost(factors, best)
        idle = 0 if value < least else idle + 1
        if idle == PATIENCE:
            break
        least, freed = value, (freed | plan.held if idle else plan.held)
    return best


def _solved(
    sizes: Sequence[int], factors: Sequence[Factor], plan: Order, values: Sequence[int]
) -> list[int]:
    """The exact minimum over what is eliminated, at the values of what is held."""
    known = {each: values[each] for each in plan.held}
    waiting: list[list[Factor]] = [[] for _ in sizes]
    places = {each: place for place, each in enumerate(plan.eliminated)}

    def put(factor: Factor) -> None:
        if factor.scope:
            waiting[min(factor.scope, key=places.__getitem__)].append(factor)

    for factor in factors:
        put(given(factor, known) if known else factor)
    choices: list[tuple[int, tuple[int, ...], NDArray[np.intp]]] = []
    for each in plan.eliminated:
        rest, table = _gathered(each, waiting[each])
        waiting[each] = []
        choices.append((each, rest, table.argmin(axis=-1)))
        put(Factor(rest, table.min(axis=-1)))
    found = list(values)
    for each, rest, choice in reversed(choices):
        found[each] = int(choice[tuple(found[other] for other in rest)])
    return found


def _gathered(each: int, factors: Sequence[Factor]) -> tuple[tuple[int, ...], Table]:
    """Other variables of the factors, and their sum with `each` as its last axis."""
    others = {other for factor in factors for other in factor.scope} - {each}
    rest = tuple(sorted(others))
    return rest, total(factors, (*rest, each))
