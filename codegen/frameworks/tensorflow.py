"""TensorFlow: a SavedModel, a frozen graph, or what Keras made."""

from __future__ import annotations

from pathlib import PurePosixPath

from narrowcast.spec import Spec
from narrowcast.spec.releases import frameworks
from narrowcast.spec.sections.frameworks.tensorflow import FROZEN

from ..sections import LoadModel
from ..writing.code import Code, literal
from ..writing.layout import Group, Item
from .factory import Factory, made
from .framework import (
    Framework,
    named,
    opened,
    selected,
    supplied,
)

TENSORFLOW = "narrowcast.runtime.frameworks.tensorflow"
MODEL = Code("MODEL")


def load_model(spec: Spec) -> LoadModel:
    """The model in a file, or the factory's with its weights."""
    model = spec.model
    outputs = selected(spec)
    if spec.model.supplied:
        named_signature = (
            () if model.signature is None else (_signature(model.signature),)
        )
        return supplied(spec, TENSORFLOW, (*named_signature, *_endpoints(spec)))
    if model.factory is not None:
        return made(spec, model.factory, _keras(spec), "The trained Keras model.")
    if model.signature is not None:
        reader = (TENSORFLOW, "load_saved_model")
        arguments = (MODEL, _signature(model.signature), *outputs)
        return opened(spec, reader, arguments, "The trained SavedModel.")
    if PurePosixPath(model.path or "").suffix.lower() == FROZEN:
        title = "The trained graph, its variables frozen."
        reader = (TENSORFLOW, "load_frozen_graph")
        return opened(spec, reader, (MODEL, *_endpoints(spec)), title)
    reader = (TENSORFLOW, "load_keras")
    return opened(spec, reader, (MODEL, *outputs), "The trained Keras model.")


def _keras(spec: Spec) -> Factory:
    taken = (Code("model"), Code("INPUTS"), *selected(spec))
    return Factory(
        seeding="keras.utils.set_random_seed",
        variable="model",
        reader=(TENSORFLOW, "load_keras_weights"),
        options=(),
        imports=(("keras", ""), (TENSORFLOW, "keras_model")),
        result=Group("keras_model(", taken, ")"),
    )


def tensor(spec: Spec, array: Code, dtype: Code) -> Group:
    """The array as a tensor."""
    return Group("tf.constant(", (array,), ")")


def _signature(name: str) -> Code:
    return Code(f"signature={literal(name)}")


def _endpoints(spec: Spec) -> tuple[Item, ...]:
    """Where a graph begins and ends, as far as the spec says so."""
    inputs = tuple(one.name for one in spec.model.inputs)
    return (*named("inputs", inputs), *selected(spec))


FRAMEWORK = Framework(
    title="TensorFlow",
    extra="tensorflow",
    releases=frameworks.TENSORFLOW,
    package=TENSORFLOW,
    adapter=("narrowcast.runtime.frameworks", "tensorflow"),
    ending="",
    model=load_model,
    tensor=tensor,
    tensor_type=Code("tf.Tensor"),
    tensor_imports=(("tensorflow as tf", ""),),
    type_imports=(("tensorflow as tf", ""), (TENSORFLOW, "Model")),
)
