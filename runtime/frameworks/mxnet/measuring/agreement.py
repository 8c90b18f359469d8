"""The prepared fp32 network must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ...measuring import agreement
from ...protocol import Inputs, Outputs, Predict, restart
from ..ir.arrays import widened
from ..ir.network import Network
from ..ir.prepared import Prepared
from ..running.blocks import BlockPredictor
from ..running.interpreter import Runner
from ..running.session import Predictor

OF_BLOCK = "The symbol computes it too: the block's Python code depends on values."
OF_SYMBOL = (
    "So does the symbol as it was loaded, each time that MXNet binds it: an output is "
    "never written in inference, or an operator of its own draws numbers."
)


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
    expected = _anew(model, batch)
    cause = partial(
        agreement.why_it_differs,
        expected,
        partial(_anew, model, batch),
        lambda: _anew(Predictor(network), batch),
        OF_BLOCK if isinstance(model, BlockPredictor) else OF_SYMBOL,
        lambda: _first_divergence(network, prepared, batch),
    )
    found = _anew(Predictor(prepared.network), batch)
    agreement.check_agreement(expected, found, cause, names)


def _anew(model: Predict, batch: Inputs) -> Outputs:
    restart(model)
    return model(batch)


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
