"""The prepared fp32 graph must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import fx

from ...comparing import relative_error
from ...measuring import agreement
from ...protocol import Array, Inputs, Outputs
from ..ir import nodes
from ..ir.naming import op_ids
from ..ir.prepared import Prepared
from ..running.calling import recorded
from ..running.interpreter import Interpreter, observe
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

        rounds = any(map(nodes.quantizes, prepared.captured.graph.nodes))
        moved = (
            cache(partial(_furthest, prepared.captured, inputs, expected))
            if rounds
            else None
        )
        agreement.check_agreement(expected, arrays(outputs), cause, names, moved=moved)
        for name, value in state.items():
            (reference, held) = arrays((own.get_buffer(name), value))
            agreement.check_value(f"buffer {name}", reference, held, cause)


DRAWS = 4
"""Times that last places are changed: few numbers go to another integer each time."""


def _furthest(
    captured: fx.GraphModule, inputs: Inputs, expected: Outputs
) -> tuple[Array, ...]:
    """Of what comes out with other last places, that which is furthest from `expected`.

    Quantized, a number that lies between two integers goes to the other one by them.
    """
    draws = [_moved(captured, inputs, seed) for seed in range(DRAWS)]
    return tuple(
        max(values, key=partial(_apart, reference))
        for reference, *values in zip(expected, *draws, strict=True)
    )


def _apart(reference: Array, value: Array) -> float:
    if reference.dtype.kind == "f":
        return relative_error(reference, value)
    return float((reference != value).mean())


def _moved(captured: fx.GraphModule, inputs: Inputs, seed: int) -> Outputs:
    """What comes out if all inputs and weights are off by 8 units in the last place."""
    random = torch.Generator().manual_seed(seed)

    def next_to(value: torch.Tensor) -> torch.Tensor:
        if value.dtype != torch.float32:
            return value
        signs = torch.randint(0, 2, value.shape, generator=random) * 2 - 1
        return value * (1 + signs.to(value.device) * 2.0**-20)

    class Moved(Interpreter):
        def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
            value = super().get_attr(target, args, kwargs)
            weight = isinstance(value, torch.Tensor) and value.dim() > 1
            return next_to(value) if weight else value

    with torch.no_grad():
        made = Moved(captured).run(*map(next_to, inputs))
    return arrays(torch.utils._pytree.tree_leaves(made))


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
