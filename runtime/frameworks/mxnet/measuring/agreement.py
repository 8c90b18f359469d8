"""The prepared fp32 network must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ...measuring import agreement
from ...protocol import Inputs, Predict
from ..ir.arrays import widened
from ..ir.network import Network
from ..ir.prepared import Prepared
from ..running.interpreter import Runner
from ..running.session import Predictor


def check_agreement(
    model: Predict,
    network: Network,
    prepared: Prepared,
    batch: Inputs,
    names: Sequence[str] = (),
) -> None:
    """As `agreement.check_agreement`.

    Args:
        model: As loaded, called on batches.
        network: What it computes, before it was prepared.
    """
    expected = model(batch)
    cause = partial(
        agreement.why_it_differs,
        expected,
        partial(model, batch),
        lambda: Predictor(network)(batch),
        "The symbol computes it too: the block's Python code depends on values.",
        lambda: _first_divergence(network, prepared, batch),
    )
    found = Predictor(prepared.network)(batch)
    agreement.check_agreement(expected, found, cause, names)


def _first_divergence(network: Network, prepared: Prepared, batch: Inputs) -> str:
    """Name of the first op that preparation made compute something else, "" if none."""
    own = {step.node.name: step.outputs[0] for step in Runner(network, batch).steps()}
    steps = (
        (step.node.name, prepared.told.makes.get(step.node.name, step.node.name), step)
        for step in Runner(prepared.network, batch).steps()
    )
    return agreement.first_divergence(
        (name, widened(own[made]), widened(step.outputs[0]))
        for name, made, step in steps
        if made in own
    )
