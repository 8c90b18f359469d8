"""The prepared fp32 graph must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import fx

from ...measuring import agreement
from ...protocol import Inputs, Outputs
from ..ir.naming import op_ids
from ..ir.prepared import Prepared
from ..running.calling import recorded
from ..running.interpreter import observe
from ..running.predict import arrays, returned
from ..running.private import private
from ..running.state import after

FIXED = "Python code in forward() that depends on values is fixed when traced."
FAST_PATH = (
    "The fast path of nn.TransformerEncoder writes zeros where src_key_padding_mask hides "
    "tokens, and cuts off what it hides in all rows, which no graph does: build the "
    "encoder with enable_nested_tensor=False, or call "
    "torch.backends.mha.set_fastpath_enabled(False) where it is built. What is given for "
    "tokens that are seen stays the same."
)


def check_agreement(
    model: torch.nn.Module,
    prepared: Prepared,
    inputs: Inputs,
    names: Sequence[str] = (),
) -> None:
    """As `agreement.check_agreement`, and for the buffers after the batch."""
    own = private(model)

    def called(module: torch.nn.Module) -> Outputs:
        args, kwargs = recorded(prepared.module)(inputs)
        return returned(module(*args, **kwargs))

    with torch.no_grad():
        expected = called(own)
        outputs, state = after(prepared.module, inputs)

        def cause() -> str:
            text = agreement.why_it_differs(
                expected,
                lambda: called(private(model)),
                lambda: arrays(after(prepared.captured, inputs)[0]),
                FIXED,
                lambda: first_divergence(prepared, inputs),
            )
            fast = text == FIXED and agreement.differ(expected, _slowly(model, called))
            return FAST_PATH if fast else text

        agreement.check_agreement(expected, arrays(outputs), cause, names)
        for name, value in state.items():
            (reference, held) = arrays((own.get_buffer(name), value))
            agreement.check_value(f"buffer {name}", reference, held, cause)


def _slowly(model: torch.nn.Module, called: Callable[..., Outputs]) -> Outputs:
    """What the model gives without torch's fast path for attention."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        return called(private(model))
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def first_divergence(prepared: Prepared, inputs: Inputs) -> str:
    """Id of the first op that preparation made compute something else, "" if none."""
    captured = _values(prepared.captured, op_ids(prepared.captured), inputs)
    passed = _values(prepared.module, prepared.ids, inputs)
    makes = {prepared.ids[node]: made for node, made in prepared.makes.items()}
    return agreement.first_divergence(
        (op_id, *pair)
        for op_id, value in passed.items()
        for pair in zip(
            arrays(captured[makes.get(op_id, op_id)]), arrays(value), strict=False
        )
    )


def _values(
    module: fx.GraphModule, ids: Mapping[str, str], inputs: Inputs
) -> dict[str, Any]:
    """What each op makes, by its id."""
    values: dict[str, Any] = {}

    def see(node: fx.Node, value: Any) -> None:
        if node.name in ids and "part" not in node.meta:
            values[ids[node.name]] = value

    observe(module, inputs, see)
    return values
