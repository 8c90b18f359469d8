"""What a model section may be: one module of rules for each framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..section import Problem
from . import mxnet, onnx, pytorch, tensorflow
from .common import ModelKeys

FRAMEWORKS: Mapping[str, str] = {
    "pytorch": "pytorch",
    "pytorch_fx": "pytorch",
    "pytorch_ipex": "pytorch",
    "tensorflow": "tensorflow",
    "tensorflow_itex": "tensorflow",
    "mxnet": "mxnet",
    "onnx": "onnx",
    "onnxrt_integerops": "onnx",
    "onnxrt_qdq": "onnx",
    "onnxrt_qlinearops": "onnx",
    "onnxrt_qoperator": "onnx",
}
"""The name written → ours."""

PROBLEMS: Mapping[str, Callable[[ModelKeys], Iterator[Problem]]] = {
    "pytorch": pytorch.problems,
    "tensorflow": tensorflow.problems,
    "mxnet": mxnet.problems,
    "onnx": onnx.problems,
}
"""Framework → the rules that a section breaks."""
