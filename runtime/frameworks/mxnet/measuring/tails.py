"""Which values errors are measured at: the last floats that feed each output."""

from __future__ import annotations

from ...measuring import tails
from ..ir.arrays import name_of
from ..ir.network import Entry
from ..ir.operators import picks
from ..running.interpreter import Runner


def compared_values(runner: Runner) -> tuple[Entry, ...]:
    """Float outputs, and in place of others the floats that they depend on.

    Places, truths and selections, which MXNet holds as floats, and what is made of them
    alone, are no floats here: rounding changes them not at all or altogether.
    """
    network, floats = runner.network, _floats(runner)
    found = tails.float_tails(
        network.heads, floats.__contains__, lambda entry: network.nodes[entry[0]].inputs
    )
    return tuple(sorted(found))


def _floats(runner: Runner) -> frozenset[Entry]:
    found, picked = set[Entry](), set[Entry]()
    for step in runner.steps():
        taken = [e for e in step.node.inputs if not runner.network.constant(e[0])]
        picking = picks(step.node) or (bool(taken) and picked.issuperset(taken))
        for k, value in enumerate(step.outputs):
            if picking:
                picked.add((step.index, k))
            elif name_of(value.dtype) == "float32":
                found.add((step.index, k))
    return frozenset(found)
