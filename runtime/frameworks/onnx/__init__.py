"""ONNX: `.onnx` in, `.onnx` out, in memory as onnx-ir holds it.

The runtime that a model is converted for is an adapter in here: `openvino`,
`onnxruntime`, `tensorrt`, or `portable` for any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..imported import lazily

if TYPE_CHECKING:
    from onnx_ir import Model

    from .opening.load import load_onnx
    from .opening.signature import signature

__all__ = ["Model", "load_onnx", "signature"]

__getattr__ = lazily(
    __name__,
    {
        "Model": "onnx_ir",
        "load_onnx": ".opening.load",
        "signature": ".opening.signature",
    },
)
