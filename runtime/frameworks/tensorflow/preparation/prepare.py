"""What can be computed before any batch is there is folded into constants."""

from __future__ import annotations

from ..bodies.bodies import MAIN
from ..bodies.reachable import drop_dead, reached
from ..ir.frozen import Frozen
from .body_constants import sink_constants
from .branches.dead_branches import settle_switches
from .branches.switches import make_branches
from .constants import fold_constants
from .draft import drafted, finished
from .identities import drop_identities, drop_neutral, drop_waits
from .norms import fold_norms
from .pads import fold_pads
from .signatures import share_signatures


def prepare(frozen: Frozen) -> Frozen:
    """The frozen model, which computes the same with fewer nodes.

    Branches that a constant settles are taken, TensorFlow 1's others become functions;
    constants go into other branches and
    loops; identities, checks that only raise, and edges that order nothing go; what
    depends on constants only is computed; norms are folded into the layers before them, padding
    into those after it; arithmetic that changes nothing goes;
    signatures that are alike become one.
    """
    draft = drafted(frozen)
    open_, taken = [MAIN], {MAIN}
    for name in open_:  # what is constant outside is constant inside
        body = draft.bodies[name]
        settle_switches(draft, body)
        make_branches(draft, body)
        drop_waits(draft, body)
        drop_identities(draft, body)
        fold_constants(body)
        open_.extend(sink_constants(draft, body, taken))
    for body in draft.bodies.values():
        drop_neutral(body)
        fold_norms(draft, body)
        fold_pads(draft, body)
    share_signatures(draft)
    drop_dead(draft.bodies, draft.signatures)
    draft.bodies = reached(draft.bodies)
    return finished(draft, frozen)
