"""Calling a TensorFlow model on a batch, with outputs that metrics understand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import DataError
from ...signature import Input
from ..protocol import Array, Inputs, Outputs, Predict
from .eager import widened
from .frozen import Endpoint, Frozen, Model
from .switches import hold_fp32

Call = Callable[..., Sequence[Any]]
"""Takes tensors in the model's order, gives tensors."""


def predictor(model: Model | Frozen, inputs: Sequence[Input] = ()) -> Predict:
    """The model as a function from a batch to its outputs; fp32 is fp32.

    Args:
        model: As loaded, or as `apply` made it.
        inputs: The batch's inputs by the model's names for them, in the batch's order;
            empty for the model's own order.

    Raises:
        DataError: The model has no input of that name.
    """
    hold_fp32()
    if isinstance(model, Frozen):
        names = [each.name for each in model.inputs]
        return Predictor(called(model), model.inputs, places(names, inputs))
    known = [each.name for each in model.signature.inputs]
    order = places(known, inputs)

    def predict(batch: Inputs, /) -> Outputs:
        return model(tuple(batch[place] for place in order))

    return predict


def places(names: Sequence[str], inputs: Sequence[Input]) -> list[int]:
    """For each of the model's inputs its place in a batch.

    Raises:
        DataError: An input is declared that the model does not have, or one is missing.
    """
    if not inputs:
        return list(range(len(names)))
    declared = [each.name for each in inputs]
    for name in declared:
        if name not in names:
            close = get_close_matches(name, names, 1)
            raise DataError(
                f"the model has no input {name!r}",
                f"Did you mean {close[0]!r}?" if close else f"It has: {_list(names)}.",
            )
    missing = [name for name in names if name not in declared]
    if missing:
        raise DataError(
            f"model.inputs does not name {_list(missing)}, which the model takes",
            f"Declare all of the model's inputs: {_list(names)}.",
        )
    return [declared.index(name) for name in names]


def called(frozen: Frozen) -> Call:
    """The frozen model as a function of its inputs, compiled as any tf.function is."""

    def import_() -> None:
        tf.graph_util.import_graph_def(frozen.graph_def, name="")

    wrapped = tf.compat.v1.wrap_function(import_, [])
    tensors = wrapped.graph.get_tensor_by_name
    weights = [tf.constant(value) for value in frozen.weights.values()]
    pruned = wrapped.prune(
        [
            *(tensors(each.tensor) for each in frozen.inputs),
            *(tensors(f"{name}:0") for name in frozen.weights),
        ],
        [tensors(each.tensor) for each in frozen.outputs],
    )

    def call(*inputs: Any) -> Sequence[Any]:
        found: Sequence[Any] = pruned(*inputs, *weights)
        return found

    return call


class Predictor:
    """A graph to call on batches."""

    def __init__(
        self, call: Call, inputs: Sequence[Endpoint], order: Sequence[int]
    ) -> None:
        self.call, self.inputs, self.order = call, inputs, order

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """The outputs: 16-bit floats as float32, other dtypes as they are."""
        return tuple(map(widened, self.call(*self.tensors(inputs))))

    def tensors(self, inputs: Inputs) -> list[Any]:
        """A batch as what the graph takes.

        Raises:
            DataError: There are more or fewer, or one has another dtype.
        """
        return given(self.inputs, [inputs[place] for place in self.order])


def given(endpoints: Sequence[Endpoint], batch: Sequence[Any]) -> list[Any]:
    """A batch in the model's order as tensors of the model's dtypes.

    Raises:
        DataError: Their number or a dtype is not what the model takes.
    """
    if len(endpoints) != len(batch):
        raise DataError(
            f"the data gives {len(batch)} inputs, the model takes {len(endpoints)}: "
            f"{_list([each.name for each in endpoints])}",
            "Make the dataset and model.inputs agree.",
        )
    return [_tensor(each, value) for each, value in zip(endpoints, batch, strict=True)]


def _tensor(endpoint: Endpoint, value: Any) -> Any:
    tensor = tf.convert_to_tensor(value)
    wanted = tf.string if endpoint.dtype == "object" else tf.as_dtype(endpoint.dtype)
    if tensor.dtype != wanted:
        raise DataError(
            f"input {endpoint.name} is {tensor.dtype.name}, the model takes {wanted.name}",
            "Say the dtype in model.inputs, or add a cast transform.",
        )
    return tensor


def arrays(outputs: Sequence[Any]) -> tuple[Array, ...]:
    """Tensors as arrays, 16-bit floats widened."""
    return tuple(np.asarray(widened(each)) for each in outputs)


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
