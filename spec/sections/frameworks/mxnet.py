"""MXNet: a symbol with its parameters, or a factory of a HybridBlock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ...reading.codes import Code
from ..model import ModelKeys
from ..section import Problem
from .common import (
    absent,
    input_names,
    no_null,
    no_text,
    path_or_factory,
    trusted_file,
    weights_ending,
)

SYMBOL = "-symbol.json"
WEIGHTS = (".params", ".parameters")


def rules(model: ModelKeys) -> Iterator[Iterator[Problem]]:
    """The rules of the section."""
    yield path_or_factory(model)
    yield weights_ending(model, WEIGHTS)
    yield _symbol(model)
    yield trusted_file(model)
    yield absent(model, ("runtime",), "is for onnx models")
    yield absent(model, ("signature",), "is for TensorFlow's SavedModels")
    yield absent(model, ("strip_prefix",), "is for PyTorch's weights")
    yield input_names(model)
    yield no_null(model)
    yield no_text(model)


def _symbol(model: ModelKeys) -> Iterator[Problem]:
    if model.path is None:
        return
    name = PurePosixPath(model.path).name
    if not name.endswith(SYMBOL):
        yield Problem(
            f"`{name}` is not a kind of MXNet model that can be read",
            f"write the symbol, a file that ends in {SYMBOL}, as `export` names it",
            ("path",),
            code=Code.FILE,
        )
    if not model.says("weights"):
        stem = name.removesuffix(SYMBOL)
        yield Problem(
            "a symbol holds no weights",
            f"weights: {stem}-0000.params",
            ("path",),
            code=Code.MISSING,
        )
