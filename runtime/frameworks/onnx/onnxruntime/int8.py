"""What ONNX Runtime's int8 kernels want, and which ops they computed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
import onnx_ir as ir
import onnxruntime as ort

from ...listing import listed
from ..ir.quantized.forms import Forms
from ..ir.serialization import Opened
from ..running.carried import carried

KERNELS = listed(
    """
    ConvInteger DynamicQuantizeMatMul MatMulInteger MatMulIntegerToFloat QGemm
    QLinearConv QLinearMatMul
    """
)


def computed(model: ir.Model) -> frozenset[str]:
    """As `Forms.computed`: what the kernels take and make, in the model as fused."""
    opened = Opened(carried(model))
    with tempfile.TemporaryDirectory(prefix="narrowcast-") as folder:
        fused = Path(folder) / "fused.onnx"
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.optimized_model_filepath = str(fused)
        source = opened.source
        ort.InferenceSession(
            source if isinstance(source, bytes) else str(source),
            options,
            providers=["CPUExecutionProvider"],
            # It would give equal scales of several ops one name.
            disabled_optimizers=["ConstantSharing"],
        )
        nodes = onnx.load(fused, load_external_data=False).graph.node
    return frozenset(
        name
        for node in nodes
        if node.op_type in KERNELS
        for name in (*node.input, *node.output)
    )


FORMS = Forms(
    computed,
    signed=False,  # On x86 it computes in fp32 what several ops take so.
    whole=frozenset({"Conv"}),
    added=True,
    biased=frozenset({"Conv", "Gemm"}),
    dynamic=frozenset({"Gemm", "MatMul"}),
)
