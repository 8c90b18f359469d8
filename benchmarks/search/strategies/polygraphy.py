"""Polygraphy's `debug precision --mode bisect` of TensorRT 8.5 and later.

From tools/Polygraphy/polygraphy/tools/debug/subtool/precision.py: the first N layers
(`--direction forward`, the default) or the last N stay in high precision, N by
bisection, on the assumption that more layers are never worse.

Simplified: all low is tried before, since who finds that it passes has nothing to
debug; its own first step, all layers high, is the baseline that every strategy is
given. `linear` mode is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from .problem import Names, Problem


def first_layers(problem: Problem) -> Names | None:
    """The shortest prefix of the graph's order that passes in fp32."""
    return shortest(problem, problem.names)


def last_layers(problem: Problem) -> Names | None:
    """The shortest suffix."""
    return shortest(problem, problem.names[::-1])


def shortest(problem: Problem, order: Sequence[str]) -> Names | None:
    """The shortest prefix of an order that passes in fp32, by bisection."""
    if problem.evaluate(frozenset()).passes:
        return frozenset()
    failing, passing = 0, len(order)
    while passing - failing > 1:
        middle = (failing + passing) // 2
        if problem.evaluate(frozenset(order[:middle])).passes:
            passing = middle
        else:
            failing = middle
    return frozenset(order[:passing]) if passing < len(order) else None
