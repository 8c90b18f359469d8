"""QLinearConv and its like as floats between roundings: the values that ONNX defines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator
from quantized_onnx import EXECUTED, cnn, quantized

from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino, portable
from narrowcast.runtime.graph.graph import Precision

OWN = "com.microsoft"


def between_roundings(
    b: Any,
    operator: str,
    inputs: Sequence[str],
    shape: tuple[int, ...],
    domain: str = OWN,
    version: int = 21,
    **attributes: Any,
) -> Any:
    """x is quantized, one op computes `q`, which is dequantized to y; a batch."""
    b.node("QuantizeLinear", ["x", scalar(b, "xs", 0.0213), zero(b, "xz", 128)], "xq")
    if domain:
        attributes["domain"] = domain
    b.node(operator, inputs, "q", **attributes)
    b.node("DequantizeLinear", ["q", scalar(b, "ys", 0.0317), zero(b, "yz", 120)], "y")
    sizes = ["n", *shape[1:]]
    model = helper.make_model(
        b.graph([("x", 1, sizes)], [("y", 1, None)]),
        opset_imports=[helper.make_opsetid("", version), helper.make_opsetid(OWN, 1)],
        ir_version=8,
    )
    return model, b.random_batch(shape)


def scalar(b: Any, name: str, value: float) -> str:
    made: str = b.constant(name, value, "f4")
    return made


def zero(b: Any, name: str, value: int, dtype: str = "u1") -> str:
    made: str = b.constant(name, value, dtype)
    return made


def convolution(b: Any, opset: int = 21) -> Any:
    """Per channel, from 3 channels to 5, with a bias."""
    kernel = b.constant("w", b.random.integers(-127, 128, (5, 3, 3, 3)), "i1")
    scales = b.constant("ws", b.random.uniform(0.001, 0.01, 5), "f4")
    zeros = b.constant("wz", np.zeros(5), "i1")
    bias = b.constant("b", b.random.integers(-500, 500, 5), "i4")
    given = ["xq", "xs", "xz", kernel, scales, zeros, "ys", "yz", bias]
    shape = (2, 3, 8, 8)
    return between_roundings(b, "QLinearConv", given, shape, "", opset, pads=[1] * 4)


def product(b: Any) -> Any:
    """With a scale for each column."""
    weight = b.constant("w", b.random.integers(-127, 128, (16, 6)), "i1")
    scales = b.constant("ws", b.random.uniform(0.001, 0.01, 6), "f4")
    zeros = b.constant("wz", np.zeros(6), "i1")
    given = ["xq", "xs", "xz", weight, scales, zeros, "ys", "yz"]
    return between_roundings(b, "QLinearMatMul", given, (5, 16), "")


def linear(b: Any) -> Any:
    weight = b.constant("w", b.random.integers(-127, 128, (6, 16)), "i1")
    scales = b.constant("ws", b.random.uniform(0.001, 0.01, 6), "f4")
    zeros = b.constant("wz", np.zeros(6), "i1")
    bias = b.constant("b", b.random.integers(-500, 500, 6), "i4")
    given = ["xq", "xs", "xz", weight, scales, zeros, bias, "ys", "yz"]
    return between_roundings(b, "QGemm", given, (5, 16), transB=1, alpha=0.5)


def binary(operator: str) -> Callable[[Any], Any]:
    def build(b: Any) -> Any:
        values = b.random.integers(0, 256, (1, 3, 8, 8))
        other = [b.constant("w", values, "u1"), scalar(b, "ws", 0.01)]
        given = ["xq", "xs", "xz", *other, zero(b, "wz", 130), "ys", "yz"]
        return between_roundings(b, operator, given, (2, 3, 8, 8))

    return build


def unary(operator: str, **attributes: Any) -> Callable[[Any], Any]:
    def build(b: Any) -> Any:
        given = ["xq", "xs", "xz", "ys", "yz"]
        return between_roundings(b, operator, given, (2, 3, 8, 8), **attributes)

    return build


def joined(b: Any) -> Any:
    values = b.random.integers(0, 256, (2, 3, 8, 8))
    other = [b.constant("w", values, "u1"), scalar(b, "ws", 0.01), zero(b, "wz", 130)]
    given = ["ys", "yz", "xq", "xs", "xz", *other]
    return between_roundings(b, "QLinearConcat", given, (2, 3, 8, 8), axis=1)


FORMS: dict[str, Callable[[Any], Any]] = {
    "QLinearConv": convolution,
    "QLinearMatMul": product,
    "QGemm": linear,
    "QLinearAdd": binary("QLinearAdd"),
    "QLinearMul": binary("QLinearMul"),
    "QLinearAveragePool": unary("QLinearAveragePool", kernel_shape=[2, 2]),
    "QLinearGlobalAveragePool": unary("QLinearGlobalAveragePool", channels_last=0),
    "QLinearLeakyRelu": unary("QLinearLeakyRelu", alpha=0.1),
    "QLinearSigmoid": unary("QLinearSigmoid"),
    "QLinearSoftmax": unary("QLinearSoftmax", axis=-1, opset=13),
    "QLinearConcat": joined,
}

LEVEL = 0.0317
"""The scale of what is returned: where a value lies between two levels, either is right."""


@pytest.mark.parametrize("form", FORMS)
def test_openvino_computes_what_onnxruntime_does(tools: Any, form: str) -> None:
    """Of most of these OpenVINO itself has none, and one it computes wrong."""
    model, batch = FORMS[form](tools.Builder())
    session = ort.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (expected,) = session.run(None, {"x": batch[0]})
    for runtime in (openvino, portable):
        case = tools.Case(model, batch)
        traced = tools.trace(case, runtime)
        assert any(form in note for note in traced.notes)
        made = traced.apply(
            tools.all_low(traced) if traced.graph.flops_int8({}) else {}
        )
        for source in (model, made):
            found = runtime.predictor(source)(batch)[0]
            apart = np.abs(found - expected)
            assert apart.max() < LEVEL * 1.01
            # ONNX Runtime looks a softmax's exponents up in a table.
        assert np.mean(apart > LEVEL / 2) < 0.02 or form == "QLinearSoftmax"


@pytest.mark.parametrize("opset", [10, 13, 21])
def test_a_convolution_per_channel_in_openvino(
    tools: Any, tmp_path: Path, opset: int
) -> None:
    """Its own is off by a multiple, or fails; DequantizeLinear has axes from 13 on."""
    model, batch = convolution(tools.Builder(), opset)
    like, _ = convolution(tools.Builder())  # the reference begins at opset 19
    (expected,) = ReferenceEvaluator(like).run(None, {"x": batch[0]})
    assert np.abs(openvino.predictor(model)(batch)[0] - expected).max() < LEVEL * 1.01
    traced = tools.trace(tools.Case(model, batch))
    assert traced.graph.flops_int8({}) == traced.graph.flops
    saved = traced.save(traced.apply(tools.all_low(traced)), tmp_path / "m.onnx")
    found = openvino.load_saved(saved)(batch)[0]
    assert np.abs(found - expected).max() < LEVEL * 1.01


def test_a_network_of_them_runs_in_int8(tools: Any, tmp_path: Path) -> None:
    b = tools.Builder()
    model = cnn(b)
    (batch,) = b.random_batch((4, 3, 12, 12))
    case = tools.Case(quantized(model, batch, form="QOperator"), (batch,))
    traced = tools.trace(case)
    saved = traced.save(traced.apply(tools.all_low(traced)), tmp_path / "m.onnx")
    assert traced.graph.flops_int8({}) == traced.graph.flops
    native, executed = tools.fresh(saved, case.batch, EXECUTED)
    contractions = [op for op in traced.graph.ops if op.type in ("Conv", "Gemm")]
    assert len(contractions) == 6
    for op in contractions if native else ():
        assert executed[op.scope] in ("u8", "i8"), op.scope
    # A pin on an op of the model as loaded is understood.
    names = {name for op in traced.graph.ops for name in op.names}
    assert {node.output[0] for node in case.model.graph.node} <= names


def test_unsigned_weights_are_written_as_signed_ones(
    tools: Any, tmp_path: Path
) -> None:
    """Around 128 they are the same numbers, and OpenVINO has int8 kernels for these."""
    b = tools.Builder()
    b.node("QuantizeLinear", ["x", scalar(b, "xs", 0.02), zero(b, "xz", 128)], "q")
    b.node("DequantizeLinear", ["q", "xs", "xz"], "d")
    kernel = b.constant("w", b.random.integers(0, 256, (8, 8, 3, 3)), "u1")
    weight = [kernel, scalar(b, "ws", 0.002), zero(b, "wz", 128)]
    b.node("DequantizeLinear", weight, "wd")
    b.node("Conv", ["d", "wd"], "y")
    b.nodes[-1].name = "y"
    border = [("x", 1, ["n", 8, 9, 9])], [("y", 1, ["n", 8, 7, 7])]
    case = tools.Case(b.model(*border, opset=21), b.random_batch((2, 8, 9, 9)))
    traced = tools.trace(case)
    assert traced.graph.flops_int8({}) == traced.graph.flops
    saved = traced.save(traced.apply(tools.all_low(traced)), tmp_path / "m.onnx")
    expected = openvino.predictor(case.model)(case.batch)[0]
    found = openvino.load_saved(saved)(case.batch)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    native, executed = tools.fresh(saved, case.batch, EXECUTED)
    assert not native or executed["y"] in ("u8", "i8")


def test_onnxruntime_keeps_them(tools: Any) -> None:
    b = tools.Builder()
    model = cnn(b)
    (batch,) = b.random_batch((4, 3, 12, 12))
    case = tools.Case(quantized(model, batch, form="QOperator"), (batch,))
    traced = tools.trace(case, onnxruntime, Precision.FP16)
    assert traced.graph.flops_int8({}) == traced.graph.flops
    types = [node.op_type for node in case.model.graph.node]
    assert [op.type for op in traced.graph.ops] == types
