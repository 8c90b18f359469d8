"""The opset that a scale for each channel needs."""

from __future__ import annotations

import onnx_ir as ir

from ...ir.rewriting.editing import editor
from ...preparation.opsets import own_opset
from ...preparation.upgrade import upgrade

LEAST = 13
"""The first in which DequantizeLinear has an axis."""


def raised(model: ir.Model) -> None:
    """Write a model in that opset, if its own is lower.

    Raises:
        CannotAdapt: An op has no like in it.
    """
    if own_opset(model) < LEAST:
        upgrade(model, LEAST, editor(model))
