"""Models quantized by the adapter: what runs, what is written, what it is off by."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from quantizable_onnx import (
    MODELS,
    all_int8,
    cnn,
    in_int8,
    int8_ops,
    mlp,
    products,
    weights,
)

from narrowcast.runtime.common.errors import DataError, PlanError, RequirementError
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino, portable
from narrowcast.runtime.frameworks.onnx.quantizing import ranges
from narrowcast.runtime.frameworks.quantizing.protocol import Quantizable
from narrowcast.runtime.frameworks.quantizing.quantization import (
    Integers,
    Quantization,
    Sides,
)
from narrowcast.runtime.graph.graph import Kernel, Kind, Precision, casts

BF16, FP16, FP32, INT8 = (Precision(p) for p in ("bf16", "fp16", "fp32", "int8"))
HOW = Quantization()
LOW = {openvino: BF16, onnxruntime: FP16}
ALONE = {
    openvino: """
import openvino as ov
hint = {"INFERENCE_PRECISION_HINT": "f32"}
compiled = ov.Core().compile_model(path, "CPU", hint)
print(json.dumps([each.tolist() for each in compiled(batch).values()]))
""",
    onnxruntime: """
import onnxruntime
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
print(json.dumps([each.tolist() for each in session.run(None, {"x": batch[0]})]))
""",
}
"""How a saved model is run where narrowcast is not."""

RUNTIMES = pytest.mark.parametrize("runtime", LOW, ids=["openvino", "onnxruntime"])


def _traced(tools: Any, runtime: Any, case: Any) -> Any:
    return tools.trace(case, runtime, LOW[runtime])


def _calibrated(tools: Any, runtime: Any, case: Any, how: Quantization = HOW) -> Any:
    return _traced(tools, runtime, case).calibrated([case.batch], how)


def _error(runtime: Any, case: Any, path: Path) -> float:
    reference = runtime.predictor(case.model)(case.batch)
    found = runtime.load_saved(path)(case.batch)
    return max(map(relative_error, reference, found))


@RUNTIMES
@pytest.mark.parametrize("name", MODELS)
def test_ops_in_int8_run_in_int8(
    runtime: Any, name: str, tools: Any, tmp_path: Path
) -> None:
    case = MODELS[name](tools)
    program = _calibrated(tools, runtime, case)
    assert isinstance(program, Quantizable)
    ops = int8_ops(program)
    working = [op.id for op in program.graph.ops if op.kind is Kind.COMPUTE]
    contractions = [name for name in working if name in program.int8_probes]
    assert ops == contractions and not program.int8_refusals
    for low in (FP32, LOW[runtime]):
        path = tmp_path / f"{low}.onnx"
        program.save(program.apply(all_int8(program, low)), path)
        assert in_int8(runtime, path) == len(ops)
        assert 0 < _error(runtime, case, path) < 0.05


@RUNTIMES
def test_three_precisions_in_one_model(
    runtime: Any, tools: Any, tmp_path: Path
) -> None:
    case = cnn(tools)
    program = _calibrated(tools, runtime, case)
    placement = {**dict.fromkeys(program.graph.by_id, FP32), "c1": INT8}
    placement |= dict.fromkeys(("c2", "a", "r2"), LOW[runtime])
    path = program.save(program.apply(placement), tmp_path / "mixed.onnx")
    assert in_int8(runtime, path) == 1
    (found,) = tools.fresh(path, case.batch, ALONE[runtime])
    (reference,) = runtime.predictor(case.model)(case.batch)
    assert 0 < relative_error(reference, np.array(found, np.float32)) < 0.05


def test_sixteen_bits_are_widened_before_they_are_quantized(tools: Any) -> None:
    program = _calibrated(tools, openvino, cnn(tools))
    placement = {**all_int8(program), "r1": BF16}
    model = program.apply(placement)
    nodes = {node.outputs[0].name: node for node in model.graph}
    (small,) = [
        n for n in nodes.values() if n.op_type == "QuantizeLinear" and "r1" in n.name
    ]
    cast = small.inputs[0].producer()
    assert cast.op_type == "Cast" and cast.inputs[0].name == "r1"
    wide = {
        cast.source for cast in casts(program.graph, placement) if cast.target is INT8
    }
    assert wide == {BF16, FP32}


def two_readers(tools: Any) -> Any:
    """Two products of one tensor."""
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w1", 16, 16)], "p")
    b.node("MatMul", ["x", b.weight("w2", 16, 16)], "q")
    b.node("Add", ["p", "q"], "y")
    shape = ["n", 16]
    float32 = onnx.TensorProto.FLOAT
    model = b.model([("x", float32, shape)], [("y", float32, shape)])
    return tools.Case(model, b.random_batch((4, 16)))


def test_a_tensor_is_quantized_once_for_all(tools: Any) -> None:
    case = two_readers(tools)
    program = _calibrated(tools, openvino, case)
    made = program.apply(all_int8(program))
    assert [n.op_type for n in made.graph].count("QuantizeLinear") == 1


@RUNTIMES
def test_a_weight_is_int8_alone(runtime: Any, tools: Any, tmp_path: Path) -> None:
    program = _calibrated(tools, runtime, cnn(tools))
    path = program.save(program.apply(all_int8(program)), tmp_path / "all.onnx")
    assert set(weights(path).values()) == {np.dtype(np.int8)}
    placement = {**all_int8(program), "c2": FP32}
    path = program.save(program.apply(placement), tmp_path / "some.onnx")
    assert {n for n, dtype in weights(path).items() if dtype == np.float32} == {"w2"}


@RUNTIMES
def test_the_error_is_that_of_the_model(
    runtime: Any, tools: Any, tmp_path: Path
) -> None:
    case = cnn(tools)
    program = _calibrated(tools, runtime, case)
    path = program.save(program.apply(all_int8(program)), tmp_path / "all.onnx")
    predicted = program.error(INT8, int8_ops(program))
    assert predicted == pytest.approx(_error(runtime, case, path), rel=0.1)
    assert program.error(INT8, []) == 0
    assert program.sketch(INT8, int8_ops(program)) == {}
    assert program.error(LOW[runtime], ["c1"]) > 0


@RUNTIMES
def test_kernels_leave_what_costs_nothing(runtime: Any, tools: Any) -> None:
    program = _calibrated(tools, runtime, mlp(tools))
    left = BF16 if runtime is openvino else FP32
    assert program.graph.by_id["m1"].kernel(INT8) == Kernel(INT8, left)
    assert program.graph.by_id["h"].kernel(INT8) is None
    assert (
        program.graph.fingerprint()
        == _traced(tools, runtime, mlp(tools)).graph.fingerprint()
    )


@RUNTIMES
def test_scales_give_the_same_bytes_without_batches(
    runtime: Any, tools: Any, tmp_path: Path
) -> None:
    case = cnn(tools)
    first = _calibrated(tools, runtime, case)
    again = _traced(tools, runtime, case).with_scales(dict(first.scales), HOW)
    assert again.scales == first.scales
    assert again.int8_refusals == first.int8_refusals
    files = [
        program.save(program.apply(all_int8(program, LOW[runtime])), tmp_path / name)
        for program, name in ((first, "1.onnx"), (again, "2.onnx"))
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_scales_must_be_there(tools: Any) -> None:
    case = cnn(tools)
    traced = _traced(tools, openvino, case)
    with pytest.raises(PlanError, match="no int8 scale of tensor"):
        traced.with_scales({}, HOW)
    with pytest.raises(PlanError, match="op c1 is to be int8"):
        traced.apply({**dict.fromkeys(traced.graph.by_id, FP32), "c1": INT8})


@RUNTIMES
def test_an_outlier_in_a_channel_ruins_the_op(runtime: Any, tools: Any) -> None:
    case = cnn(tools)
    fine = _calibrated(tools, runtime, case).int8_probes["c1"].error
    (x,) = case.batch
    x = x.copy()
    x[:, 0] *= 300
    w1 = next(w for w in case.model.graph.initializer if w.name == "w1")
    values = onnx.numpy_helper.to_array(w1).copy()
    values[:, 0] = 0
    w1.CopyFrom(onnx.numpy_helper.from_array(values, "w1"))
    planted = tools.Case(case.model, (x,))
    program = _calibrated(tools, runtime, planted)
    assert program.int8_probes["c1"].error > 20 * fine


@pytest.mark.few(3)
@RUNTIMES
@pytest.mark.parametrize("algorithm", ["minmax", "kl"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0])
def test_what_is_not_finite_has_no_part_in_a_range(
    runtime: Any, algorithm: str, value: float, tools: Any, tmp_path: Path
) -> None:
    how = Quantization(sides=Sides(Integers(algorithm=algorithm)))
    case = cnn(tools)
    batch = (case.batch[0].copy(),)
    batch[0][0] = value
    traced = _traced(tools, runtime, case)
    program = traced.calibrated([batch, case.batch], how)
    finite = traced.calibrated([case.batch], how)
    assert program.scales["x"].scale == pytest.approx(finite.scales["x"].scale, rel=0.2)
    constant = traced.calibrated([(np.zeros_like(batch[0]),)], how)
    assert constant.scales["x"].scale == 1.0
    path = constant.save(constant.apply(all_int8(constant)), tmp_path / "zero.onnx")
    assert np.isfinite(runtime.load_saved(path)(case.batch)[0]).all()


def test_samples_end_the_batches(tools: Any) -> None:
    case = cnn(tools)
    traced = _traced(tools, openvino, case)
    given = []

    def batches() -> Any:
        for size in range(1, 10):
            given.append(size)
            yield (size * case.batch[0],)

    found = traced.calibrated(batches(), Quantization(samples=6))
    assert given[:2] == [1, 2] and len(given) <= 3
    twice = traced.calibrated([case.batch, (2 * case.batch[0],)], HOW)
    assert found.scales == twice.scales
    with pytest.raises(DataError, match="no batch"):
        traced.calibrated([], HOW)


def test_products_of_activations_have_no_zero_point_in_openvino(tools: Any) -> None:
    scales = _calibrated(tools, openvino, products(tools)).scales
    assert (scales["s"].dtype, scales["s"].zero_point) == ("uint8", 0)
    assert (scales["z"].dtype, scales["z"].zero_point) == ("int8", 0)


def test_what_the_spec_says_of_an_op_holds(tools: Any) -> None:
    own = Sides(Integers("int8", "sym"), Integers(granularity="per_tensor"))
    how = Quantization(by_op={"c1": own})
    program = _calibrated(tools, openvino, cnn(tools), how)
    assert program.scales["x"].dtype == "int8" and not program.scales["x"].zero_point
    model = program.apply(all_int8(program))
    assert model.graph.initializers["w1_scale"].const_value.size == 1
    assert model.graph.initializers["w2_scale"].const_value.size == 8


def test_a_form_that_has_no_kernel_is_refused(tools: Any) -> None:
    unsigned = Sides(weight=Integers("uint8", "asym"))
    how = Quantization(by_op={"c1": unsigned})
    program = _calibrated(tools, openvino, cnn(tools), how)
    assert program.int8_refusals == {"c1": "OpenVINO computes it in fp32 all the same"}
    assert program.graph.by_id["c1"].kernel(INT8) is None


@RUNTIMES
def test_ops_without_a_form_are_refused(runtime: Any, tools: Any, zoo: Any) -> None:
    program = _calibrated(tools, runtime, zoo["loop"]())
    assert set(program.int8_refusals.values()) == {
        "it is in a body, in which no ranges are taken"
    }
    program = _calibrated(tools, runtime, zoo["lstm"]())
    assert "no int8 form of LSTM is known" in program.int8_refusals.values()
    assert len(int8_ops(program)) == 1


def test_a_runtime_that_is_not_here_is_not_quantized_for(tools: Any) -> None:
    case = cnn(tools)
    with pytest.raises(RequirementError, match="does not quantize"):
        tools.trace(case, portable).calibrated([case.batch], HOW)


def test_a_shared_weight_is_stored_once(tools: Any, zoo: Any, tmp_path: Path) -> None:
    program = _calibrated(tools, openvino, zoo["shared_weight"]())
    path = program.save(program.apply(all_int8(program)), tmp_path / "m.onnx")
    assert list(weights(path).values()) == [np.dtype(np.int8)]


def test_an_old_opset_is_raised_for_int8_alone(tools: Any, tmp_path: Path) -> None:
    case = cnn(tools, opset=11)
    program = _calibrated(tools, onnxruntime, case)
    fp32 = dict.fromkeys(program.graph.by_id, FP32)
    assert program.apply(fp32).opset_imports[""] == 11
    path = program.save(program.apply(all_int8(program)), tmp_path / "m.onnx")
    assert onnx.load(path).opset_import[0].version == 13
    assert in_int8(onnxruntime, path) == 3


@RUNTIMES
def test_ops_and_conversions_are_timed(runtime: Any, tools: Any) -> None:
    program = _calibrated(tools, runtime, cnn(tools))
    ops = int8_ops(program)
    found = program.time(INT8, set(ops), time.perf_counter, 0.01)
    assert set(found.ops) == {(op, p) for op in ops for p in (FP32, INT8)}
    ways = {(source, target) for _shape, source, target in found.casts}
    assert ways == {(FP32, INT8), (LOW[runtime], INT8)}
    placements = {
        "int8": all_int8(program),
        "fp32": dict.fromkeys(program.graph.by_id, FP32),
    }
    assert program.time_whole(placements, time.perf_counter).keys() == placements.keys()


def test_scales_may_come_as_the_model_runs(tools: Any, tmp_path: Path) -> None:
    how = Quantization(dynamic=True)
    for case, count in ((mlp(tools), 2), (cnn(tools), 1)):
        program = _traced(tools, onnxruntime, case).calibrated([], how)
        assert program.scales == {} and len(int8_ops(program)) == count
        placement = all_int8(program)
        path = program.save(program.apply(placement), tmp_path / f"{count}.onnx")
        assert in_int8(onnxruntime, path) == count
        error = _error(onnxruntime, case, path)
        assert 0 < error < 0.05
        assert program.error(INT8, int8_ops(program)) == pytest.approx(error, rel=0.1)
        again = _traced(tools, onnxruntime, case).with_scales({}, how)
        copy = again.save(again.apply(placement), tmp_path / "again.onnx")
        assert copy.read_bytes() == path.read_bytes()


def test_openvino_has_no_dynamic_int8(tools: Any) -> None:
    how = Quantization(dynamic=True)
    program = _traced(tools, openvino, mlp(tools)).calibrated([], how)
    assert not int8_ops(program)
    assert set(program.int8_refusals.values()) == {
        "the runtime computes it in fp32 if scales come as it runs"
    }


def test_large_models_are_calibrated_through_files(
    tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = cnn(tools)
    traced = _traced(tools, openvino, case)
    for algorithm in ("minmax", "kl"):
        how = Quantization(sides=Sides(Integers(algorithm=algorithm)))
        small = traced.calibrated([case.batch], how)
        with monkeypatch.context() as patched:
            patched.setattr(ranges, "LARGE", 0)
            assert traced.calibrated([case.batch], how).scales == small.scales


@RUNTIMES
def test_what_comes_quantized_stays_and_the_rest_may_follow(
    runtime: Any, tools: Any, tmp_path: Path
) -> None:
    case = cnn(tools)
    program = _calibrated(tools, runtime, case)
    some = {**dict.fromkeys(program.graph.by_id, FP32), "c1": INT8}
    half = program.save(program.apply(some), tmp_path / "half.onnx")
    partly = tools.Case(onnx.load(half), case.batch)
    program = _calibrated(tools, runtime, partly)
    assert int8_ops(program) == ["c2", "y"] and program.graph.by_id["c1"].quantized
    path = program.save(program.apply(all_int8(program)), tmp_path / "whole.onnx")
    assert in_int8(runtime, path) == 3
    assert _error(runtime, case, path) < 0.05


@RUNTIMES
def test_signed_activations_of_several_ops_are_in_int8(
    runtime: Any, tools: Any, tmp_path: Path
) -> None:
    case = two_readers(tools)
    how = Quantization(sides=Sides(Integers("int8", "sym")))
    program = _calibrated(tools, runtime, case, how)
    middle = {"int8": 0, "uint8": 128}
    assert all(s.zero_point == middle[s.dtype] for s in program.scales.values())
    path = program.save(program.apply(all_int8(program)), tmp_path / "m.onnx")
    assert in_int8(runtime, path) == 2


@RUNTIMES
@pytest.mark.parametrize("name", MODELS)
def test_whatever_stands_around_int8_it_stays_so(
    runtime: Any, name: str, tools: Any, tmp_path: Path
) -> None:
    case = MODELS[name](tools)
    program = _calibrated(tools, runtime, case)
    random = np.random.default_rng(0)
    path = tmp_path / "m.onnx"
    for _ in range(4):
        placement = {
            op.id: op.kernels[random.integers(len(op.kernels))].input
            for op in program.graph.ops
        }
        program.save(program.apply(placement), path)
        int8 = [name for name in int8_ops(program) if placement[name] is INT8]
        assert in_int8(runtime, path) == len(int8)
        assert _error(runtime, case, path) < 0.05


def test_scales_that_bf16_does_not_hold_leave_fp32(tools: Any) -> None:
    """As plans have them that were made when all kernels left fp32."""
    traced = _traced(tools, openvino, mlp(tools))
    program = traced.calibrated([mlp(tools).batch], HOW)
    left = {k.output for op in program.graph.ops if (k := op.kernel(INT8))}
    assert BF16 in left
    old = {
        name: replace(each, scale=float(np.nextafter(np.float32(each.scale), 1)))
        for name, each in program.scales.items()
    }
    again = traced.with_scales(old, HOW)
    assert int8_ops(again) == int8_ops(program)
    assert {op.kernel(INT8) for op in again.graph.ops if op.kernel(INT8)} == {
        Kernel(INT8, FP32)
    }
