"""Models quantized by the adapter: what runs, what is written, what it is off by."""

from __future__ import annotations

import math
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import tensorflow as tf
from quantized_tensorflow import normal

from narrowcast.runtime.common.errors import DataError, PlanError
from narrowcast.runtime.common.processes.fresh import in_fresh_process
from narrowcast.runtime.evaluation.saved import predict_file
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.quantizing.protocol import Quantizable
from narrowcast.runtime.frameworks.quantizing.quantization import (
    Integers,
    Quantization,
    Sides,
)
from narrowcast.runtime.graph.graph import Kind, Placement, Precision

BF16, FP32, INT8 = (Precision(name) for name in ("bf16", "fp32", "int8"))
HOW = Quantization()
BATCH = (normal(4, 12, 12, 8),)


def net(x: Any) -> Any:
    """Convolutions, around one of which a residual goes, and a product."""
    y = tf.nn.conv2d(x, normal(3, 3, 8, 16, seed=1) / 8, 1, "SAME")
    y = z = tf.nn.relu(tf.nn.bias_add(y, normal(16, seed=2)))
    y = tf.nn.conv2d(y, normal(3, 3, 16, 16, seed=3) / 12, 1, "SAME")
    y = tf.nn.bias_add(y, normal(16, seed=4))
    y = tf.nn.relu(tf.nn.conv2d(y, normal(1, 1, 16, 16, seed=5) / 4, 1, "SAME"))
    y = tf.reduce_mean(y + z, [1, 2])
    return tf.nn.bias_add(tf.matmul(y, normal(16, 10, seed=6) / 4), normal(10, seed=7))


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    return {}


@pytest.fixture
def program(freeze: Any, known: dict[str, Any]) -> Any:
    if not known:
        known["traced"] = adapter.trace(freeze(net, BATCH), BATCH, low=BF16)
        known["int8"] = known["traced"].calibrated([BATCH], HOW)
    return known["int8"]


def batches() -> Any:
    yield BATCH, None


def all_int8(program: Any, low: Precision = FP32) -> Placement:
    return {
        op.id: next((p for p in (INT8, low) if op.kernel(p)), FP32)
        for op in program.graph.ops
    }


def able(program: Any) -> list[str]:
    """Contractions in int8; where this CPU or build has none, all say why."""
    ops = [op for op in program.graph.ops if op.kind is Kind.COMPUTE]
    found = [op.id for op in ops if op.kernel(INT8)]
    refused = program.int8_refusals
    assert {op.id for op in ops} == {*found, *refused}
    assert all(refused.values())
    return found


@pytest.mark.parametrize("low", [FP32, BF16])
def test_ops_in_int8_run_in_int8(program: Any, low: Precision, tmp_path: Path) -> None:
    assert isinstance(program, Quantizable)
    ops = able(program)
    placement = all_int8(program, low)
    flops = sum(program.graph.by_id[op].flops for op in ops)
    assert program.graph.flops_int8(placement) >= flops
    model = program.apply(placement)
    types = [node.op for node in model.graph_def.node]
    kernels = [t for t in types if t.startswith(("_FusedQuantized", "_Quantized"))]
    assert len(kernels) == len(ops)
    assert "Relu" not in types or not ops
    saved = program.save(model, tmp_path / "saved")
    (found,) = in_fresh_process(predict_file, adapter.load_saved, saved, batches)
    (reference,) = _reference()
    assert 0 < relative_error(reference, found) < 0.05


def _reference() -> tuple[Any, ...]:
    return (net(tf.constant(BATCH[0])).numpy(),)


def test_the_error_is_that_of_the_model(program: Any) -> None:
    ops = [op.id for op in program.graph.ops if op.kernel(INT8)]
    error = program.error(INT8, ops)
    found = adapter.predictor(program.apply(all_int8(program)))(BATCH)
    real = relative_error(*_reference(), *found)
    assert error == pytest.approx(real, rel=0.3) and (error > 0 or not ops)
    assert not program.error(INT8, ())


def test_integers_are_handed_on(program: Any) -> None:
    nodes = program.apply(all_int8(program)).graph_def.node
    ops = able(program)
    quantizes = [node for node in nodes if node.op == "QuantizeV2"]
    # x, the residual's sum behind the mean: what convolutions make is taken as it is.
    assert len(quantizes) == (2 if ops else 0)


def test_a_plan_gives_the_same_bytes(program: Any, tmp_path: Path) -> None:
    again = program.with_scales(program.scales, HOW)
    placement = all_int8(program, BF16)
    files = [
        each.save(each.apply(placement), tmp_path / name)
        for each, name in ((program, "a"), (again, "b"))
    ]
    first, second = ((f / "saved_model.pb").read_bytes() for f in files)
    assert first == second
    some = dict(program.scales)
    some.pop(next(iter(some)))
    with pytest.raises(PlanError, match="no int8 scale"):
        program.with_scales(some, HOW)


def test_signs_decide_the_integers(program: Any) -> None:
    dtypes = {scale.dtype for scale in program.scales.values()}
    assert dtypes == {"int8", "uint8"}
    assert not any(scale.zero_point for scale in program.scales.values())


@pytest.mark.parametrize(
    ("sides", "why"),
    [
        (Sides(Integers("uint8")), "zero point"),
        (Sides(Integers(scheme="asym")), "zero point"),
        (Sides(Integers(granularity="per_channel")), "each channel"),
        (Sides(weight=Integers("uint8")), "weights in int8"),
    ],
)
def test_what_no_kernel_takes_is_refused(
    program: Any, sides: Sides, why: str, known: dict[str, Any]
) -> None:
    found = known["traced"].calibrated([BATCH], Quantization(sides=sides))
    assert any(why in said for said in found.int8_refusals.values())


def test_dynamic_scales_are_refused(program: Any, known: dict[str, Any]) -> None:
    found = known["traced"].calibrated([BATCH], Quantization(dynamic=True))
    assert not [op for op in found.graph.ops if op.kernel(INT8)]
    assert all("before they run" in said for said in found.int8_refusals.values())


def test_least_divergence_cuts_off_outliers(
    program: Any, known: dict[str, Any]
) -> None:
    far = (BATCH[0].copy(),)
    far[0][0, 0, 0, 0] = 100.0
    kl = Quantization(sides=Sides(Integers(algorithm="kl")))
    (name,) = program.graph.inputs
    ranges = [known["traced"].calibrated([far], how).scales for how in (HOW, kl)]
    assert ranges[0][name].scale == pytest.approx(100 / 127)
    assert ranges[1][name].scale < 0.5 * ranges[0][name].scale


def test_no_batch_is_an_error(program: Any, known: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="no batch"):
        known["traced"].calibrated([], HOW)


def test_ops_without_scales_are_no_int8(program: Any, known: dict[str, Any]) -> None:
    (product,) = [op.id for op in program.graph.ops if op.type == "MatMul"]
    placement = dict.fromkeys(program.graph.by_id, FP32) | {product: INT8}
    with pytest.raises(PlanError, match="nothing was calibrated"):
        known["traced"].apply(placement)


def test_int8_is_timed(program: Any) -> None:
    ops = able(program)
    times = program.time(INT8, set(ops), perf_counter, 0.02)
    assert {(op, p) for op in ops for p in (FP32, INT8)} <= times.ops.keys()
    assert all(math.isfinite(each.median) for each in times.ops.values())
    assert not ops or any(target is INT8 for _s, _f, target in times.casts)
