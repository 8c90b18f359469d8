"""A model as a callable on batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from ...errors import ModelError
from ...signature import Input
from ..protocol import Array, Inputs, Outputs
from .execution import Executor
from .given import model_of
from .inputs import arrays, order
from .kernels import shortened


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
        self.title = executor.title
        self.places = order(self.model, inputs)
        try:
            self.session = executor.compile(self.model)
        except Exception as error:  # whatever the runtime raises at this model
            raise ModelError(
                f"{executor.title} does not take the model: {shortened(error)}",
                "Try another `model.runtime`, or export the model in another opset.",
            ) from error

    def __call__(self, inputs: Inputs) -> Outputs:
        given = arrays(self.model, inputs, self.places)
        try:
            return tuple(widened(each) for each in self.session(given))
        except Exception as error:  # whatever the runtime raises on these values
            raise ModelError(
                f"{self.title} fails on the data: {shortened(error)}",
                "See that the data has the shapes that the model was made for.",
            ) from error


def widened(value: Array) -> Array:
    """16-bit floats as fp32; all else as it is."""
    if value.dtype in (np.float16, ml_dtypes.bfloat16):
        return value.astype(np.float32)
    return value
