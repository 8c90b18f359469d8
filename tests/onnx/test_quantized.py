"""Models that come quantized keep their int8 kernels; what is left goes to 16 bits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import quantized_onnx
from onnx import TensorProto, helper
from quantized_onnx import EXECUTED, cnn, dynamically_quantized, quantized, transformer

from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino, portable, tensorrt
from narrowcast.runtime.frameworks.onnx.program import Program
from narrowcast.runtime.graph.graph import Kind, Precision
from narrowcast.runtime.search.limits.capability import capability_pins

SYMMETRIC = {"ActivationSymmetric": True}
PRODUCTS = {"op_types_to_quantize": ["MatMul"]}
FORMS: dict[str, dict[str, Any]] = {
    "unsigned": {},
    "signed": {"activations": "QInt8"},
    "symmetric": {"activations": "QInt8", "extra_options": SYMMETRIC},
    "layers": {"op_types_to_quantize": ["Conv", "MatMul"]},
}
MODELS = {"cnn": (cnn, (4, 3, 12, 12)), "transformer": (transformer, (3, 6, 32))}

ROUNDED = 4e-2
"""Relative RMS of what 16 bits between roundings to 8 change: some fall the other way."""


def made(tools: Any, name: str, form: dict[str, Any]) -> Any:
    """A quantized model and a batch."""
    b = tools.Builder()
    build, shape = MODELS[name]
    model = build(b)
    (batch,) = b.random_batch(shape)
    return tools.Case(quantized(model, batch, **form), (batch,))


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    difference = np.linalg.norm(found - expected)
    return float(difference / np.linalg.norm(expected))


def shares(traced: Program, placement: Any, low: Precision) -> tuple[float, float]:
    """Of FLOPs in int8, and in 16 bits."""
    graph = traced.graph
    return (
        graph.flops_int8({}) / graph.flops,
        graph.flops_in(placement, low) / graph.flops,
    )


def casts_into_int8(traced: Program, saved: onnx.ModelProto) -> int:
    makers = {name: node for node in saved.graph.node for name in node.output}
    int8 = [makers[op.outputs[0]] for op in traced.graph.ops if op.quantized]
    taken = [makers[name] for node in int8 for name in node.input if name in makers]
    readers = [n for n in saved.graph.node for op in int8 if op.output[0] in n.input]
    return sum(node.op_type == "Cast" for node in (*taken, *readers))


@pytest.mark.few(4)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MODELS)
def test_openvino_executes_in_int8_what_it_did(
    tools: Any, tmp_path: Path, name: str, form: str
) -> None:
    case = made(tools, name, FORMS[form])
    traced = tools.trace(case)
    placement = tools.all_low(traced)
    saved = traced.save(traced.apply(placement), tmp_path / "saved.onnx")
    assert shares(traced, placement, Precision.BF16)[0] > 0.8
    assert casts_into_int8(traced, onnx.load(saved)) == 0
    expected = openvino.predictor(case.model)(case.batch)[0]
    assert apart(openvino.load_saved(saved)(case.batch)[0], expected) < ROUNDED

    onnx.save(case.model, tmp_path / "loaded.onnx")
    native, before = tools.fresh(tmp_path / "loaded.onnx", case.batch, EXECUTED)
    _, after = tools.fresh(saved, case.batch, EXECUTED)
    if not native:
        return
    for op in traced.graph.ops:
        if op.type in ("Conv", "Gemm", "MatMul"):
            for executed in (before, after):
                assert (executed[op.scope] in ("u8", "i8")) == op.quantized, op.id


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_executes_in_int8_what_it_did(
    tools: Any, tmp_path: Path, name: str, form: str
) -> None:
    case = made(tools, name, FORMS[form])
    traced = tools.trace(case, onnxruntime, Precision.FP16)
    placement = tools.all_low(traced, Precision.FP16)
    saved = traced.save(traced.apply(placement), tmp_path / "saved.onnx")
    assert shares(traced, placement, Precision.FP16)[0] > 0.4
    assert casts_into_int8(traced, onnx.load(saved)) == 0
    expected = onnxruntime.predictor(case.model)(case.batch)[0]
    assert apart(onnxruntime.load_saved(saved)(case.batch)[0], expected) < ROUNDED
    before = quantized_onnx.optimized(case.model)
    assert quantized_onnx.optimized(onnx.load(saved)) == before
    int8 = sum(count for operator, count in before.items() if "Q" in operator)
    assert int8 == sum(op.quantized for op in traced.graph.ops)


@pytest.mark.parametrize("runtime", [portable, tensorrt], ids=["portable", "tensorrt"])
@pytest.mark.parametrize("form", ["unsigned", "symmetric"])
def test_runtimes_that_are_not_executed(tools: Any, runtime: Any, form: str) -> None:
    case = made(tools, "cnn", FORMS[form])
    traced = tools.trace(case, runtime)
    assert shares(traced, tools.all_low(traced), Precision.BF16)[0] > 0.9


def test_what_is_left_goes_to_16_bits(tools: Any, tmp_path: Path) -> None:
    form = {**PRODUCTS, "nodes_to_exclude": ["scores", "mixed"]}
    case = made(tools, "transformer", form)
    traced = tools.trace(case)
    placement = tools.all_low(traced)
    int8, low = shares(traced, placement, Precision.BF16)
    assert int8 > 0.8
    assert int8 + low == pytest.approx(1)
    types = {op.type for op in traced.graph.ops if placement[op.id] == Precision.BF16}
    assert types >= {"MatMul", "Softmax", "LayerNormalization", "Gemm"}
    saved = traced.save(traced.apply(placement), tmp_path / "m.onnx")
    expected = openvino.predictor(case.model)(case.batch)[0]
    assert apart(openvino.load_saved(saved)(case.batch)[0], expected) < ROUNDED


def test_what_lies_between_int8_ops_is_held(tools: Any) -> None:
    traced = tools.trace(made(tools, "cnn", {}))
    assert {op.kind for op in traced.graph.ops} == {Kind.FIXED}
    tools.all_low(traced)  # nothing to convert is no error: it is int8 already
    pins = capability_pins(traced.graph, Precision.BF16, traced.probes)
    convolutions = [op.id for op in traced.graph.ops if op.type == "Conv"]
    assert len(convolutions) == 5
    assert {str(pins[name].why) for name in convolutions} == {"int8"}


def test_a_product_that_openvino_has_no_int8_kernel_for(tools: Any) -> None:
    """Of two activations with zero points: a cast around it would only cost."""
    traced = tools.trace(made(tools, "transformer", {}))
    fp32 = {op.scope for op in traced.graph.ops if op.kind is Kind.COMPUTE}
    assert fp32 == {"scores", "mixed"}
    for op in traced.graph.ops:
        if op.scope in fp32:
            assert "no int8 kernel" in traced.probes[op.id].message


@pytest.mark.parametrize("returned", [False, True])
def test_only_what_goes_back_to_int8_is_held(tools: Any, returned: bool) -> None:
    """A bias is part of its product; a sum that is read in floats too is an op."""
    b = tools.Builder()
    b.constant("s", 0.02, "f4")
    b.constant("z", 0, "i1")
    b.node("QuantizeLinear", ["x", "s", "z"], "q")
    b.node("DequantizeLinear", ["q", "s", "z"], "d")
    b.node("Add", ["d", "d"], "sum")
    b.node("Relu", ["sum"], "relu")
    b.node("QuantizeLinear", ["relu", "s", "z"], "rq")
    b.node("DequantizeLinear", ["rq", "s", "z"], "rd")
    b.constant("w", b.random.integers(-127, 128, (8, 8)), "i1")
    b.node("DequantizeLinear", ["w", "s", "z"], "wd")
    b.node("MatMul", ["rd", "wd"], "product")
    b.node("Add", ["product", b.weight("bias", 8)], "biased")
    b.node("Softmax", ["biased"], "y", axis=-1)
    outputs = [("y", 1, ["n", 8]), *([("relu", 1, ["n", 8])] if returned else [])]
    model = b.model([("x", 1, ["n", 8])], outputs, opset=21)
    traced = tools.trace(tools.Case(model, b.random_batch((5, 8))))
    free = {op.id for op in traced.graph.ops if op.kind is not Kind.FIXED}
    assert free == ({"sum", "relu", "y"} if returned else {"y"})
    assert [op.id for op in traced.graph.ops if op.quantized] == ["product"]


@pytest.mark.parametrize("name", MODELS)
def test_dynamic_quantization(tools: Any, tmp_path: Path, name: str) -> None:
    """int8 in ONNX Runtime; products of floats that hold the same numbers in OpenVINO."""
    b = tools.Builder()
    build, shape = MODELS[name]
    case = tools.Case(dynamically_quantized(build(b)), b.random_batch(shape))
    left = tools.trace(case, onnxruntime, Precision.FP16)
    assert shares(left, tools.all_low(left, Precision.FP16), Precision.FP16)[0] > 0.8

    traced = tools.trace(case)
    placement = tools.all_low(traced)
    assert shares(traced, placement, Precision.BF16) == (0, 1)
    assert any("dynamic quantization" in note for note in traced.notes)
    saved = traced.save(traced.apply(placement), tmp_path / "m.onnx")
    operators = Counter(node.op_type for node in onnx.load(saved).graph.node)
    assert operators["MatMulInteger"] == operators["ConvInteger"] == 0
    expected = openvino.predictor(case.model)(case.batch)[0]
    assert apart(openvino.load_saved(saved)(case.batch)[0], expected) < ROUNDED


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(
    ("runtime", "low"),
    [(openvino, Precision.BF16), (onnxruntime, Precision.FP16)],
    ids=["openvino", "onnxruntime"],
)
def test_a_weight_alone_stays_small(
    tools: Any, tmp_path: Path, runtime: Any, low: Precision, bits: int
) -> None:
    """The op computes in floats: its weight is dequantized in its precision."""
    b, size = tools.Builder(), 64
    values = b.random.integers(-7, 8, (size, size))
    if bits == 8:
        b.constant("w", values, "i1")
        scale, at = b.random.uniform(0.01, 0.02, size), {"axis": 1}
    else:
        b.weights.append(
            helper.make_tensor("w", TensorProto.INT4, (size, size), values.reshape(-1))
        )
        scale = b.random.uniform(0.01, 0.02, (size // 16, size))
        at = {"axis": 0, "block_size": 16}
    b.node("DequantizeLinear", ["w", b.constant("scale", scale, "f4")], "d", **at)
    b.node("MatMul", ["x", "d"], "y")
    border = [("x", 1, ["n", size])], [("y", 1, ["n", size])]
    case = tools.Case(b.model(*border, opset=21), b.random_batch((5, size)))
    traced = tools.trace(case, runtime, low)
    placement = tools.all_low(traced, low)
    assert shares(traced, placement, low) == (0, 1)
    saved = traced.save(traced.apply(placement), tmp_path / "m.onnx")
    operators = [node.op_type for node in onnx.load(saved).graph.node]
    assert operators.count("Cast") == 2  # the input's, and the output's
    assert saved.stat().st_size < size * size * bits // 8 + 2000
    expected = runtime.predictor(case.model)(case.batch)[0]
    assert apart(runtime.load_saved(saved)(case.batch)[0], expected) < 1e-2


def test_a_small_scale_stays_fp32(tools: Any) -> None:
    """fp16 would hold it with fewer bits: the weight is cast once it is dequantized."""
    b = tools.Builder()
    b.constant("w", b.random.integers(-127, 128, (16, 8)), "i1")
    b.node("DequantizeLinear", ["w", b.constant("scale", 1e-5, "f4")], "d")
    b.node("MatMul", ["x", "d"], "y")
    border = [("x", 1, ["n", 16])], [("y", 1, ["n", 8])]
    case = tools.Case(b.model(*border, opset=21), b.random_batch((5, 16)))
    traced = tools.trace(case, onnxruntime, Precision.FP16)
    placement = tools.all_low(traced, Precision.FP16)
    assert placement == {"d": Precision.FP32, "y": Precision.FP16}
    assert "scale" in traced.probes["d"].message
