"""Models to quantize, placements of them, and what runtimes made of the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import openvino as ov

from narrowcast.runtime.frameworks.onnx.program import Program
from narrowcast.runtime.graph.graph import Kind, Placement, Precision

FLOAT = onnx.TensorProto.FLOAT
INT8 = Precision.INT8


def cnn(tools: Any, opset: int = 22) -> Any:
    """Two convolutions, one in groups, around which a residual goes; then a product."""
    b = tools.Builder()
    b.node(
        "Conv", ["x", b.weight("w1", 8, 8, 3, 3), b.weight("b1", 8)], "c1", pads=[1] * 4
    )
    b.node("Relu", ["c1"], "r1")
    b.node("Conv", ["r1", b.weight("w2", 8, 2, 3, 3)], "c2", pads=[1] * 4, group=4)
    b.node("Add", ["c2", "x"], "a")
    b.node("Relu", ["a"], "r2")
    b.node("GlobalAveragePool", ["r2"], "g")
    b.node("Flatten", ["g"], "f")
    b.node("Gemm", ["f", b.weight("w3", 10, 8), b.weight("b3", 10)], "y", transB=1)
    model = b.model(
        [("x", FLOAT, ["n", 8, 16, 16])], [("y", FLOAT, ["n", 10])], opset=opset
    )
    return tools.Case(model, b.random_batch((4, 8, 16, 16)))


def mlp(tools: Any) -> Any:
    """Two products with a bias and a GELU between, and a normalisation."""
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w1", 32, 64)], "m1")
    b.node("Add", ["m1", b.weight("b1", 64)], "a1")
    b.node("Gelu", ["a1"], "h")
    b.node("MatMul", ["h", b.weight("w2", 64, 32)], "m2")
    b.node("Add", ["m2", "x"], "a2")
    norm = [b.weight("scale", 32, scale=1.0), b.weight("shift", 32)]
    b.node("LayerNormalization", ["a2", *norm], "y")
    model = b.model([("x", FLOAT, ["n", 6, 32])], [("y", FLOAT, ["n", 6, 32])])
    return tools.Case(model, b.random_batch((3, 6, 32)))


def products(tools: Any) -> Any:
    """A product of two activations, the first of which is nowhere negative."""
    b = tools.Builder()
    b.node("Softmax", ["x"], "s")
    b.node("MatMul", ["s", "z"], "m")
    b.node("Transpose", ["z"], "t", perm=[0, 2, 1])
    b.node("MatMul", ["m", "t"], "y")
    shape = ["n", 16, 16]
    model = b.model([("x", FLOAT, shape), ("z", FLOAT, shape)], [("y", FLOAT, shape)])
    return tools.Case(model, b.random_batch((2, 16, 16), (2, 16, 16)))


MODELS = {"cnn": cnn, "mlp": mlp, "products": products}


def all_int8(program: Program, low: Precision = Precision.FP32) -> Placement:
    """int8 wherever an op ran in it, and `low` wherever else it has a kernel."""
    return {
        op.id: next((p for p in (INT8, low) if op.kernel(p)), Precision.FP32)
        for op in program.graph.ops
    }


def int8_ops(program: Program) -> list[str]:
    """Contractions that can be in int8."""
    ops = (op for op in program.graph.ops if op.kind is Kind.COMPUTE)
    return [op.id for op in ops if op.kernel(INT8)]


def in_int8(runtime: Any, path: Path) -> int:
    """How many contractions of a saved model a runtime computes in int8."""
    if runtime.__name__.endswith("openvino"):
        properties = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = ov.Core().compile_model(str(path), "CPU", properties)
        told = [op.rt_info for op in compiled.get_runtime_model().get_ops()]
        contractions = ("Convolution", "FullyConnected", "MatMul")
        return sum(
            str(each["layerType"].value) in contractions
            and str(each["primitiveType"].value).lower().endswith("_i8")
            for each in told
        )
    fused = path.with_suffix(".fused.onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(fused)
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    kernels = ("QLinearConv", "QLinearMatMul", "QGemm", "MatMulIntegerToFloat")
    kernels += ("DynamicQuantizeMatMul", "MatMulInteger")
    return sum(node.op_type in kernels for node in onnx.load(fused).graph.node)


def weights(path: Path) -> dict[str, np.dtype[Any]]:
    """Name → type of the initializers of a file that have more than one dimension."""
    initializers = onnx.load(path).graph.initializer
    return {
        each.name: onnx.helper.tensor_dtype_to_np_dtype(each.data_type)
        for each in initializers
        if len(each.dims) > 1
    }
