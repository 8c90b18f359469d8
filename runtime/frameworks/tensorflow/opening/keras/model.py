"""A Keras model as loaded: called eagerly, and frozen by way of a SavedModel."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .....common.errors import DataError, ModelError
from ....inputs import Input
from ....protocol import Inputs, Outputs
from ...ir.frozen import Endpoint, Frozen, Signature
from ...running.session import widened
from ..saved_model import load_saved_model

KEY = "serving_default"


@dataclass(frozen=True)
class KerasModel:
    """A Keras model, called as in evaluation mode.

    Attributes:
        model: The user's own object; its state is put back before each start.
        signature: Names as `model.export` gives them.
        place: What messages start with.
        state: What its variables that may change while it is called were.
    """

    model: Any
    signature: Signature
    place: str
    state: Sequence[Any] = field(default_factory=tuple)

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """As `Model`; raises a DataError for inputs that don't fit the model."""
        tensors = [tf.convert_to_tensor(each) for each in inputs]
        if len(tensors) != len(self.signature.inputs):
            raise DataError(
                f"{self.place} takes {len(self.signature.inputs)} inputs, the data "
                f"gives {len(tensors)}",
                "Make the dataset and model.inputs agree.",
            )
        try:
            found = _called(self.model, tensors)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise DataError(
                f"{self.place} fails on the data: {_first_line(error)}",
                "Make the dataset, its transforms and the model's inputs agree.",
            ) from error
        return tuple(widened(each.numpy()) for each in tf.nest.flatten(found))

    def restart(self) -> None:
        """Bring state back to what it was when the model was loaded."""
        for variable, value in zip(_state(self.model), self.state, strict=True):
            variable.assign(value)

    def freeze(self) -> Frozen:
        """As `Model.freeze`.

        Raises:
            ModelError: Keras can't trace the model.
        """
        self.restart()
        folder = tempfile.TemporaryDirectory(prefix="narrowcast-")
        path = Path(folder.name) / "model"
        try:
            _export(self.model, self.signature, path)
        except Exception as error:  # a model's own Python fails in any type
            raise ModelError(
                f"{self.place} can't be traced: {said(error)}",
                "It must be callable in a tf.function, as model.export calls it.",
            ) from error
        saved = load_saved_model(path, trust=True)
        frozen = replace(saved, place=self.place, folder=folder).freeze()
        return replace(frozen, signatures=(self._named(frozen.signatures[0]),))

    def _named(self, exported: Signature) -> Signature:
        """The model's own names and order, with the tensors of what was exported."""

        def own(wanted: Sequence[Endpoint], kind: str) -> tuple[Endpoint, ...]:
            made = {e.name: e for e in (*exported.inputs, *exported.outputs)}
            return tuple(
                replace(made[f"{kind}_{k}"], name=each.name)
                for k, each in enumerate(wanted)
            )

        return replace(
            self.signature,
            inputs=own(self.signature.inputs, "input"),
            outputs=own(self.signature.outputs, "output"),
        )


def keras_model(
    model: Any, inputs: Sequence[Input] = (), *, place: str = "the model"
) -> KerasModel:
    """A Keras model as the adapter takes it; the object stays as it is.

    Args:
        inputs: What it takes, where the model doesn't know: a class of one's own.

    Raises:
        ModelError: It is no Keras model, not built, or of another backend.
    """
    if not isinstance(model, keras.Model):
        raise ModelError(
            f"{place} is a {type(model).__name__}, no Keras {keras.__version__} model",
            "model.factory must return a keras.Model: no class, no list.",
        )
    if keras.config.backend() != "tensorflow":
        raise ModelError(
            f"Keras computes with {keras.config.backend()} here",
            "Set KERAS_BACKEND=tensorflow, or unset it.",
        )
    ends = _declared(inputs) or _own(model, place)
    outputs = _outputs(model, ends, place)
    state = [np.array(keras.ops.convert_to_numpy(e)) for e in _state(model)]
    return KerasModel(model, Signature(KEY, ends, outputs), place, state)


def _state(model: Any) -> list[Any]:
    """Variables that a call may change: seeds, counters, an RNN's last state."""
    return list(model.non_trainable_variables)


def _called(model: Any, tensors: Sequence[Any]) -> Any:
    """As the model's `call` takes its inputs: one, or all in a list."""
    given = tensors[0] if len(tensors) == 1 else list(tensors)
    struct = getattr(model, "_inputs_struct", None)
    if isinstance(struct, dict):
        by_input = {id(e): t for e, t in zip(model.inputs, tensors, strict=True)}
        given = {key: by_input[id(each)] for key, each in struct.items()}
    return model(given, training=False)


def _declared(inputs: Sequence[Input]) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(
            each.name,
            "",
            each.dtype or "float32",
            tuple(None if isinstance(size, str) else size for size in each.shape or ()),
        )
        for each in inputs
        if each.shape is not None
    )


def _own(model: Any, place: str) -> tuple[Endpoint, ...]:
    """The inputs that the model knows: those of Functional and Sequential."""
    known = getattr(model, "inputs", None)
    if not known:
        raise ModelError(
            f"{place} does not say what it takes: it is a class of its own, or not built",
            "Name its inputs under model.inputs, with shapes and dtypes.",
        )
    return tuple(Endpoint(e.name, "", _dtype(e), tuple(e.shape)) for e in known)


def _dtype(tensor: Any) -> str:
    """NumPy's name: Keras says "string" for what is an object there."""
    return "object" if tensor.dtype == "string" else str(tensor.dtype)


def _spelled(dtype: str) -> str:
    """The inverse."""
    return "string" if dtype == "object" else dtype


def _outputs(
    model: Any, ends: tuple[Endpoint, ...], place: str
) -> tuple[Endpoint, ...]:
    """Named by the keys of a dict, else as model.export does: output_0, …"""
    symbols = [keras.KerasTensor(e.shape, _spelled(e.dtype), name=e.name) for e in ends]
    try:
        made = _called(model, symbols)
    except Exception as error:  # a model's own Python fails in any type
        raise ModelError(
            f"{place} can't be called with its inputs: {said(error)}",
            "Name its inputs under model.inputs, with shapes and dtypes.",
        ) from error
    keys = sorted(made) if isinstance(made, dict) else None
    return tuple(
        Endpoint(
            keys[k] if keys else f"output_{k}", "", _dtype(each), tuple(each.shape)
        )
        for k, each in enumerate(tf.nest.flatten(made))
    )


def _export(model: Any, signature: Signature, path: Path) -> None:
    """Write a SavedModel with inputs and outputs by number."""

    def call(*tensors: Any) -> dict[str, Any]:
        found = tf.nest.flatten(_called(model, tensors))
        return {f"output_{k}": each for k, each in enumerate(found)}

    archive = keras.export.ExportArchive()
    archive.track(model)
    specs = [
        tf.TensorSpec(each.shape, _spelled(each.dtype), name=f"input_{k}")
        for k, each in enumerate(signature.inputs)
    ]
    archive.add_endpoint(KEY, call, specs)
    archive.write_out(str(path), verbose=False)


def said(error: Exception) -> str:
    """What went wrong in Keras or in the model's own Python, in a line."""
    return f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    return next(filter(None, map(str.strip, str(error).splitlines())), "")[:300]
