"""What OpenVINO makes part of its int8 convolutions, by the layers that it executes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx.reference import ReferenceEvaluator
from quantizable_onnx import FLOAT, all_int8

from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino
from narrowcast.runtime.frameworks.quantizing.quantization import (
    Integers,
    Quantization,
    Sides,
)
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.placement import low_compute

BF16, FP16, FP32, INT8 = (Precision(p) for p in ("bf16", "fp16", "fp32", "int8"))


def residual(tools: Any) -> Any:
    """A pooled convolution, then a block whose other side takes every other point."""
    b = tools.Builder()

    def conv(x: str, name: str, size: int, **attributes: Any) -> None:
        shape = (16, 16, size, size)
        inputs = [x, b.weight(f"w{name}", *shape, scale=0.1), b.weight(f"b{name}", 16)]
        b.node("Conv", inputs, name, **attributes)

    conv("x", "c0", 3, pads=[1] * 4)
    b.node("Relu", ["c0"], "r0")
    b.node("MaxPool", ["r0"], "p", kernel_shape=[2, 2], strides=[2, 2])
    conv("p", "c1", 3, pads=[1] * 4, strides=[2, 2])
    b.node("Relu", ["c1"], "r1")
    conv("r1", "c2", 1)
    conv("p", "c3", 1, strides=[2, 2])
    b.node("Add", ["c2", "c3"], "a")
    b.node("Relu", ["a"], "r2")
    conv("r2", "y", 1)
    ends = [("x", FLOAT, ["n", 16, 32, 32])], [("y", FLOAT, ["n", 16, 8, 8])]
    return tools.Case(b.model(*ends), b.random_batch((2, 16, 32, 32)))


def quantized(tools: Any, runtime: Any = openvino, low: Precision = BF16) -> Any:
    case = residual(tools)
    traced = tools.trace(case, runtime, low)
    return case, traced.calibrated([case.batch], Quantization())


def layers(path: Path) -> Counter[tuple[str, str]]:
    """Executed layers: their type, and what they write."""
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(str(path), "CPU", hint)
    told = [op.rt_info for op in compiled.get_runtime_model().get_ops()]
    keys = ("layerType", "outputPrecisions")
    return Counter(
        (str(each[keys[0]].value), str(each[keys[1]].value)) for each in told
    )


def test_a_block_passes_integers_on(tools: Any, tmp_path: Path) -> None:
    case, program = quantized(tools)
    assert not program.int8_refusals
    path = program.save(program.apply(all_int8(program)), tmp_path / "all.onnx")
    found = layers(path)
    assert found["Convolution", "u8"] == 4 and found["Convolution", "f32"] == 1
    assert found["Pooling", "u8"] == 1
    apart = {kind for kind, _made in found} & {"Eltwise", "Subgraph"}
    assert not apart, found
    assert 0 < error(case, path) < 0.05


def error(case: Any, path: Path) -> float:
    (reference,) = openvino.predictor(case.model)(case.batch)
    (made,) = openvino.load_saved(path)(case.batch)
    return relative_error(reference, made)


def test_a_sum_has_its_convolutions_precision(tools: Any) -> None:
    _case, program = quantized(tools)
    assert frozenset({"a", "c3"}) in program.graph.equal
    placed = low_compute(program.graph, BF16, frozenset()).placement
    assert {op for op, each in placed.items() if each is INT8} == {
        *("c0", "c1", "c2", "c3", "y"),
        "a",
    }
    pinned = low_compute(program.graph, BF16, frozenset({"c3"})).placement
    assert (pinned["c3"], pinned["a"], pinned["c2"]) == (FP32, FP32, INT8)


def test_a_maximum_of_integers_is_the_same(tools: Any, tmp_path: Path) -> None:
    """MaxPool before or behind the quantizing: not one bit differs."""
    case, program = quantized(tools)
    model = onnx.load(
        program.save(program.apply(all_int8(program)), tmp_path / "a.onnx")
    )
    makers = {name: node for node in model.graph.node for name in node.output}
    (pool,) = [node for node in model.graph.node if node.op_type == "MaxPool"]
    wide = makers[pool.input[0]]
    small = makers[wide.input[0]]
    assert (wide.op_type, small.op_type) == ("DequantizeLinear", "QuantizeLinear")
    given, made = small.input[0], pool.output[0]
    for node in model.graph.node:
        for k, name in enumerate(node.input):
            if name == made:
                node.input[k] = wide.output[0]
    pool.input[0], small.input[0] = given, made
    nodes = [node for node in model.graph.node if node not in (pool, small, wide)]
    at = next(k for k, node in enumerate(nodes) if given in node.output) + 1
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:at], pool, small, wide, *nodes[at:]])
    onnx.save(model, tmp_path / "b.onnx")
    first, second = (
        openvino.load_saved(tmp_path / name)(case.batch)[0]
        for name in ("a.onnx", "b.onnx")
    )
    assert (first == second).all()


def test_onnx_runtime_has_no_such_kernel(tools: Any) -> None:
    _case, program = quantized(tools, onnxruntime, FP16)
    assert not program.graph.by_id["a"].kernel(INT8)
    assert not program.graph.equal


def attention(tools: Any) -> Any:
    """One head beside a residual: OpenVINO makes one kernel of what it can of it."""
    b = tools.Builder()
    for each in "qkv":
        b.node("MatMul", ["x", b.weight(f"w{each}", 48, 48, scale=0.15)], each)
    b.node("Transpose", ["k"], "kt", perm=[0, 2, 1])
    b.node("MatMul", ["q", "kt"], "sc")
    b.node("Softmax", ["sc"], "pr", axis=-1)
    b.node("MatMul", ["pr", "v"], "o")
    b.node("Add", ["o", "x"], "r")
    b.node("MatMul", ["r", b.weight("wy", 48, 8, scale=0.15)], "y")
    ends = [("x", FLOAT, ["n", 16, 48])], [("y", FLOAT, ["n", 16, 8])]
    return tools.Case(b.model(*ends), b.random_batch((4, 16, 48)))


@pytest.mark.parametrize(
    ("int8", "low"),
    [
        ("q k v sc o", "kt pr y"),
        ("q k v sc", "pr o y"),
        ("k v o", "q kt sc pr y"),
        ("q k v o", "kt sc pr r"),
        ("q k v sc o y", "kt pr r"),
    ],
)
def test_attention_in_any_precisions_is_what_the_file_says(
    tools: Any, tmp_path: Path, int8: str, low: str
) -> None:
    """Products of two activations that left bf16 made OpenVINO's kernel end in NaN, or
    write where nothing was its own."""
    case = attention(tools)
    traced = tools.trace(case, openvino, BF16)
    traced = traced.calibrated([case.batch], Quantization())
    placement = dict.fromkeys(traced.graph.by_id, FP32)
    placement |= dict.fromkeys(int8.split(), INT8) | dict.fromkeys(low.split(), BF16)
    path = traced.save(traced.apply(placement), tmp_path / "attention.onnx")
    model = onnx.load(path)
    (newest,) = (each for each in model.opset_import if not each.domain)
    newest.version = max(newest.version, 19)  # the reference has no older dequantizing
    (expected,) = ReferenceEvaluator(model).run(None, {"x": case.batch[0]})
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(str(path), "CPU", hint)
    (made,) = compiled(list(case.batch)).values()
    assert relative_error(expected, made) < 0.02


@pytest.mark.parametrize("bias", [None, 0.0, 0.5])
def test_what_is_read_as_floats_too_is_right_as_integers(
    tools: Any, tmp_path: Path, bias: float | None
) -> None:
    """OpenVINO made zeros of the second convolution where the first had no bias."""
    b = tools.Builder()
    inputs = ["x", b.weight("w0", 16, 3, 3, 3, scale=0.2)]
    if bias is not None:
        inputs.append(b.constant("b0", np.full(16, bias, np.float32)))
    b.node("Conv", inputs, "a", pads=[1] * 4)
    b.node("Sigmoid", ["a"], "s")
    b.node("Conv", ["a", b.weight("w1", 16, 16, 3, 3, scale=0.1)], "y")
    shape = ["n", 16, 16, 16]
    ends = [("s", FLOAT, shape), ("y", FLOAT, ["n", 16, 14, 14])]
    model = b.model([("x", FLOAT, ["n", 3, 16, 16])], ends)
    case = tools.Case(model, b.random_batch((2, 3, 16, 16)))
    traced = tools.trace(case, openvino, BF16)
    traced = traced.calibrated([case.batch], Quantization())
    placement = dict.fromkeys(traced.graph.by_id, FP32) | {"a": INT8, "y": INT8}
    made = openvino.predictor(traced.apply(placement))(case.batch)
    expected = openvino.predictor(case.model)(case.batch)
    for reference, value in zip(expected, made, strict=True):
        assert relative_error(reference, value) < 0.05


def test_a_weight_of_two_products_is_stored_as_each_takes_it(tools: Any) -> None:
    """One takes it as it is, the other transposed, both in one scale."""
    b = tools.Builder()
    weight = b.weight("w", 32, 32, scale=0.2)
    b.node("MatMul", ["x", weight], "a")
    b.node("Gemm", ["a", weight], "y", transB=1)
    ends = [("x", FLOAT, ["n", 32])], [("y", FLOAT, ["n", 32])]
    case = tools.Case(b.model(*ends), b.random_batch((16, 32)))
    traced = tools.trace(case, onnxruntime, FP16)
    whole = Sides(weight=Integers(granularity="per_tensor"))
    traced = traced.calibrated([case.batch], Quantization(dynamic=True, sides=whole))
    assert {op.id for op in traced.graph.ops if op.kernel(INT8)} == {"a", "y"}
    made = onnxruntime.predictor(traced.apply({"a": INT8, "y": INT8}))(case.batch)
    expected = onnxruntime.predictor(case.model)(case.batch)
    assert relative_error(expected[0], made[0]) < 0.05


def test_a_relu_in_a_body_ends_no_kernel(tools: Any) -> None:
    b = tools.Builder()
    b.node("Conv", ["x", b.weight("w", 8, 3, 3, 3, scale=0.2)], "h")
    b.node("ReduceSum", ["x"], "sum", keepdims=0)
    b.node("Greater", ["sum", b.constant("zero", 0.0, "f4")], "positive")
    inner = tools.Builder()
    inner.node("Relu", ["h"], "q")
    other = tools.Builder()
    other.node("Neg", [other.weight("v", 2, 8, 6, 6)], "e")
    bodies = {
        "then_branch": inner.graph([], [("q", FLOAT, None)], "then_branch"),
        "else_branch": other.graph([], [("e", FLOAT, None)], "else_branch"),
    }
    b.node("If", ["positive"], "y", **bodies)
    ends = [("x", FLOAT, ["n", 3, 8, 8])], [("y", FLOAT, ["n", 8, 6, 6])]
    case = tools.Case(b.model(*ends), b.random_batch((2, 3, 8, 8)))
    traced = tools.trace(case, onnxruntime, FP16)
    traced = traced.calibrated([case.batch], Quantization())
    assert "h" in {*traced.int8.ops, *traced.int8_refusals}
