"""Calling a PyTorch model on a batch, with outputs that metrics understand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ...signature import Input
from ..protocol import Array, Inputs, Outputs, Predict
from .calling import by_name, recorded
from .switches import hold_fp32


def predictor(model: Callable[..., Any], inputs: Sequence[Input] = ()) -> Predict:
    """The model as a function from a batch to its flattened outputs; fp32 is fp32.

    Args:
        inputs: Named after arguments of forward(); not needed where torch exported the
            model, which then knows them.

    Raises:
        ModelError: `inputs` don't fit forward().
    """
    hold_fp32()
    names = [one.name for one in inputs]
    bind = by_name(model, names) if names else recorded(model)

    def predict(batch: Inputs, /) -> Outputs:
        with torch.inference_mode():
            args, kwargs = bind(batch)
            return arrays(model(*args, **kwargs))

    return predict


def arrays(outputs: Any) -> Outputs:
    """Flatten tuples and dicts; 16-bit floats as float32, other dtypes as they are."""
    leaves = torch.utils._pytree.tree_leaves(outputs)
    return tuple(_array(leaf) for leaf in leaves if isinstance(leaf, torch.Tensor))


def _array(tensor: torch.Tensor) -> Array:
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.float()
    array: Array = tensor.detach().cpu().numpy()
    return array
