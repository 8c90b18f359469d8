"""A Keras model as a SavedModel, the same each time, and what its calls may change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.trackable.resource import TrackableResource

from ...ir.frozen import Signature


def export(
    model: Any,
    signature: Signature,
    call: Callable[[Sequence[Any]], list[Any]],
    path: Path,
) -> None:
    """Write a SavedModel with inputs and outputs by number.

    As `model.export` does, but for the order of variables: there it is that of their
    addresses, by which variables of one name get their numbers.
    """

    def serve(*tensors: Any) -> dict[str, Any]:
        return {f"output_{k}": each for k, each in enumerate(call(tensors))}

    specs = [
        tf.TensorSpec(each.shape, spelled(each.dtype), name=f"input_{k}")
        for k, each in enumerate(signature.inputs)
    ]
    traced = tf.function(serve, input_signature=specs, autograph=False)
    module = tf.Module()
    module.owned = in_order(traced.get_concrete_function().graph)
    module.resources = [
        each
        for each in tf.train.TrackableView(model).descendants()
        if isinstance(each, TrackableResource)
    ]
    tf.saved_model.save(module, str(path), signatures={signature.key: traced})


def changing(model: Any) -> list[Any]:
    """Variables that a call may change: seeds, counters, an RNN's last state.

    Keras' own layers write none that are trainable; other classes may write any.
    """
    parts = tf.train.TrackableView(model).descendants()
    layers = (each for each in parts if isinstance(each, keras.layers.Layer))
    own = all(type(each).__module__.partition(".")[0] == "keras" for each in layers)
    known = [*model.variables, *parts]
    found = {
        id(each.value): each.value
        for each in known
        if isinstance(each, keras.Variable) and not (own and each.trainable)
    }
    plain = {id(each): each for each in known if isinstance(each, tf.Variable)}
    return list((found | plain).values())


def spelled(dtype: str) -> str:
    """Keras' word for NumPy's name of a dtype."""
    return "string" if dtype == "object" else dtype


def in_order(graph: Any) -> list[Any]:
    """The variables of a traced function in the order in which it came upon them."""
    place = {id(outer): k for k, (outer, _inner) in enumerate(graph.captures)}
    return sorted(graph.variables, key=lambda each: place.get(id(each.handle), -1))
