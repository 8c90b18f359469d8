"""Plain bisection over the ops in the order of their estimated harm, the worst first.

No tool's own code, but what AIMET's phase 2, Pandey et al. 2023 (arXiv 2302.05397) and
others do once they have an order; here with narrowcast's estimates, which cost a few
passes over one batch in place of n evaluations.
"""

from __future__ import annotations

from .polygraphy import shortest
from .problem import Names, Problem


def search(problem: Problem) -> Names | None:
    """The shortest prefix of the order that passes in fp32; ops without one are last."""
    harm = problem.sensitivities
    order = sorted(problem.names, key=lambda name: -harm.get(name, 0.0))
    return shortest(problem, order)
