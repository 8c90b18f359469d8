"""A Keras model's configuration from anywhere: classes that it would make."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import keras

from .....common.errors import UnsafeError
from ....listing import listed

TRUST = (
    "If you trust where the model comes from, write `trust: true` under `model`: opening "
    "it may then run any Python that is in it."
)
FACTORY = (
    "Name a function that builds the model as model.factory, and its weights, saved "
    "with model.save_weights, as model.weights."
)

REFUSED = {
    "__lambda__": "is Python code",
    "__typespec__": "is a type of TensorFlow's, made by its name",
    "FlaxLayer": "holds pickled Python",
    "JaxLayer": "holds pickled Python",
    "Lambda": "is Python code",
    "TFSMLayer": "opens another file",
    "TorchModuleWrapper": "holds pickled Python",
}
"""Class → why it is not made without trust."""

PLAIN = listed(
    """
    __bytes__ __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__
    """
)
"""What Keras calls values that JSON has not."""

IGNORED = frozenset(["compile_config", "training_config"])
"""Optimizer, losses and metrics: they are not made."""

FILES = frozenset(["vocabulary", "idf_weights", "filepath"])
"""Arguments that are a file's path if they are text."""


def check_config(config: Any, place: str) -> None:
    """Hold all that a configuration names to Keras' own classes that only compute.

    Raises:
        ModelError: It names another class or a function, or a file.
    """
    open_ = [config]
    while open_:
        value = open_.pop()
        if isinstance(value, Mapping):
            if "class_name" in value:
                _check_class(value, place)
            open_.extend(each for key, each in value.items() if key not in IGNORED)
        elif isinstance(value, list | tuple):
            open_.extend(value)


def _check_class(value: Mapping[str, Any], place: str) -> None:
    name, module = value["class_name"], value.get("module")
    label = f"{module}.{name}" if module else str(name)
    own = module is None or str(module).partition(".")[0] == "keras"
    if name in REFUSED:
        raise UnsafeError(
            f"{place} is not opened: {_called(value)}{label} {REFUSED[name]}", TRUST
        )
    if name in PLAIN and module in (None, "builtins"):
        return
    if not isinstance(name, str) or not own or name not in _known():
        raise UnsafeError(
            f"{place} is not opened: {_called(value)}{label} is none of Keras' own "
            "classes",
            FACTORY,
        )
    inner = value.get("config")
    for key in FILES & set(inner if isinstance(inner, Mapping) else ()):
        if isinstance(inner[key], str):  # type: ignore[index]
            raise UnsafeError(
                f"{place} is not opened: {_called(value)}{label} reads the file "
                f"{inner[key][:80]!r}",  # type: ignore[index]
                TRUST,
            )


def _called(value: Mapping[str, Any]) -> str:
    inner = value.get("config")
    name = inner.get("name") if isinstance(inner, Mapping) else None
    return f"layer {name[:80]}: " if isinstance(name, str) else ""


@cache
def _known() -> frozenset[str]:
    """Names of Keras' layers, operations, and what they are made with.

    A file has the name under which Keras exports a class, which may not be its own.
    """
    roots = [
        keras.Operation,
        keras.DTypePolicy,
        keras.constraints.Constraint,
        keras.initializers.Initializer,
        keras.quantizers.Quantizer,
        keras.regularizers.Regularizer,
        keras.random.SeedGenerator,
    ]
    found = list(dict.fromkeys(roots))
    for each in found:
        found.extend(c for c in each.__subclasses__() if c not in found)
    own = {c for c in found if c.__module__.partition(".")[0] == "keras"}
    own = {c for c in own if c.__name__ not in REFUSED}
    modules = [
        m for n, m in list(sys.modules.items()) if n.partition(".")[0] == "keras"
    ]
    exported = {
        name
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and value in own
    }
    return frozenset(exported | {c.__name__ for c in own}) - REFUSED.keys()
