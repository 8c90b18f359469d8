"""ONNX Runtime executes the model on this machine's CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ....graph.graph import Precision
from ...inputs import Input
from ...protocol import Inputs, Predict
from .. import program
from ..opening.load import load_onnx
from ..opening.signature import signature
from ..program import Program
from ..running.predict import Predictor
from .executor import OnnxRuntime

__all__ = ["Program", "load_saved", "predictor", "signature", "trace"]


def predictor(model: Any, inputs: Sequence[Input] = ()) -> Predict:
    """A model as loaded, or as `apply` made it, as a callable on batches.

    Args:
        inputs: The inputs in the batch's order, by their names in the model; none: in
            the model's own order.

    Raises:
        DataError: A name is not the model's.
        ModelError: The runtime does not take the model.
    """
    return Predictor(model, OnnxRuntime(), inputs)


def trace(
    model: Any,
    batch: Inputs,
    *,
    low: Precision,
    inputs: Sequence[Input],
    outputs: Sequence[str] = (),
) -> Program:
    """Prepare a model, run it on a real batch and probe its kernels (`program.trace`)."""
    return program.trace(
        model, batch, low=low, inputs=inputs, outputs=outputs, executor=OnnxRuntime()
    )


def load_saved(path: Path) -> Predict:
    """Open a saved model, as carefully as one from elsewhere.

    Raises:
        ModelError: The file is missing, damaged, or the runtime does not take it.
    """
    return Predictor(load_onnx(path), OnnxRuntime())
