"""Costs over a few variables each, as tables, and what elimination does to them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Factor:
    """What the values of some variables cost together.

    Attributes:
        scope: The variables, one axis of the table each, none twice.
        table: The cost of each combination of their values; infinite if impossible.
    """

    scope: tuple[int, ...]
    table: Table


def given(factor: Factor, known: Mapping[int, int]) -> Factor:
    """The factor where some variables have a value."""
    picks = tuple(known.get(each, slice(None)) for each in factor.scope)
    scope = tuple(each for each in factor.scope if each not in known)
    return Factor(scope, factor.table[picks])


def total(factors: Sequence[Factor], scope: tuple[int, ...]) -> Table:
    """The sum of factors as one table over `scope`, which holds all their variables."""
    places = {each: axis for axis, each in enumerate(scope)}
    added: Table = np.zeros((1,) * len(scope))
    for factor in factors:
        axes = [places[each] for each in factor.scope]
        order = np.argsort(axes)
        shape = [1] * len(scope)
        for axis, size in zip(axes, factor.table.shape, strict=True):
            shape[axis] = size
        added = added + factor.table.transpose(order).reshape(shape)
    return added


def cost(factors: Sequence[Factor], values: Sequence[int]) -> float:
    """What an assignment of all variables costs."""
    return math.fsum(
        float(factor.table[tuple(values[each] for each in factor.scope)])
        for factor in factors
    )
