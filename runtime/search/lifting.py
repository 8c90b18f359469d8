"""Range pins that the metric does not need, lifted once all else low passes.

The range pass judges by the outputs, which may be off where no sample's answer is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import replace

from ..frameworks.protocol import Traced
from ..graph.graph import Placement
from ..graph.pins import Reason, Why
from .limits.movers import with_movers
from .shrinking.quickxplain import Pinned, Shrinking, shrink
from .shrinking.shrinking import Gain
from .trials import Trials

RUINED = 0.25
"""Output error on the calibration batch beyond which a trial needs much to gain."""

MUCH = 0.5
"""Share of the objective for which any finite error is worth a trial."""


def lift(
    traced: Traced,
    trials: Trials,
    hard: Mapping[str, Reason],
    firm: Set[str] = frozenset(),
) -> None:
    """Try to do without range pins, those first whose rounding changes the least.

    Only where that can gain more than the tolerance in what the objective counts first,
    and where the outputs stay near or much is to be gained: the criterion decides.

    Args:
        hard: Pins with which a trial passed.
        firm: Ids of ops whose pins stay.
    """
    ranged = tuple(
        name
        for name, each in hard.items()
        if each.why is Why.RANGE and name not in firm
    )
    others = {name: each for name, each in hard.items() if name not in ranged}

    def pinned(names: Pinned) -> dict[str, Reason]:
        return {**others, **{name: hard[name] for name in names}}

    def placed(names: Pinned) -> Placement:
        return trials.placed(with_movers(trials.graph, pinned(names)))

    objective = trials.objective
    gain = Gain(trials.graph, trials.low, objective, placed, lesser=math.inf)
    much = replace(gain, least=MUCH)
    if not ranged or not gain.worth((), ranged):
        return
    errors: Mapping[str, float] = trials.history.remember(
        "lifting", lambda: {name: traced.error(trials.low, (name,)) for name in ranged}
    )

    def hopeless(names: Pinned) -> bool:
        lifted = tuple(name for name in ranged if name not in names)
        error = math.fsum(errors[name] ** 2 for name in lifted)
        if error <= RUINED**2:
            return False
        return not math.isfinite(error) or not much.worth(names, lifted)

    def passes(names: Pinned) -> bool:
        return trials.trial(pinned(names)).holds

    if not hopeless(()) and trials.may_go_on() and passes(()):
        return
    by = Shrinking(passes, gain.worth, hopeless, trials.may_go_on)
    shrink(sorted(ranged, key=lambda name: (-errors[name], name)), (), by)
