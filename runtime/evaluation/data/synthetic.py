"""Inputs for a spec that names no data: they show ranges of nothing real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from ...common.suggestion import suggestion
from ...frameworks.inputs import Input


def random_array(
    shape: tuple[int, ...], dtype: str, generator: np.random.Generator
) -> npt.NDArray[Any]:
    """Standard normal floats; integers 0 and 1, which any table has rows for."""
    if np.dtype(dtype).kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(0, 2, shape).astype(dtype)


def random_inputs(
    declared: Sequence[Input],
    batch_size: int,
    generator: np.random.Generator,
    signature: Sequence[Input] = (),
) -> tuple[npt.NDArray[Any], ...]:
    """One array for each declared input, or for each of the model's own.

    Args:
        declared: What the spec says; it wins where it says something.
        batch_size: For every size that is left open.
        signature: What the model says of its inputs; without it, the spec says all.

    Raises:
        DataError: The model has no input of a name, or leaves a shape open.
    """
    own = {each.name: each for each in signature or declared}
    return tuple(
        _drawn(each, _known(each.name, own), batch_size, generator)
        for each in declared or signature
    )


def _known(name: str, own: dict[str, Input]) -> Input:
    if name not in own:
        raise DataError(
            f"model.inputs names `{name}`, which is no input of the model",
            suggestion(name, own),
        )
    return own[name]


def _drawn(
    declared: Input, own: Input, batch_size: int, generator: np.random.Generator
) -> npt.NDArray[Any]:
    shape = own.shape if declared.shape is None else declared.shape
    if shape is None:
        raise DataError(
            f"the model does not say what shape its input {own.name} has",
            f"Write it: inputs: [{{name: {own.name}, shape: [batch, ...]}}]",
        )
    sizes = tuple(size if isinstance(size, int) else batch_size for size in shape)
    return random_array(sizes, declared.dtype or own.dtype or "float32", generator)
