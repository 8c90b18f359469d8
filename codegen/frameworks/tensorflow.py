"""TensorFlow: a SavedModel, a frozen graph, or what Keras made."""

from __future__ import annotations

from pathlib import PurePosixPath

from narrowcast.spec import Spec
from narrowcast.spec.frameworks.tensorflow import FROZEN
from narrowcast.spec.spec import PythonObject

from ..code import Code, literal
from ..imports import import_lines
from ..layout import Group, Item, laid_out, values
from ..names import imported
from ..paths import here
from ..script import FileModel, MadeModel
from .framework import Framework, returned, trust

TENSORFLOW = "narrowcast.runtime.frameworks.tensorflow"


def model_section(spec: Spec, folder: str) -> FileModel | MadeModel:
    """The model in a file, or the factory's with its weights."""
    if spec.model.factory is not None:
        return _made(spec, spec.model.factory, folder)
    assert spec.model.path is not None
    if spec.model.signature is not None:
        return _file(spec, folder, "load_saved_model", _signature(spec))
    if PurePosixPath(spec.model.path).suffix.lower() == FROZEN:
        return _file(spec, folder, "load_frozen_graph", _endpoints(spec))
    return _file(spec, folder, "load_keras", ())


def tensor(spec: Spec, array: Code, dtype: Code) -> Group:
    """The array as a tensor."""
    return Group("tf.constant(", (array,), ")")


def _signature(spec: Spec) -> tuple[Item, ...]:
    return (Code(f"signature={literal(spec.model.signature)}"),)


def _endpoints(spec: Spec) -> tuple[Item, ...]:
    """Where a graph begins and ends, as far as the spec says so."""
    names = {
        "inputs": tuple(one.name for one in spec.model.inputs),
        "outputs": spec.model.outputs,
    }
    return tuple((f"{key}=", values(found)) for key, found in names.items() if found)


def _file(spec: Spec, folder: str, reader: str, options: tuple[Item, ...]) -> FileModel:
    template = {
        "load_saved_model": "tensorflow/saved_model.py.j2",
        "load_frozen_graph": "tensorflow/frozen_graph.py.j2",
        "load_keras": "tensorflow/keras_file.py.j2",
    }[reader]
    where = here(spec.model.path or "", folder)
    loading = Group(f"{reader}(", (where, *options, *trust(spec)), ")")
    return FileModel(template, returned(spec, loading))


def _made(spec: Spec, factory: PythonObject, folder: str) -> MadeModel:
    module, top, expression = imported(factory)
    wanted = [("keras", ""), (module, top), (TENSORFLOW, "keras_model")]
    statements: tuple[Code, ...] = ()
    if path := spec.model.weights:
        wanted.append((TENSORFLOW, "load_keras_weights"))
        loading = Group("load_keras_weights(", (Code("model"), here(path, folder)), ")")
        statements = (laid_out("", loading, indent=4),)
    return MadeModel(
        template="tensorflow/keras_model.py.j2",
        local_imports=import_lines(wanted, indent=4),
        seed=literal(spec.seed),
        factory=Code(f"{expression}()"),
        weights=statements,
        result=Code("keras_model(model, INPUTS)"),
    )


FRAMEWORK = Framework(
    title="TensorFlow",
    extra="tensorflow",
    lowest="tensorflow>=2.16",
    pins=("tensorflow~=2.21",),
    templates="tensorflow",
    adapter=("narrowcast.runtime.frameworks", "tensorflow"),
    ending="",
    model=model_section,
    tensor=tensor,
    channels_last=True,
)
