"""A Keras model as loaded: called eagerly, and frozen by way of a SavedModel."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from .....common.errors import DataError, ModelError
from .....common.suggestion import chosen
from ....feeding.dtypes import STRING
from ....inputs import Input
from ....protocol import Inputs, Outputs
from ...bodies.canonical import canonical_functions
from ...ir.frozen import Endpoint, Frozen, Signature
from ...running.reasons import FAILURES, FIT, failed, said
from ...running.session import widened
from ..saved_model import load_saved_model
from .export import changing, export, spelled

KEY = "serving_default"


@dataclass(frozen=True)
class KerasModel:
    """A Keras model, called as in evaluation mode.

    Attributes:
        model: The user's own object; its state is put back before each start.
        signature: Names as `model.export` gives them.
        place: What messages start with.
        state: Its variables that calls may change, and what they were.
        kept: Which of its outputs are the signature's.
    """

    model: Any
    signature: Signature
    place: str
    state: Sequence[tuple[Any, Any]] = ()
    kept: Sequence[int] = ()

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """As `Model`; raises a DataError for inputs that don't fit the model."""
        tensors = [tf.convert_to_tensor(each) for each in inputs]
        if len(tensors) != len(self.signature.inputs):
            raise DataError(
                f"{self.place} takes {len(self.signature.inputs)} inputs, it is "
                f"given {len(tensors)}",
                FIT,
            )
        try:
            found = self._kept(tensors)
        except FAILURES as error:
            raise failed(self.place, error) from error
        return tuple(widened(each.numpy()) for each in found)

    def restart(self) -> None:
        """Bring state back to what it was when the model was loaded."""
        for variable, value in self.state:
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
            export(self.model, self.signature, self._kept, path)
        except Exception as error:  # a model's own Python fails in any type
            raise ModelError(
                f"{self.place} can't be traced: {said(error)}",
                "It must be callable in a tf.function, as model.export calls it.",
            ) from error
        saved = load_saved_model(path, trust=True)
        frozen = replace(saved, place=self.place, folder=folder).freeze()
        return replace(
            frozen,
            graph_def=canonical_functions(frozen.graph_def),
            signatures=(self._named(frozen.signatures[0]),),
        )

    def _kept(self, tensors: Sequence[Any]) -> list[Any]:
        found = tf.nest.flatten(_called(self.model, tensors))
        return [found[k] for k in self.kept]

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
    model: Any,
    inputs: Sequence[Input] = (),
    *,
    outputs: Sequence[str] = (),
    place: str = "the model",
) -> KerasModel:
    """A Keras model as the adapter takes it; the object stays as it is.

    Args:
        inputs: What it takes, where the model doesn't know: a class of one's own.
        outputs: Those that are judged and kept, by the signature's names or Keras' own;
            all without names.

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
    ends = _declared(model, inputs) or _own(model, place)
    made = _outputs(model, ends, place)
    known = [each.name for each in made]
    own = list(getattr(model, "output_names", None) or ())
    names = known + own * (len(own) == len(known))
    kept = [k % len(made) for k in chosen(outputs, names, place, len(made))]
    ends_ = tuple(made[k] for k in kept)
    state = [(each, each.read_value()) for each in changing(model)]
    return KerasModel(model, Signature(KEY, ends, ends_), place, state, kept)


def _called(model: Any, tensors: Sequence[Any]) -> Any:
    """As the model's `call` takes its inputs: one, or all in a list."""
    given = tensors[0] if len(tensors) == 1 else list(tensors)
    struct = getattr(model, "_inputs_struct", None)
    if isinstance(struct, dict):
        by_input = {id(e): t for e, t in zip(model.inputs, tensors, strict=True)}
        given = {key: by_input[id(each)] for key, each in struct.items()}
    return model(given, training=False)


def _declared(model: Any, inputs: Sequence[Input]) -> tuple[Endpoint, ...]:
    """Inputs as the spec has them; a dtype that it leaves out is the model's own."""
    known = getattr(model, "inputs", None) or ()
    own = {each.name: _dtype(each) for each in known}
    if len(known) == len(inputs) and not own.keys() >= {each.name for each in inputs}:
        own = {i.name: _dtype(e) for i, e in zip(inputs, known, strict=True)}

    def endpoint(each: Input, shape: tuple[int | str, ...]) -> Endpoint:
        dtype = each.dtype or own.get(each.name, "float32")
        sizes = tuple(None if isinstance(size, str) else size for size in shape)
        return Endpoint(each.name, "", "object" if dtype == STRING else dtype, sizes)

    return tuple(endpoint(e, e.shape) for e in inputs if e.shape is not None)


def _own(model: Any, place: str) -> tuple[Endpoint, ...]:
    """The inputs that the model knows: those of Functional and Sequential."""
    known = getattr(model, "inputs", None)
    if not known:
        if (only := _called_with(model)) is not None:
            return (only,)
        raise ModelError(
            f"{place} does not say what it takes: it is a class of its own, or not built",
            "Name its inputs under model.inputs, with shapes and dtypes.",
        )
    return tuple(Endpoint(e.name, "", _dtype(e), tuple(e.shape)) for e in known)


def _called_with(model: Any) -> Endpoint | None:
    """The one tensor that a model of a class of its own was built with.

    None where it wasn't called yet, or takes anything else.
    """
    shapes = list((getattr(model, "_build_shapes_dict", None) or {}).values())
    if len(shapes) != 1 or not all(isinstance(k, int | None) for k in shapes[0]):
        return None
    name = next(iter(signature(model.call).parameters), "input")
    return Endpoint(name, "", str(model.input_dtype), (None, *shapes[0][1:]))


def _dtype(tensor: Any) -> str:
    """NumPy's name: Keras says "string" for what is an object there."""
    return "object" if tensor.dtype == "string" else str(tensor.dtype)


def _outputs(
    model: Any, ends: tuple[Endpoint, ...], place: str
) -> tuple[Endpoint, ...]:
    """Named by the keys of a dict, else as model.export does: output_0, …"""
    symbols = [keras.KerasTensor(e.shape, spelled(e.dtype), name=e.name) for e in ends]
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
