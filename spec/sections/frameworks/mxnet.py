"""MXNet: a symbol with its parameters, or a factory of a HybridBlock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ..model import ModelKeys
from ..section import Problem
from .common import absent, input_names, path_or_factory, weights_ending

SYMBOL = "-symbol.json"
WEIGHTS = (".params", ".parameters")


def problems(model: ModelKeys) -> Iterator[Problem]:
    """The rules that the section breaks."""
    yield from path_or_factory(model)
    yield from weights_ending(model, WEIGHTS)
    if model.path is not None:
        yield from _symbol(model, model.path)
    elif model.factory is not None and model.trust:
        message = "`trust` is for models in files; here code of yours makes it"
        yield Problem(message, "leave it out", ("trust",))
    yield from absent(model, ("runtime",), "is for onnx models")
    yield from absent(model, ("signature",), "is for TensorFlow's SavedModels")
    yield from input_names(model)


def _symbol(model: ModelKeys, path: str) -> Iterator[Problem]:
    name = PurePosixPath(path).name
    if not name.endswith(SYMBOL):
        yield Problem(
            f"`{name}` is not a kind of MXNet model that can be read",
            f"write the symbol, a file that ends in {SYMBOL}, as `export` names it",
            ("path",),
        )
    if model.weights is None:
        stem = name.removesuffix(SYMBOL)
        yield Problem(
            "a symbol holds no weights", f"weights: {stem}-0000.params", ("path",)
        )
