"""TensorFlow: a SavedModel, a frozen graph, a Keras file, or a factory of Keras'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ...reading.codes import Code
from ..model import ModelKeys
from ..section import Problem
from .common import (
    absent,
    input_names,
    is_supplied,
    no_null,
    path_or_factory,
    suffix,
    trusted_file,
    weights_ending,
)

FROZEN = ".pb"
KERAS = (".keras", ".h5", ".hdf5")
WEIGHTS = (".h5",)
OTHERS = (".onnx", ".params", ".pt", ".pt2", ".pth", ".safetensors", ".tflite")
CHECKPOINTS = (".ckpt", ".data-00000-of-00001", ".index", ".meta")


def is_saved_model(path: str | None) -> bool:
    """Whether the path names a SavedModel's folder."""
    return path is not None and suffix(path) not in (FROZEN, *KERAS)


def rules(model: ModelKeys) -> Iterator[Iterator[Problem]]:
    """The rules of the section."""
    yield path_or_factory(model)
    yield _path(model)
    yield _weights(model)
    yield _signature(model)
    yield trusted_file(model)
    yield absent(model, ("runtime",), "is for onnx models")
    yield absent(model, ("strip_prefix",), "is for PyTorch's weights")
    yield input_names(model)
    yield no_null(model)


def _weights(model: ModelKeys) -> Iterator[Problem]:
    if is_supplied(model):
        return
    if not model.says("path"):
        yield from weights_ending(model, WEIGHTS)
    else:
        yield from absent(model, ("weights",), "goes with `factory`")


def _signature(model: ModelKeys) -> Iterator[Problem]:
    if not is_supplied(model) and not is_saved_model(model.path):
        yield from absent(model, ("signature",), "is for SavedModels")


def _path(model: ModelKeys) -> Iterator[Problem]:
    if model.path is None:
        return
    path = PurePosixPath(model.path)
    if path.name == "saved_model.pb":
        yield Problem(
            "a SavedModel is the whole folder, not the file in it",
            f"path: {path.parent}",
            ("path",),
            code=Code.FILE,
        )
    elif suffix(model.path) in (*OTHERS, *CHECKPOINTS):
        hint = "write a SavedModel's folder, or a file that ends in .pb, .keras, .h5"
        if suffix(model.path) in CHECKPOINTS:
            hint = (
                "a checkpoint holds only weights: save the model by tf.saved_model.save"
            )
        message = f"`{path.name}` is not a kind of TensorFlow model that can be read"
        yield Problem(message, hint, ("path",))
