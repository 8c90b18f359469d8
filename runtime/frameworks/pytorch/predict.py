"""Calling a PyTorch model on a batch, with outputs that metrics understand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..protocol import Array, Inputs, Outputs, Predict
from .switches import hold_fp32


def predictor(model: Callable[..., Any]) -> Predict:
    """The model as a function from a batch to its flattened outputs; fp32 is fp32."""
    hold_fp32()

    def predict(inputs: Inputs, /) -> Outputs:
        with torch.inference_mode():
            return arrays(model(*inputs))

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
