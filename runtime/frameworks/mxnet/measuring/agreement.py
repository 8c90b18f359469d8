"""The prepared fp32 network must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Sequence

from ....common.errors import ModelError
from ...comparing import relative_error
from ...protocol import Array, Inputs, Outputs
from ..ir.arrays import widened
from ..ir.network import Network
from ..ir.prepared import Prepared
from ..running.interpreter import Runner

NOISE = 1e-4
"""Largest relative RMS that reordered fp32 sums explain in a deep network."""


def check_agreement(
    expected: Outputs,
    found: Outputs,
    network: Network,
    prepared: Prepared,
    batch: Inputs,
    names: Sequence[str] = (),
) -> None:
    """Compare the outputs on one batch.

    Args:
        expected: The model's as loaded.
        found: Those of the prepared network.
        names: Of the outputs, for messages; their number must fit.

    Raises:
        ModelError: They differ by more than fp32 noise; the first that does is named,
            and the first op where preparation is to blame.
    """
    if [(v.shape, v.dtype) for v in expected] != [(v.shape, v.dtype) for v in found]:
        raise ModelError(
            "the prepared symbol's outputs have other shapes or dtypes than the model's",
            _cause(network, prepared, batch),
        )
    if names and len(names) != len(expected):
        raise ModelError(
            f"the model has {len(expected)} outputs, model.outputs names {len(names)}"
        )
    for k, (reference, value) in enumerate(zip(expected, found, strict=True)):
        said = difference(reference, value)
        if said:
            raise ModelError(
                f"output {names[k] if names else k} of the prepared fp32 symbol differs "
                f"from the model as loaded: {said}",
                _cause(network, prepared, batch),
            )


def difference(reference: Array, value: Array) -> str:
    """How far two arrays are apart in words, "" if it is fp32 noise."""
    if reference.dtype.kind != "f":
        count = int((reference != value).sum())
        return f"{count} of {reference.size} values" if count else ""
    error = relative_error(reference, value)
    if error <= NOISE:
        return ""
    return f"relative error {error:.1e}, fp32 noise is at most {NOISE:.0e}"


def first_divergence(network: Network, prepared: Prepared, batch: Inputs) -> str:
    """Name of the first op that preparation made compute something else, "" if none."""
    own = {step.node.name: step.outputs[0] for step in Runner(network, batch).steps()}
    for step in Runner(prepared.network, batch).steps():
        reference = own.get(prepared.makes.get(step.node.name, step.node.name))
        if reference is None:
            continue
        if difference(widened(reference), widened(step.outputs[0])):
            return step.node.name
    return ""


def _cause(network: Network, prepared: Prepared, batch: Inputs) -> str:
    name = first_divergence(network, prepared, batch)
    if name:
        return (
            f"Preparation changed it first at {name}: values there leave the range of "
            "fp32, or this is a bug in narrowcast."
        )
    return (
        "The symbol computes it too: the block's Python code depends on values, or it "
        "draws random numbers."
    )
