"""ONNX: `.onnx` in, `.onnx` out, in memory as onnx-ir holds it.

The runtime that a model is converted for is a module in here: `openvino`,
`onnxruntime`, `tensorrt`, or `portable` for any. Each traces, calls and opens models.
"""

from __future__ import annotations

from onnx_ir import Model

from .inputs import signature
from .loading import load_onnx

__all__ = ["Model", "load_onnx", "signature"]
