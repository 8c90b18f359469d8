"""16-bit ops compute in 16 bits, pinned ops in fp32, where the runtime runs them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto

from narrowcast.runtime.common.errors import RequirementError
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino, portable, tensorrt
from narrowcast.runtime.frameworks.onnx.onnxruntime.answers import answer as ort_answer
from narrowcast.runtime.frameworks.onnx.openvino.answers import answer as ov_answer
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins, user_pins

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32
FLOAT = TensorProto.FLOAT

EXECUTED = """
import openvino as ov
core = ov.Core()
compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
outputs = compiled(batch)
found = {}
for node in compiled.get_runtime_model().get_ordered_ops():
    info = {key: str(node.rt_info[key].astype(str)) for key in ("layerType", "runtimePrecision", "originalLayersNames")}
    for name in info["originalLayersNames"].split(","):
        found[name] = [info["layerType"], info["runtimePrecision"]]
print(json.dumps({"ops": found, "outputs": [outputs[k].tolist() for k in range(len(compiled.outputs))]}))
"""
"""What plain OpenVINO executes, and in which precision: op → (kernel, precision)."""


def culprit(tools: Any) -> Any:
    """Differences of neighbours near 300: bf16 has steps of 2 there."""
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 64, 64)], "h")
    far = b.constant("far", np.full(64, 300.0), "f4")
    b.node("Gemm", ["h", b.weight("u", 64, 64), far], "large")
    pairs = np.eye(64, 32) - np.eye(64, 32, k=-32)
    b.node("MatMul", ["large", b.constant("pairs", pairs, "f4")], "small")
    b.node("MatMul", ["small", b.weight("v", 32, 8)], "y")
    model = b.model([("x", FLOAT, ["n", 64])], [("y", FLOAT, ["n", 8])])
    return tools.Case(model, b.random_batch((16, 64)))


@pytest.mark.parametrize(("runtime", "low"), [(openvino, BF16), (portable, BF16)])
def test_a_pinned_culprit_computes_in_fp32(
    tools: Any, tmp_path: Path, runtime: Any, low: Precision
) -> None:
    case = culprit(tools)
    traced = tools.trace(case, runtime, low)
    expected = runtime.predictor(case.model)(case.batch)[0]

    def error(*pins: str) -> float:
        placement = {op.id: FP32 if op.id in pins else low for op in traced.graph.ops}
        saved = traced.save(traced.apply(placement), tmp_path / "m.onnx")
        return relative_error(expected, runtime.load_saved(saved)(case.batch)[0])

    assert error() > 0.3
    assert error("large", "small") < 0.02


def test_openvino_computes_as_placed_and_keeps_pins(tools: Any, tmp_path: Path) -> None:
    case = culprit(tools)
    traced = tools.trace(case)
    placement = {op.id: BF16 for op in traced.graph.ops} | {"y": FP32}
    saved = traced.save(traced.apply(placement), tmp_path / "m.onnx")
    said = tools.fresh(saved, case.batch, EXECUTED)
    kinds = {op: said["ops"][op] for op in ("h", "large", "small", "y")}
    assert {kernel for kernel, _ in kinds.values()} == {"FullyConnected"}
    assert [kinds[op][1] for op in kinds] == ["bf16", "bf16", "bf16", "f32"]
    ours = openvino.load_saved(saved)(case.batch)[0]
    np.testing.assert_array_equal(np.float32(said["outputs"][0]), ours)


def test_fp32_is_fp32_in_openvino(tools: Any) -> None:
    """Its default on a CPU with bf16 would be off by a thousandth."""
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 64, 64)], "y")
    model = b.model([("x", FLOAT, [8, 64])], [("y", FLOAT, [8, 64])])
    (x,) = b.random_batch((8, 64))
    weight = np.frombuffer(model.graph.initializer[0].raw_data, np.float32)
    exact = x.astype(np.float64) @ weight.reshape(64, 64).astype(np.float64)
    found = openvino.predictor(model)((x,))[0]
    assert np.linalg.norm(found - exact) / np.linalg.norm(exact) < 1e-6


def test_bf16_products_are_those_of_bf16(tools: Any) -> None:
    case = culprit(tools)
    traced = tools.trace(case)
    low = {op.id: BF16 if op.id == "y" else FP32 for op in traced.graph.ops}
    found = openvino.predictor(traced.apply(low))(case.batch)[0]
    assert np.array_equal(found, found.astype(ml_dtypes.bfloat16).astype(np.float32))


def test_deployers_are_told_what_to_set(tools: Any, tmp_path: Path) -> None:
    import onnx

    case = culprit(tools)
    traced = tools.trace(case)
    assert traced.switches["INFERENCE_PRECISION_HINT"] == "f32"
    assert any("INFERENCE_PRECISION_HINT=f32" in note for note in traced.notes)
    saved = traced.save(traced.apply(tools.all_low(traced)), tmp_path / "m.onnx")
    told = {entry.key: entry.value for entry in onnx.load(saved).metadata_props}
    assert told["narrowcast.INFERENCE_PRECISION_HINT"] == "f32"
    assert any("not executed" in n for n in tools.trace(case, tensorrt, FP16).notes)


def test_bf16_is_refused_where_onnx_runtime_has_none(tools: Any) -> None:
    with pytest.raises(RequirementError, match="no bf16 arithmetic") as refused:
        tools.trace(culprit(tools), onnxruntime, BF16)
    assert "openvino" in refused.value.remedy and "fp16" in refused.value.remedy
    assert not ort_answer(BF16, "cpu").supported
    assert ort_answer(FP16, "cpu").supported


def test_openvino_answers_by_its_capabilities() -> None:
    said = ov_answer(BF16, "cpu")
    assert "OPTIMIZATION_CAPABILITIES" in said.said
    assert said.supported == ("BF16" in said.said)
    assert "openvino" in sys.modules


def test_errors_of_fp16_are_those_of_rounding_although_onnx_runtime_leaves_it_out(
    tools: Any,
) -> None:
    """A sum beyond 65504 must not pass because it was executed through fp32."""
    b = tools.Builder()
    b.node("Mul", ["x", b.constant("big", 1e5, "f4")], "large")
    b.node("Mul", ["large", b.constant("small", 1e-5, "f4")], "y")
    model = b.model([("x", FLOAT, [4, 8])], [("y", FLOAT, [4, 8])])
    traced = tools.trace(tools.Case(model, b.random_batch((4, 8))), onnxruntime, FP16)
    assert traced.error(FP16, ("large", "y")) == np.inf
    assert "through fp32" in traced.probes["y"].message


@pytest.mark.parametrize(
    ("pattern", "held"),
    [
        ("h/Layer", {"h", "h/Layer/m"}),
        ("h/Layer/m", {"h/Layer/m"}),
        ("m", {"h/Layer/m", "y/Layer/m"}),
    ],
)
def test_pins_reach_into_functions(
    zoo: Any, tools: Any, pattern: str, held: set[str]
) -> None:
    graph = tools.trace(zoo["function"]()).graph
    found = user_pins(graph, Pins(names={pattern: "op_wise"}))
    assert {name for name in found if graph.by_id[name].kind != "fixed"} == held


def test_pins_reach_into_branches_and_functions_by_type(zoo: Any, tools: Any) -> None:
    graph = tools.trace(zoo["branch"]()).graph
    held = user_pins(graph, Pins(names={"z": "op_wise"}))
    inside = {
        "z/then_branch/t1",
        "z/then_branch/t",
        "z/else_branch/e1",
        "z/else_branch/e",
    }
    assert inside <= set(held)
    held = user_pins(graph, Pins(names={"z/then_branch": "op_wise"}))
    assert "z/then_branch/t1" in held and "z/else_branch/e1" not in held
    graph = tools.trace(zoo["function"]()).graph
    held = user_pins(graph, Pins(types={"Layer": "op_type_wise"}))
    assert {"h/Layer/m", "y/Layer/m", "h", "y"} <= set(held)


def test_a_search_for_nan_is_not_cast_for(tools: Any, tmp_path: Path) -> None:
    """A softmax's rows that are NaN become zeros, as torch's exporter writes them."""
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 16, 16)], "scores")
    b.node("Softmax", ["scores"], "softmax", axis=-1)
    b.node("IsNaN", ["softmax"], "nan")
    b.node("Where", ["nan", b.constant("zero", 0.0, "f4"), "softmax"], "safe")
    b.node("MatMul", ["safe", b.weight("v", 16, 16)], "y")
    model = b.model([("x", FLOAT, ["n", 16])], [("y", FLOAT, ["n", 16])])
    case = tools.Case(model, b.random_batch((8, 16)))
    traced = tools.trace(case)
    low = traced.apply(tools.all_low(traced))
    assert [node.op_type for node in low.graph].count("Cast") == 2
    saved = traced.save(low, tmp_path / "m.onnx")
    (x,) = case.batch
    x[3] = np.nan
    found = np.array(tools.fresh(saved, [x], EXECUTED)["outputs"][0])
    assert not found[3].any()
    assert relative_error(openvino.predictor(model)((x,))[0], found) < 0.02
