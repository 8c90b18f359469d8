"""The prepared fp32 graph must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from ....common.errors import ModelError
from ...protocol import Inputs
from ..ir.naming import op_ids
from ..ir.prepared import Prepared
from ..running.calling import recorded
from ..running.interpreter import Interpreter
from ..running.private import private
from ..running.state import after
from .probes import relative_error

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
        ModelError: They differ by more than fp32 noise; the first that does is named,
            and the first op where preparation is to blame.
    """
    args, kwargs = recorded(prepared.module)(inputs)
    with torch.no_grad():
        own = private(model)
        expected = _tensors(own(*args, **kwargs))
        outputs, state = after(prepared.module, inputs)
        found = _tensors(outputs)
    if [_form(t) for t in expected] != [_form(t) for t in found]:
        raise ModelError(
            "the traced graph's outputs have other shapes or dtypes than the model's",
            _cause(model, prepared, inputs, expected),
        )
    if names and len(names) != len(expected):
        raise ModelError(
            f"the model has {len(expected)} outputs, model.outputs names {len(names)}"
        )
    for k, (reference, value) in enumerate(zip(expected, found, strict=True)):
        difference = _difference(reference, value)
        if difference:
            raise ModelError(
                f"output {names[k] if names else k} of the traced fp32 graph differs "
                f"from the model as loaded: {difference}",
                _cause(model, prepared, inputs, expected),
            )

    for name, value in state.items():
        difference = _difference(own.get_buffer(name), value)
        if difference:
            raise ModelError(
                f"buffer {name} of the traced fp32 graph differs from the model's after "
                f"one batch: {difference}",
                _cause(model, prepared, inputs, expected),
            )


def first_divergence(prepared: Prepared, inputs: Inputs) -> str:
    """Id of the first op that preparation made compute something else, "" if none."""
    captured = _Values(prepared.captured, op_ids(prepared.captured))
    passed = _Values(prepared.module, prepared.ids)
    with torch.no_grad():
        captured.run(*inputs)
        passed.run(*inputs)
    makes = {prepared.ids[node]: made for node, made in prepared.makes.items()}
    for op_id, value in passed.values.items():
        reference = captured.values[makes.get(op_id, op_id)]
        if any(map(_difference, _tensors(reference), _tensors(value))):
            return op_id
    return ""


class _Values(Interpreter):
    """Keeps what each op makes, by its id."""

    def __init__(self, module: fx.GraphModule, ids: dict[str, str]) -> None:
        super().__init__(module)
        self.ids = ids
        self.values: dict[str, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.name in self.ids:
            self.values[self.ids[n.name]] = value
        return value


def _form(tensor: torch.Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype


def _difference(reference: torch.Tensor, value: torch.Tensor) -> str:
    """How far two tensors are apart in words, "" if it is fp32 noise."""
    if not reference.is_floating_point():
        count = int((reference != value).sum())
        return f"{count} of {reference.numel()} values" if count else ""
    error = relative_error(reference, value)
    if error <= NOISE:
        return ""
    return f"relative error {error:.1e}, fp32 noise is at most {NOISE:.0e}"


def _cause(
    model: torch.nn.Module,
    prepared: Prepared,
    inputs: Inputs,
    expected: list[torch.Tensor],
) -> str:
    args, kwargs = recorded(prepared.module)(inputs)
    with torch.no_grad():
        again = _tensors(private(model)(*args, **kwargs))
        captured = _tensors(after(prepared.captured, inputs)[0])
    if any(map(_difference, expected, again)):
        return "The model itself gives another result each time it is called."
    if len(captured) == len(expected) and not any(map(_difference, expected, captured)):
        return (
            f"Preparation changed it first at {first_divergence(prepared, inputs)}: "
            "values there leave the range of fp32, or this is a bug in narrowcast."
        )
    return "Python code in forward() that depends on values is fixed when traced."


def _tensors(outputs: object) -> list[torch.Tensor]:
    leaves = torch.utils._pytree.tree_leaves(outputs)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
