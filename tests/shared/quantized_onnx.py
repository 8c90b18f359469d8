"""ONNX models that ONNX Runtime's own quantizer quantized, and what runtimes run of them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

FLOAT = TensorProto.FLOAT

EXECUTED = """
import openvino as ov
core = ov.Core()
switches = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
found = {}
for op in core.compile_model(core.read_model(path), "CPU", switches).get_runtime_model().get_ops():
    info = {key: value.astype(str) for key, value in op.get_rt_info().items()}
    if info["layerType"] in ("Convolution", "FullyConnected", "MatMul", "Subgraph"):
        for name in info["originalLayersNames"].split(","):
            found[name.split("/")[0]] = info["runtimePrecision"]
native = "INT8" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
print(json.dumps([native, found]))
"""
"""Prints whether the CPU has int8 kernels, and the precision by name of the node."""


def cnn(b: Any, channels: int = 8) -> onnx.ModelProto:
    """Two residual blocks behind a convolution, a pool, and a linear layer."""
    b.node("Conv", ["x", *_weights(b, "stem", channels, 3)], "stem", pads=[1] * 4)
    h = b.node("Relu", ["stem"], "relu")
    for k in range(2):
        b.node("Conv", [h, *_weights(b, f"a{k}", channels)], f"a{k}", pads=[1] * 4)
        b.node("Relu", [f"a{k}"], f"ra{k}")
        given = [f"ra{k}", *_weights(b, f"b{k}", channels)]
        b.node("Conv", given, f"b{k}", pads=[1] * 4)
        b.node("Add", [f"b{k}", h], f"sum{k}")
        h = b.node("Relu", [f"sum{k}"], f"h{k}")
    b.node("MaxPool", [h], "pool", kernel_shape=[2, 2], strides=[2, 2])
    b.node("GlobalAveragePool", ["pool"], "mean")
    b.node("Flatten", ["mean"], "flat")
    last = [b.weight("w", 10, channels), b.weight("bias", 10)]
    b.node("Gemm", ["flat", *last], "y", transB=1)
    return named(b, [("x", FLOAT, ["n", 3, 12, 12])], [("y", FLOAT, ["n", 10])])


def _weights(b: Any, name: str, channels: int, given: int = 0) -> list[str]:
    kernel = b.weight(f"{name}_w", channels, given or channels, 3, 3)
    return [kernel, b.weight(f"{name}_b", channels)]


def transformer(b: Any, size: int = 32, heads: int = 4) -> onnx.ModelProto:
    """One block over 6 positions: attention and two layers, norms before each."""
    shape = b.constant("split", [0, 6, heads, size // heads], "i8")
    h = _norm(b, "x", "norm1", size)
    for name in "qkv":
        _linear(b, h, name, size, size)
        b.node("Reshape", [f"{name}_sum", shape], f"{name}_split")
        order = [0, 2, 3, 1] if name == "k" else [0, 2, 1, 3]
        b.node("Transpose", [f"{name}_split"], f"{name}_heads", perm=order)
    b.node("MatMul", ["q_heads", "k_heads"], "scores")
    b.node("Mul", ["scores", b.constant("factor", heads**-0.5, "f4")], "scaled")
    b.node("Softmax", ["scaled"], "weights", axis=-1)
    b.node("MatMul", ["weights", "v_heads"], "mixed")
    b.node("Transpose", ["mixed"], "back", perm=[0, 2, 1, 3])
    b.node("Reshape", ["back", b.constant("join", [0, 6, size], "i8")], "joined")
    b.node("Add", [_linear(b, "joined", "o", size, size), "x"], "residual")
    h = _norm(b, "residual", "norm2", size)
    b.node("Gelu", [_linear(b, h, "up", size, 2 * size)], "gelu")
    b.node("Add", [_linear(b, "gelu", "down", 2 * size, size), "residual"], "sum")
    h = _norm(b, "sum", "norm3", size)
    b.node("ReduceMean", [h, b.constant("axes", [1], "i8")], "mean", keepdims=0)
    last = [b.weight("wc", 5, size), b.weight("bc", 5)]
    b.node("Gemm", ["mean", *last], "y", transB=1)
    return named(b, [("x", FLOAT, ["n", 6, size])], [("y", FLOAT, ["n", 5])])


def _norm(b: Any, given: str, name: str, size: int) -> str:
    scale = b.constant(f"{name}_gamma", np.ones(size, "f4"))
    shift = b.constant(f"{name}_beta", np.zeros(size, "f4"))
    made: str = b.node("LayerNormalization", [given, scale, shift], name)
    return made


def _linear(b: Any, given: str, name: str, size: int, made: int) -> str:
    b.node("MatMul", [given, b.weight(f"{name}_w", size, made)], name)
    total: str = b.node("Add", [name, b.weight(f"{name}_b", made)], f"{name}_sum")
    return total


def named(b: Any, inputs: Any, outputs: Any, opset: int = 21) -> onnx.ModelProto:
    """The model, in which each node is called as its output."""
    for node in b.nodes:
        node.name = node.output[0]
    model: onnx.ModelProto = b.model(inputs, outputs, opset=opset)
    return model


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, batches: list[Mapping[str, Any]]) -> None:
        self.left: Iterator[Mapping[str, Any]] = iter(batches)

    def get_next(self) -> Any:
        return next(self.left, None)


def quantized(
    model: onnx.ModelProto,
    batch: np.ndarray,
    activations: str = "QUInt8",
    form: str = "QDQ",
    **options: Any,
) -> onnx.ModelProto:
    """Statically quantized, per channel, by the ranges on a batch."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "m.onnx", Path(folder) / "q.onnx"
        onnx.save(model, source)
        quantize_static(
            source,
            made,
            _Reader([{"x": batch}]),
            quant_format=QuantFormat[form],
            activation_type=QuantType[activations],
            weight_type=QuantType.QInt8,
            per_channel=True,
            **options,
        )
        return onnx.load(made)


def dynamically_quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """With ranges that are found at run time."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "m.onnx", Path(folder) / "q.onnx"
        onnx.save(model, source)
        quantize_dynamic(source, made, weight_type=QuantType.QInt8)
        return onnx.load(made)


CONTRACTIONS = ("Conv", "Gemm", "MatMul")


def optimized(model: onnx.ModelProto) -> Counter[str]:
    """The contractions that ONNX Runtime makes of a model, by operator."""
    import onnxruntime as ort

    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.optimized_model_filepath = str(Path(folder) / "optimized.onnx")
        ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        nodes = onnx.load(options.optimized_model_filepath).graph.node
    found = (node.op_type for node in nodes)
    return Counter(name for name in found if any(c in name for c in CONTRACTIONS))
