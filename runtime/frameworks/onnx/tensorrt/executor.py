"""TensorRT, imitated: `trtexec --stronglyTyped --noTF32` runs a model so."""

from __future__ import annotations

import onnx_ir as ir

from ..ir.quantized.kernels import Int8
from ..running import switches
from ..running.imitation.executor import Imitated

INT8 = Int8(
    frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"}),
    weights=frozenset({ir.DataType.INT8}),
    symmetric=True,
)

EXECUTOR = Imitated("TensorRT", switches.TENSORRT, INT8)
