"""Calling an MXNet model on a batch, with outputs that metrics understand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...inputs import Input
from ...protocol import Array, Predict
from ..ir.arrays import on_device
from .blocks import Block, BlockPredictor, as_model
from .session import Predictor


def as_tensor(array: Array, like: Any) -> Any:
    """As `Adapter.as_tensor`."""
    return on_device(array)


def predictor(model: Any, inputs: Sequence[Input] = ()) -> Predict:
    """As `Adapter.predictor`; fp32 is fp32.

    Args:
        inputs: Named after the symbol's inputs or the block's arguments.
    """
    known = as_model(model)
    if isinstance(known, Block):
        return BlockPredictor(known, [one.name for one in inputs])
    return Predictor(known, inputs)
