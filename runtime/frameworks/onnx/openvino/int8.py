"""What OpenVINO's int8 kernels want, and which ops they computed."""

from __future__ import annotations

import onnx_ir as ir

from ....graph.graph import Precision
from ...quantizing.quantization import Integers
from ..ir.quantized.forms import Forms
from ..ir.serialization import Opened
from .session import compiled

CONTRACTIONS = frozenset({"Convolution", "FullyConnected", "MatMul"})
"""Its names of the operators, in a model as it executes it."""


def computed(model: ir.Model) -> frozenset[str]:
    """As `Forms.computed`: the names of the layers that the kernel stands for."""
    names: set[str] = set()
    for op in compiled(Opened(model).source).get_runtime_model().get_ops():
        told = {key: str(op.rt_info[key].value) for key in TOLD if key in op.rt_info}
        kernel = told.get("primitiveType", "")
        if told.get("layerType") in CONTRACTIONS and kernel.lower().endswith("_i8"):
            names.update(told.get("originalLayersNames", "").split(","))
    return frozenset(names)


TOLD = ("layerType", "primitiveType", "originalLayersNames")

FORMS = Forms(
    computed,
    # Products of two activations must have no zero points, the second be signed.
    pair=(Integers("", "sym"), Integers("int8", "sym")),
    sums=True,
    # Its convolutions are several times slower behind what is dequantized to bf16.
    narrow={key: {Precision.BF16} for key in ("MatMul", "Gemm")},
    # Without one, read as floats and as integers, what reads the integers is all zeros.
    filled=frozenset({"Conv"}),
)
