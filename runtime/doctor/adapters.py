"""All adapters, held to the protocol."""

from __future__ import annotations

from collections.abc import Mapping

from ..frameworks import mxnet, pytorch, tensorflow
from ..frameworks.adapter import Adapter
from ..frameworks.onnx import onnxruntime, openvino, portable, tensorrt

ADAPTERS: Mapping[str, Adapter] = {
    "pytorch": pytorch,
    "tensorflow": tensorflow,
    "mxnet": mxnet,
    "openvino": openvino,
    "onnxruntime": onnxruntime,
    "tensorrt": tensorrt,
    "any": portable,
}
"""Framework, or the runtime of ONNX models, as a spec names it → adapter."""


def adapter_of(distribution: str) -> Adapter:
    """The adapter whose framework a distribution is."""
    return next(a for a in ADAPTERS.values() if a.dependencies[0] == distribution)
