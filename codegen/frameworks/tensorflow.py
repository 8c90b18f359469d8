"""TensorFlow: a SavedModel, a frozen graph, or what Keras made."""

from __future__ import annotations

from pathlib import PurePosixPath

from narrowcast.spec import Spec
from narrowcast.spec.sections.frameworks.tensorflow import FROZEN

from ..sections import LoadModel
from ..writing.code import Code, literal
from ..writing.layout import Group, Item, values
from .framework import Factory, Framework, made, opened

TENSORFLOW = "narrowcast.runtime.frameworks.tensorflow"
KERAS = Factory(
    seeding="keras.utils.set_random_seed",
    variable="model",
    reader=(TENSORFLOW, "load_keras_weights"),
    options=(),
    imports=(("keras", ""), (TENSORFLOW, "keras_model")),
    result=Code("keras_model(model, INPUTS)"),
)
MODEL = Code("MODEL")


def load_model(spec: Spec) -> LoadModel:
    """The model in a file, or the factory's with its weights."""
    model = spec.model
    if model.factory is not None:
        return made(spec, model.factory, KERAS, "The trained Keras model.")
    if model.signature is not None:
        arguments = (MODEL, Code(f"signature={literal(model.signature)}"))
        reader = (TENSORFLOW, "load_saved_model")
        return opened(spec, reader, arguments, "The trained SavedModel.")
    if PurePosixPath(model.path or "").suffix.lower() == FROZEN:
        title = "The trained graph, its variables frozen."
        reader = (TENSORFLOW, "load_frozen_graph")
        return opened(spec, reader, (MODEL, *_endpoints(spec)), title)
    reader = (TENSORFLOW, "load_keras")
    return opened(spec, reader, (MODEL,), "The trained Keras model.")


def tensor(spec: Spec, array: Code, dtype: Code) -> Group:
    """The array as a tensor."""
    return Group("tf.constant(", (array,), ")")


def _endpoints(spec: Spec) -> tuple[Item, ...]:
    """Where a graph begins and ends, as far as the spec says so."""
    names = {
        "inputs": tuple(one.name for one in spec.model.inputs),
        "outputs": spec.model.outputs,
    }
    return tuple((f"{key}=", values(found)) for key, found in names.items() if found)


FRAMEWORK = Framework(
    title="TensorFlow",
    extra="tensorflow",
    lowest="tensorflow>=2.16",
    pins=("tensorflow~=2.21",),
    package=TENSORFLOW,
    adapter=("narrowcast.runtime.frameworks", "tensorflow"),
    ending="",
    model=load_model,
    tensor=tensor,
    tensor_type=Code("tf.Tensor"),
    tensor_imports=(("tensorflow as tf", ""),),
    type_imports=(("tensorflow as tf", ""), (TENSORFLOW, "Model")),
    channels_last=True,
)
