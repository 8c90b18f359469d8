"""Calling a PyTorch model on a batch, with outputs that metrics understand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ....common.errors import ModelError
from ...inputs import Input
from ...protocol import Array, Inputs, Outputs, Predict
from .calling import Binding, by_name, recorded
from .device import of_model
from .given import module_of, own_copy
from .private import Buffers
from .switches import hold_fp32


def tensor(array: Array) -> torch.Tensor:
    """An array of predictions or labels, as PyTorch's users have them in a metric."""
    return torch.tensor(array)


def as_tensor(array: Array, like: torch.Tensor) -> torch.Tensor:
    """As `Adapter.as_tensor`, on the same device."""
    return torch.from_numpy(np.asarray(array, order="C")).to(like.device)


def predictor(model: Callable[..., Any], inputs: Sequence[Input] = ()) -> Predict:
    """As `Adapter.predictor`; fp32 is fp32.

    It runs as in evaluation mode. State carries from batch to batch in a copy: the
    model's own stays as it is.

    Args:
        inputs: Named after arguments of forward(); not needed where torch exported the
            model, which then knows them.
    """
    if isinstance(model, torch.nn.Module | torch.export.ExportedProgram):
        model = own_copy(module_of(model))
    names = [one.name for one in inputs]
    bind = by_name(model, names) if names else recorded(model)
    return Predictor(model, bind)


class Predictor:
    """A model to call on batches, and to bring back to the state that it came with.

    It runs the model itself and no copy; fp32 is fp32.
    """

    def __init__(self, model: Callable[..., Any], bind: Binding) -> None:
        hold_fp32(of_model(model))
        self.model, self.bind = model, bind
        self.buffers = Buffers(model)

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """The outputs, flattened: 16-bit floats as float32, other dtypes as they are.

        Raises:
            ModelError: There are none.
        """
        args, kwargs = self.bind(inputs)
        with torch.inference_mode():
            found = self.model(*args, **kwargs)
            return returned(found, self.buffers)

    def restart(self) -> None:
        """Bring the state back to what it was when this was made."""
        self.buffers.restore()


def returned(outputs: object, buffers: Buffers | None = None) -> Outputs:
    """As `arrays`, of what a model returns.

    Raises:
        ModelError: There are none.
    """
    found = arrays(outputs, buffers)
    if not found:
        raise ModelError(
            f"the model returns {type(outputs).__name__}, in which there is no tensor",
            "Return tensors, or tuples, lists and dicts of them, from forward().",
        )
    return found


def arrays(outputs: object, buffers: Buffers | None = None) -> Outputs:
    """The tensors in anything nested: 16-bit floats as float32, others as they are.

    Args:
        buffers: Memory that will change; what lies in it is copied.
    """
    leaves = torch.utils._pytree.tree_leaves(outputs)
    return tuple(_array(leaf, buffers) for leaf in filter(torch.is_tensor, leaves))


def _array(tensor: torch.Tensor, buffers: Buffers | None) -> Array:
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.float()
    elif buffers is not None and buffers.hold(tensor):
        tensor = tensor.clone()
    array: Array = tensor.numpy(force=True)
    return array
