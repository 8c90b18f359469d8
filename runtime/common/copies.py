"""Values of the user's that somebody else may write to: copied where they change hands."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

FIXED = (type(None), bool, int, float, complex, str, bytes, np.generic)
"""Types of what nobody can write to."""


def own_copy(value: Any) -> Any:
    """The same value in memory of its own: arrays and tensors, and what holds them.

    What refuses to be copied stays what it is.
    """
    if isinstance(value, FIXED):
        return value
    if type(value) is np.ndarray and not value.dtype.hasobject:
        return value.copy(order="K")
    if type(value) in (tuple, list):
        return type(value)(map(own_copy, value))
    if type(value) is dict:
        return {key: own_copy(each) for key, each in value.items()}
    if hasattr(value, "detach") and hasattr(value, "clone"):
        return value.detach().clone()  # deepcopy refuses what a graph has made
    try:
        return copy.deepcopy(value)
    except Exception:  # what it holds may refuse in any way
        return value
