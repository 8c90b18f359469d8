"""The opset that a scale for each channel needs, or floats in 16 bits."""

from __future__ import annotations

from collections.abc import Iterable

import onnx_ir as ir

from .....graph.graph import Precision
from ...ir.rewriting.editing import editor
from ...preparation.adapters import CannotAdapt
from ...preparation.opsets import own_opset
from ...preparation.upgrade import upgrade
from .candidate import Candidate

LEAST = 13
"""The first in which DequantizeLinear has an axis."""

NARROW = 19
"""The first in which it makes 16 bits."""


def least(ops: Iterable[Candidate]) -> int:
    """The opset that ops in int8 need."""
    narrow = any(op.made is not Precision.FP32 for op in ops)
    return NARROW if narrow else LEAST


def raised(model: ir.Model, opset: int = LEAST) -> None:
    """Write a model in that opset, if its own is lower.

    Raises:
        CannotAdapt: An op has no like in it.
    """
    if own_opset(model) < opset:
        upgrade(model, opset, editor(model))


def can_be_raised(model: ir.Model, opset: int) -> bool:
    """Whether a model has a like in an opset; it stays as it is."""
    try:
        raised(model.clone(), opset)
    except CannotAdapt:
        return False
    return True
