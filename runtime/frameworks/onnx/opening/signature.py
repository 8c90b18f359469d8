"""A model's inputs: what it declares itself, and the batch in its own order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ...inputs import Input, check_shapes
from ...protocol import Inputs
from ..ir.naming import spelled
from ..running.carried import is_foreign
from ..running.given import check_tensor, own_inputs


def signature(model: ir.Model) -> tuple[Input, ...]:
    """The inputs that the model declares, in its order.

    An unknown first size is "batch", or what the model calls it; others "dim_k".

    Raises:
        ModelError: An input is no tensor.
    """
    return tuple(_declared(value) for value in own_inputs(model))


def _declared(value: ir.Value) -> Input:
    check_tensor(value)
    assert value.dtype is not None
    shape = value.shape if value.shape is not None else ()
    sizes = tuple(
        size if isinstance(size, int) else size.value or _symbol(k)
        for k, size in enumerate(shape)
    )
    dtype = spelled(value.dtype)
    if value.dtype.is_floating_point() and is_foreign(value.dtype):
        dtype = "float32"  # which is cast where NumPy has no such type
    return Input(str(value.name), sizes, dtype)


def _symbol(k: int) -> str:
    return f"dim_{k}" if k else "batch"


def check_batch(batch: Inputs, inputs: Sequence[Input]) -> None:
    """Hold a batch against the inputs that the spec declares, if it does.

    Raises:
        DataError: Their number, a rank or a size differs.
    """
    if inputs:
        check_shapes(inputs, [np.asarray(value).shape for value in batch])
