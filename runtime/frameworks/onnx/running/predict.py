"""A model as a callable on batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np
import onnx_ir as ir

from ....common.errors import DataError, ModelError
from ...inputs import Input
from ...protocol import Array, Inputs, Outputs
from .given import arrays, model_of, order, own_inputs
from .imitation.stand_ins import described
from .session import Executor, shortened


class Predictor:
    """A compiled model; its outputs come in fp32, or in their own integer dtype."""

    def __init__(
        self, model: Any, executor: Executor, inputs: Sequence[Input] = ()
    ) -> None:
        """
        Raises:
            DataError: An input's name is not the model's.
            ModelError: The runtime does not take the model.
        """
        self.model = model_of(model)
        self.title, self.integer_bits = executor.title, executor.integer_bits
        self.places = order(self.model, inputs)
        try:
            self.session = executor.compile(self.model)
        except ModelError:
            raise
        except Exception as error:  # whatever the runtime raises at this model
            raise ModelError(
                f"{executor.title} does not take the model: {shortened(error)}",
                remedy(self.model),
            ) from error

    def __call__(self, inputs: Inputs) -> Outputs:
        given = arrays(self.model, inputs, self.places)
        for value, array in zip(own_inputs(self.model), given, strict=True):
            self._check_integers(str(value.name), array)
        try:
            return tuple(widened(each) for each in self.session(given))
        except Exception as error:  # whatever the runtime raises on these values
            raise ModelError(
                f"{self.title} fails on these inputs: {shortened(error)}",
                "See that they have the shapes, and indices the range, that the model "
                "was made for; model.inputs says what is made up.",
            ) from error

    def _check_integers(self, name: str, array: Array) -> None:
        """Refuse numbers that the runtime would cut off without a word."""
        if array.dtype.kind not in "iu" or not array.size:
            return
        most = 1 << (self.integer_bits - 1)
        for number in (int(array.min()), int(array.max())):
            if array.dtype.itemsize * 8 > self.integer_bits and not (
                -most <= number < most
            ):
                raise DataError(
                    f"input {name} holds {number}; {self.title} computes integers in "
                    f"{self.integer_bits} bits",
                    "Write `model.runtime: onnxruntime`, or give smaller numbers.",
                )


def remedy(model: ir.Model) -> str:
    """What helps where a runtime does not take a model."""
    if described(model):
        return (
            "Write `model.runtime: any` (or tensorrt): what no runtime here has stays "
            "fp32 then."
        )
    return "Try another `model.runtime`, or export the model in another opset."


def widened(value: Array) -> Array:
    """16-bit floats as fp32; all else as it is."""
    if value.dtype in (np.float16, ml_dtypes.bfloat16):
        return value.astype(np.float32)
    return value
