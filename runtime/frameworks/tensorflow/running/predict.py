"""Calling a TensorFlow model on a batch, with outputs that metrics understand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ....common.errors import DataError
from ...inputs import Input, places
from ...protocol import Array, Inputs, Outputs, Predict, restart
from ..ir.frozen import Endpoint, Frozen, Model
from .reasons import FAILURES, FIT, failed
from .session import GraphSession
from .switches import hold_fp32


def as_tensor(array: Array, like: Any) -> Any:
    """As `Adapter.as_tensor`."""
    return tf.constant(array)


def predictor(model: Model | Frozen, inputs: Sequence[Input] = ()) -> Predict:
    """As `Adapter.predictor`; fp32 is fp32."""
    hold_fp32()
    if isinstance(model, Frozen):
        names = [each.name for each in model.inputs]
        return Predictor(model, places(names, [one.name for one in inputs]))
    known = [each.name for each in model.signature.inputs]
    order = places(known, [one.name for one in inputs])

    return Loaded(model, order)


def called(
    frozen: Frozen, inputs: Sequence[Endpoint], outputs: Sequence[Endpoint]
) -> GraphSession:
    """The frozen model as something that takes its inputs, and its weights, in order."""
    weights = frozen.weights
    return GraphSession(
        frozen.graph_def,
        [*(each.tensor for each in inputs), *(f"{name}:0" for name in weights)],
        [each.tensor for each in outputs],
        {},
        frozen.initial,
    )


class Whole:
    """All that is converted of a model, to call on inputs of all its signatures."""

    def __init__(self, frozen: Frozen) -> None:
        self.session = called(frozen, frozen.all_inputs, frozen.all_outputs)
        self.weights = tuple(frozen.weights.values())

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """The outputs of all signatures."""
        return self.session((*inputs, *self.weights))

    def restart(self) -> None:
        """Bring the state back to what it was when this was made."""
        self.session.restart()


class Loaded:
    """The model as loaded, called on batches whose order may be another."""

    def __init__(self, model: Model, order: Sequence[int]) -> None:
        self.model, self.order = model, order

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """What the model itself returns."""
        return self.model(tuple(inputs[place] for place in self.order))

    def restart(self) -> None:
        """Bring the state back to what it was when the model was loaded."""
        restart(self.model)


class Predictor:
    """A converted model to call on batches."""

    def __init__(self, frozen: Frozen, order: Sequence[int]) -> None:
        self.inputs, self.order = frozen.inputs, order
        self.session = called(frozen, frozen.inputs, frozen.outputs)
        self.weights = tuple(frozen.weights.values())

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """The outputs: 16-bit floats as float32, other dtypes as they are.

        Raises:
            DataError: There are more or fewer inputs, or one has another dtype or a shape
                that the model does not take.
        """
        tensors = given(self.inputs, [inputs[place] for place in self.order])
        try:
            return self.session((*tensors, *self.weights))
        except FAILURES as error:
            raise failed("the converted model", error) from error

    def restart(self) -> None:
        """Bring the state back to what it was when this was made."""
        self.session.restart()


def given(endpoints: Sequence[Endpoint], batch: Sequence[Any]) -> list[Any]:
    """A batch in the model's order, tensors or arrays, of the model's dtypes.

    Raises:
        DataError: Their number or a dtype is not what the model takes.
    """
    if len(endpoints) != len(batch):
        raise DataError(
            f"the data gives {len(batch)} inputs, the model takes {len(endpoints)}: "
            f"{', '.join(repr(each.name) for each in endpoints)}",
            FIT,
        )
    return [_tensor(each, value) for each, value in zip(endpoints, batch, strict=True)]


def _tensor(endpoint: Endpoint, value: Any) -> Any:
    wanted = tf.string if endpoint.dtype == "object" else tf.as_dtype(endpoint.dtype)
    if not (isinstance(value, np.ndarray) and value.dtype.kind in "biufc"):
        value = tf.convert_to_tensor(value)
    found = tf.as_dtype(value.dtype)
    if found != wanted:
        raise DataError(
            f"input {endpoint.name} is {found.name}, the model takes {wanted.name}",
            "Say the dtype in model.inputs, or add a cast transform.",
        )
    return value
