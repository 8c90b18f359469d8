"""ONNX: `.onnx` in, `.onnx` out, in memory as onnx-ir holds it.

The runtime that a model is converted for is an adapter in here: `openvino`,
`onnxruntime`, `tensorrt`, or `portable` for any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...common.optional import lazily

if TYPE_CHECKING:
    from onnx_ir import Model as Model

    from .opening.load import load_onnx as load_onnx
    from .opening.signature import signature as signature
    from .opening.supplied import open_supplied as open_supplied
    from .writing.archive import rename_data as rename_data

__getattr__ = lazily(__name__)
