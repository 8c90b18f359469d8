"""TensorFlow: a SavedModel, a frozen graph, a Keras file, or a factory of Keras'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ..model import ModelKeys
from ..section import Problem
from .common import (
    absent,
    input_names,
    is_supplied,
    path_or_factory,
    suffix,
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


def problems(model: ModelKeys) -> Iterator[Problem]:
    """The rules that the section breaks."""
    yield from path_or_factory(model)
    yield from _path(model)
    if model.path is not None:
        yield from absent(model, ("weights",), "goes with `factory`")
        if not is_saved_model(model.path):
            yield from absent(model, ("signature",), "is for SavedModels")
    elif not is_supplied(model):
        yield from weights_ending(model, WEIGHTS)
        yield from absent(model, ("signature",), "is for SavedModels")
        if model.trust:
            message = "`trust` is for models in files; here code of yours makes it"
            yield Problem(message, "leave it out", ("trust",))
    yield from absent(model, ("runtime",), "is for onnx models")
    yield from input_names(model)


def _path(model: ModelKeys) -> Iterator[Problem]:
    if model.path is None:
        return
    path = PurePosixPath(model.path)
    if path.name == "saved_model.pb":
        yield Problem(
            "a SavedModel is the whole folder, not the file in it",
            f"path: {path.parent}",
            ("path",),
        )
    elif suffix(model.path) in (*OTHERS, *CHECKPOINTS):
        hint = "write a SavedModel's folder, or a file that ends in .pb, .keras, .h5"
        if suffix(model.path) in CHECKPOINTS:
            hint = (
                "a checkpoint holds only weights: save the model by tf.saved_model.save"
            )
        message = f"`{path.name}` is not a kind of TensorFlow model that can be read"
        yield Problem(message, hint, ("path",))
