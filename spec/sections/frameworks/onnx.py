"""ONNX: a file, and the runtime that will execute what becomes of it."""

from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from ...reading.codes import Code
from ..model import ModelKeys
from ..section import Problem
from .common import absent, input_names, no_null, suffix


def runtime(model: ModelKeys, precisions: Collection[str]) -> str:
    """The runtime written, or the one that framework and precisions mean.

    OpenVINO executes bf16, ONNX Runtime fp16. Neural Compressor's names mean ONNX
    Runtime, unless the spec writes no precisions and gets bf16.

    Args:
        precisions: As the spec writes them.
    """
    if model.runtime is not None:
        return model.runtime
    theirs = model.framework != "onnx" and bool(precisions)
    fp16 = set(precisions) - {"fp32", "int8"} == {"fp16"}
    return "onnxruntime" if theirs or fp16 else "openvino"


def rules(model: ModelKeys) -> Iterator[Iterator[Problem]]:
    """The rules of the section."""
    yield _path(model)
    yield absent(
        model, ("factory", "weights", "strip_prefix"), "is not for onnx models"
    )
    yield absent(model, ("signature",), "is for TensorFlow's SavedModels")
    yield input_names(model)
    yield no_null(model)


def _path(model: ModelKeys) -> Iterator[Problem]:
    if model.path is not None and suffix(model.path) != ".onnx":
        yield Problem(
            f"`{PurePosixPath(model.path).name}` is not a kind of model that can be read",
            "write a file that ends in .onnx",
            ("path",),
            code=Code.FILE,
        )
