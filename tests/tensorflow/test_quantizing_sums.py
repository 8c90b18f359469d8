"""Residual sums in int8: part of their convolution's kernel where oneDNN has one."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import tensorflow as tf
from quantized_tensorflow import normal

from narrowcast.runtime.common.processes.fresh import in_fresh_process
from narrowcast.runtime.evaluation.saved import predict_file
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization
from narrowcast.runtime.frameworks.tensorflow.quantizing import child, probing
from narrowcast.runtime.graph.graph import Placement, Precision

BF16, FP32, INT8 = (Precision(name) for name in ("bf16", "fp32", "int8"))
HOW = Quantization()
BATCH = (normal(2, 8, 8, 8),)


def conv(x: Any, size: int, channels: int, seed: int) -> Any:
    weight = normal(size, size, x.shape[-1], channels, seed=seed) / (size * 3)
    made = tf.nn.conv2d(x, weight, 1, "SAME")
    return tf.nn.bias_add(made, normal(channels, seed=seed + 50))


def net(x: Any) -> Any:
    """Two blocks: what the first adds is negative, too; a third adds what is read after."""
    y = tf.nn.relu(conv(x, 3, 16, 1))
    y = tf.nn.relu(conv(y, 1, 16, 2) + conv(y, 3, 16, 3))
    y = tf.nn.relu(conv(tf.nn.relu(conv(y, 1, 16, 4)), 3, 16, 5) + y)
    z = tf.nn.relu6(conv(tf.nn.relu(conv(y, 1, 16, 6)), 3, 16, 7) + y)
    return tf.reduce_mean(z * tf.sigmoid(y), [1, 2])


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    return {}


@pytest.fixture
def traced(freeze: Any, known: dict[str, Any]) -> Any:
    if not known:
        known["traced"] = adapter.trace(freeze(net, BATCH), BATCH, low=BF16)
        known["int8"] = known["traced"].calibrated([BATCH], HOW)
    return known["traced"]


@pytest.fixture
def program(traced: Any, known: dict[str, Any]) -> Any:
    return known["int8"]


def all_int8(program: Any) -> Placement:
    return {op.id: INT8 if op.kernel(INT8) else FP32 for op in program.graph.ops}


def fused(model: Any) -> list[Any]:
    return [
        node
        for node in model.graph_def.node
        if "fused_ops" in node.attr and b"Sum" in node.attr["fused_ops"].list.s[:]
    ]


def batches() -> Any:
    yield BATCH, None


def runs_int8(program: Any) -> bool:
    return any(op.kernel(INT8) for op in program.graph.ops)


def test_sums_are_part_of_kernels(program: Any, tmp_path: Path) -> None:
    model = program.apply(all_int8(program))
    if not runs_int8(program):
        assert all(program.int8_refusals.values())
        return
    assert len(fused(model)) == 2
    saved = program.save(model, tmp_path / "saved")
    (found,) = in_fresh_process(predict_file, adapter.load_saved, saved, batches)
    reference = net(tf.constant(BATCH[0])).numpy()
    assert 0 < relative_error(reference, found) < 0.05
    ops = [op.id for op in program.graph.ops if op.kernel(INT8)]
    real = relative_error(reference, found)
    assert program.error(INT8, ops) == pytest.approx(real, rel=0.3)


def test_a_sum_has_the_precision_of_its_convolution(program: Any) -> None:
    sums = program.int8.sums
    assert len(sums) == (2 if runs_int8(program) else 0)
    for name, op in sums.items():
        assert frozenset({op.chain[0], name}) in program.graph.equal
        assert program.graph.by_id[name].kernel(INT8)


def test_either_side_of_a_sum_may_be_in_floats(program: Any) -> None:
    """What is shifted is shifted back for floats, and floats are shifted for a kernel."""
    reference = net(tf.constant(BATCH[0])).numpy()
    for op in program.int8.sums.values():
        makers = [c for c in program.int8.ops.values() if c.end == op.added]
        for held in ({*op.chain}, {name for c in makers for name in c.chain}):
            for precision in (FP32, BF16):
                placement = {
                    name: precision if name in held else each
                    for name, each in all_int8(program).items()
                }
                found = adapter.predictor(program.apply(placement))(BATCH)
                assert relative_error(reference, found[0]) < 0.05


def test_a_sum_costs_nothing_beside_its_convolution(program: Any) -> None:
    ops = {op.id for op in program.graph.ops if op.kernel(INT8)}
    times = program.time(INT8, ops, perf_counter, 0.01).ops
    for name, op in program.int8.sums.items():
        assert times[name, INT8].median == 0 < times[op.chain[0], INT8].median


def test_a_plan_has_the_same_sums(program: Any) -> None:
    again = program.with_scales(program.scales, HOW)
    assert again.int8.ops == program.int8.ops


def dies(forms: Any, journal: Path) -> None:
    """As a kernel does that is given what it can't take."""
    with journal.open("a") as file:
        file.write("?\n")
    os.abort()


def test_a_kernel_that_ends_its_process_is_refused(
    freeze: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = (normal(4, 16),)
    weight = normal(16, 8, seed=1)
    traced = adapter.trace(freeze(lambda x: x @ weight, batch), batch, low=BF16)
    monkeypatch.setattr(child, "KNOWN", {})
    monkeypatch.setattr(child, "try_all", dies)
    found = traced.calibrated([batch], HOW)
    (why,) = found.int8_refusals.values()
    assert "the process that ran the kernel died" in why
    (op,) = found.graph.ops
    assert op.kernels == traced.graph.ops[0].kernels


def test_where_no_sum_runs_convolutions_do(
    traced: Any, program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(forms: Any) -> dict[Any, str]:
        answers = child.tried([form for form in forms if not form.sum])
        return {form: answers.get(form, "no such kernel") for form in forms}

    monkeypatch.setattr(probing, "tried", without)
    found = traced.calibrated([BATCH], HOW)
    assert not found.int8.sums and {*found.int8.ops} == {*program.int8.ops}
    model = found.apply(all_int8(found))
    assert not fused(model)
    again = found.with_scales(found.scales, HOW)
    assert again.int8.ops == found.int8.ops
