"""Inputs for a spec that names no data: they show ranges of nothing real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ....common.suggestion import suggestion
from ....frameworks.inputs import Input


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
    whole = [_whole(each, _known(each.name, own)) for each in declared or signature]
    open_ = [each.name for each in whole if each.shape is None]
    if open_:
        several = len(open_) > 1
        what = f"input{'s' * several} {', '.join(open_)} ha{'ve' if several else 's'}"
        raise DataError(
            f"the model does not say what shape its {what}, and there is no data to tell",
            f"Give data (--data), or write under model: `inputs: [{_rows(whole)}]`",
        )
    return tuple(_drawn(each, batch_size, generator) for each in whole)


def _known(name: str, own: dict[str, Input]) -> Input:
    if name not in own:
        raise DataError(
            f"model.inputs names `{name}`, which is no input of the model",
            suggestion(name, own),
        )
    return own[name]


def _whole(declared: Input, own: Input) -> Input:
    """What either says of an input."""
    shape = own.shape if declared.shape is None else declared.shape
    return Input(own.name, shape, declared.dtype or own.dtype)


def _rows(inputs: Sequence[Input]) -> str:
    """The inputs as a spec has them: dots, and a dtype, for what only the user knows."""
    return ", ".join(map(_row, inputs))


def _row(each: Input) -> str:
    sizes = OPEN if each.shape is None else each.shape
    shape = ", ".join(map(str, sizes))
    dtype = "" if each.dtype else ", dtype: float32"
    return f"{{name: {each.name}, shape: [{shape}]{dtype}}}"


OPEN = ("batch", "...")


def _drawn(
    whole: Input, batch_size: int, generator: np.random.Generator
) -> npt.NDArray[Any]:
    shape, dtype = whole.shape or (), whole.dtype or "float32"
    sizes = tuple(size if isinstance(size, int) else batch_size for size in shape)
    return random_array(sizes, dtype, generator)
