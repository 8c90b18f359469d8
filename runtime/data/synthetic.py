"""Inputs for a spec that names no data: they show ranges of nothing real."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def random_array(
    shape: tuple[int, ...], dtype: str, generator: np.random.Generator
) -> npt.NDArray[Any]:
    """Standard normal floats; integers 0 and 1, which any table has rows for."""
    if np.dtype(dtype).kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(0, 2, shape).astype(dtype)
