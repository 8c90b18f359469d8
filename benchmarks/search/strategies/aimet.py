"""AIMET's automatic mixed precision, phases 1 and 2 with its default binary search.

From aimet_common/amp/mixed_precision_algo.py and utils.py (2024): all low first, which
ends it if that passes. Phase 1: each group alone low, all others high. Phase 2: the
groups in the order of what they scored, the best first; a binary search for how many of
them can be low together. Ties go to the group that saves most, then to the first.

Simplified: one op is one group, and phase 1 sees all data (it may be given less).
Phase 3 (fewer converts, off by default) is left out.
"""

from __future__ import annotations

from .problem import Names, Problem


def search(problem: Problem) -> Names | None:
    """The longest prefix of the sorted ops that passes when it is low."""
    everything = frozenset(problem.names)
    if problem.evaluate(frozenset()).passes:
        return frozenset()
    alone = {
        op.name: (problem.evaluate(everything - {op.name}).loss, -op.flops, number)
        for number, op in enumerate(problem.ops)
    }
    order = sorted(alone, key=alone.__getitem__)
    passing, failing = 0, len(order)
    while failing - passing > 1:
        middle = (passing + failing) // 2
        if problem.evaluate(everything - set(order[:middle])).passes:
            passing = middle
        else:
            failing = middle
    return everything - set(order[:passing]) if passing else None
