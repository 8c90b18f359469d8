"""ONNX: a file, and the runtime that will execute what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ..model import ModelKeys
from ..section import Problem
from .common import absent, input_names, suffix


def runtime(model: ModelKeys, precisions: bool) -> str:
    """The runtime written, or the one that the framework's name means.

    Neural Compressor's names mean ONNX Runtime, which has no bf16 on CPUs. A spec that
    writes no precisions gets bf16, so it then is for OpenVINO.

    Args:
        precisions: Whether the spec writes precisions.
    """
    if model.runtime is not None:
        return model.runtime
    return "openvino" if model.framework == "onnx" or not precisions else "onnxruntime"


def rules(model: ModelKeys) -> Iterator[Iterator[Problem]]:
    """The rules of the section."""
    yield _path(model)
    yield absent(model, ("factory", "weights"), "is not for onnx models")
    yield absent(model, ("signature",), "is for TensorFlow's SavedModels")
    yield input_names(model)


def _path(model: ModelKeys) -> Iterator[Problem]:
    if model.path is not None and suffix(model.path) != ".onnx":
        yield Problem(
            f"`{PurePosixPath(model.path).name}` is not a kind of model that can be read",
            "write a file that ends in .onnx",
            ("path",),
        )
