"""TensorFlow 1's cond: a branch with bodies, whatever shape it has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins, user_pins

v1 = tf.compat.v1
BF16 = Precision.BF16
A, B, C = (
    np.random.default_rng(k).normal(size=(16, 16)).astype(np.float32) / 4
    for k in range(3)
)


def one(x: Any) -> Any:
    """A result, a constant one, and a tensor that is handed through."""
    return v1.cond(
        tf.reduce_sum(x) > 0,
        lambda: (tf.matmul(x, A, name="yes"), tf.constant(1.0), x),
        lambda: (tf.matmul(tf.abs(x), B, name="no"), tf.constant(2.0), -x),
    )


def nested(x: Any) -> Any:
    def inner() -> Any:
        return v1.cond(
            tf.reduce_max(x) > 2.0,
            lambda: tf.matmul(x, A) + 1.0,
            lambda: tf.matmul(tf.matmul(x, C), B),
        )

    return (v1.cond(tf.reduce_sum(x) > 0, inner, lambda: tf.matmul(x, B)),)


def in_turn(x: Any) -> Any:
    """The same condition twice, the second behind the first."""
    choice = tf.reduce_sum(x) > 0
    y = v1.cond(choice, lambda: tf.matmul(x, A), lambda: tf.matmul(x, B))
    z = v1.cond(choice, lambda: tf.matmul(y, C) + x, lambda: tf.tanh(y))
    return y * 0.5, tf.nn.relu(z)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    def save(function: Any) -> Path:
        v1.disable_control_flow_v2()
        try:
            with tf.Graph().as_default() as graph:
                x = v1.placeholder(tf.float32, [None, 16], "x")
                for k, each in enumerate(function(x)):
                    tf.identity(each, f"out{k}")
        finally:
            v1.enable_control_flow_v2()
        path = tmp_path / "m.pb"
        path.write_bytes(graph.as_graph_def().SerializeToString())
        return path

    return save


@pytest.mark.parametrize("function", [one, nested, in_turn])
def test_both_branches_are_converted(
    function: Any, saved: Any, all_low: Any, tmp_path: Path
) -> None:
    path = saved(function)
    outputs = [f"out{k}" for k in range(len(function(tf.zeros((2, 16)))))]
    model = adapter.load_frozen_graph(path, inputs=["x"], outputs=outputs)
    x = np.random.default_rng(5).normal(size=(3, 16)).astype(np.float32)
    batches = [abs(x), -abs(x), np.minimum(abs(x), 1.0)]
    program = adapter.trace(model, (batches[0],), low=BF16)
    products = [op for op in program.graph.ops if op.type == "MatMul"]
    assert all(op.region and op.kernel(BF16) for op in products)
    made = program.save(program.apply(all_low(program)), tmp_path / "out.bf16")
    predict = adapter.load_saved(made)
    for batch in batches:
        for found, expected in zip(predict((batch,)), model((batch,)), strict=True):
            error = np.linalg.norm(found - expected)
            assert error <= 0.02 * np.linalg.norm(expected)
    off = [predict((b,))[0] - model((b,))[0] for b in batches]
    assert all(np.abs(each).max() > 0 for each in off)


def test_pins_know_what_stands_in_a_branch(saved: Any) -> None:
    model = adapter.load_frozen_graph(saved(one), inputs=["x"], outputs=["out0"])
    program = adapter.trace(model, (np.ones((2, 16), np.float32),), low=BF16)
    products = {op.id for op in program.graph.ops if op.type == "MatMul"}
    for name in ("cond/yes", "cond/no"):
        held = user_pins(program.graph, Pins(names={name: "op_wise"}))
        assert [each.endswith(name) for each in products & held.keys()] == [True]


def test_what_is_no_branch_is_said(tmp_path: Path) -> None:
    """A Merge of two Switches that hang on different conditions."""
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            x = v1.placeholder(tf.float32, [None, 16], "x")
            left = tf.raw_ops.Switch(data=x, pred=tf.reduce_sum(x) > 0)[1]
            right = tf.raw_ops.Switch(data=x, pred=tf.reduce_max(x) < 0)[1]
            tf.raw_ops.Merge(inputs=[tf.matmul(left, A), tf.exp(right)], name="either")
            tf.identity(graph.get_tensor_by_name("either:0"), "out")
    finally:
        v1.enable_control_flow_v2()
    path = tmp_path / "m.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    model = adapter.load_frozen_graph(path, inputs=["x"], outputs=["out"])
    with pytest.raises(ModelError, match=r"Switch, Merge") as no:
        adapter.trace(model, (np.ones((2, 16), np.float32),), low=BF16)
    assert "control flow v2" in no.value.remedy
