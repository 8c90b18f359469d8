"""ONNX: `.onnx` in, `.onnx` out, in memory as onnx-ir holds it.

The runtime that a model is converted for is a module in here: `openvino`,
`onnxruntime`, `tensorrt`, or `portable` for any. Each traces, calls and opens models.
"""

from __future__ import annotations

from onnx_ir import Model

from .opening.load import load_onnx
from .opening.signature import signature

__all__ = ["Model", "load_onnx", "signature"]
