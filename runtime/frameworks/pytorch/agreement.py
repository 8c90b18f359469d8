"""The prepared fp32 graph must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...errors import ModelError
from ..protocol import Inputs
from .kernels import relative_error
from .prepared import Prepared

NOISE = 1e-4
"""Largest relative RMS that reordered fp32 sums explain in a deep network."""


def check_agreement(
    model: torch.nn.Module,
    prepared: Prepared,
    inputs: Inputs,
    names: Sequence[str] = (),
) -> None:
    """Compare the outputs on one batch.

    Args:
        names: Of the outputs, for messages; their number must fit.

    Raises:
        ModelError: They differ by more than fp32 noise; the first that does is named.
    """
    with torch.no_grad():
        expected = _tensors(model(*inputs))
        found = _tensors(prepared.module(*inputs))
    if [t.shape for t in expected] != [t.shape for t in found]:
        raise ModelError(
            "the traced graph's outputs have other shapes than the model's"
        )
    if names and len(names) != len(expected):
        raise ModelError(
            f"the model has {len(expected)} outputs, model.outputs names {len(names)}"
        )
    for k, (reference, value) in enumerate(zip(expected, found, strict=True)):
        error = relative_error(reference, value)
        if error > NOISE or not _same_integers(reference, value):
            raise ModelError(
                f"output {names[k] if names else k} of the traced fp32 graph differs from the model as loaded: "
                f"relative error {error:.1e}, fp32 noise is at most {NOISE:.0e}",
                _cause(model, inputs),
            )


def _same_integers(reference: torch.Tensor, value: torch.Tensor) -> bool:
    return reference.is_floating_point() or bool(torch.equal(reference, value))


def _cause(model: torch.nn.Module, inputs: Inputs) -> str:
    if model.training:
        return "The model is in training mode: let the factory return model.eval()."
    with torch.no_grad():
        first, second = _tensors(model(*inputs)), _tensors(model(*inputs))
    if any(not torch.equal(a, b) for a, b in zip(first, second, strict=True)):
        return "The model itself gives another result each time it is called."
    return "Python code in forward() that depends on values is fixed when traced."


def _tensors(outputs: object) -> list[torch.Tensor]:
    leaves = torch.utils._pytree.tree_leaves(outputs)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
