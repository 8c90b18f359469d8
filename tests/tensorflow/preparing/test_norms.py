"""Batch norms are folded into what feeds them, wherever that is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

Make = Callable[..., Any]


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def variable(*shape: int, seed: int = 0) -> tf.Variable:
    return tf.Variable(random(*shape, seed=seed))


def statistics(channels: int) -> list[tf.Variable]:
    """gamma, beta, mean, variance."""
    made = [variable(channels, seed=k) for k in range(3)]
    return [*made, tf.Variable(np.abs(random(channels, seed=9)) + 0.1)]


def fused(x: tf.Tensor, values: list[tf.Variable], **other: Any) -> tf.Tensor:
    gamma, beta, mean, variance = values
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=mean, variance=variance, is_training=False,
        epsilon=1e-3, **other, name="norm",
    ).y  # fmt: skip


def written_out(x: tf.Tensor, values: list[tf.Variable]) -> tf.Tensor:
    gamma, beta, mean, variance = values
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)


IMAGE = random(2, 6, 6, 4)
LAYERS: dict[str, tuple[np.ndarray, tf.Variable, Callable[..., Any], int, str]] = {
    "conv": (IMAGE, variable(3, 3, 4, 5), lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), 5, "Conv2D"),
    "grouped conv": (IMAGE, variable(3, 3, 2, 6), lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), 6, "Conv2D"),
    "depthwise": (IMAGE, variable(3, 3, 4, 2), lambda x, w: tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "SAME"), 8, "DepthwiseConv2dNative"),
    "transposed": (IMAGE, variable(2, 2, 5, 4), lambda x, w: tf.nn.conv2d_transpose(x, w, [2, 12, 12, 5], 2), 5, "Conv2DBackpropInput"),
}  # fmt: skip


@pytest.mark.parametrize("norm", [fused, written_out])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_norm_becomes_weight_and_bias(layer: str, norm: Any, prepared: Make) -> None:
    x, weight, call, channels, op = LAYERS[layer]
    values = statistics(channels)
    bias = variable(channels, seed=20)

    def plain(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(norm(call(x, weight), values))

    def biased(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(norm(tf.nn.bias_add(call(x, weight), bias), values))

    for function in (plain, biased):
        found = prepared(function, x, w=weight, b=bias, v=values)
        assert found.ops == sorted(["BiasAdd", op, "Relu"])


@pytest.mark.parametrize("transpose", [False, True])
def test_a_dense_layer_takes_its_norm(transpose: bool, prepared: Make) -> None:
    weight, bias = variable(*((5, 4) if transpose else (4, 5))), variable(5, seed=3)
    values = statistics(5)

    def call(x: tf.Tensor) -> tf.Tensor:
        made = tf.matmul(x, weight, transpose_b=transpose) + bias
        return tf.nn.relu(written_out(made, values))

    found = prepared(call, random(3, 4), w=weight, b=bias, v=values)
    assert found.ops == ["BiasAdd", "MatMul", "Relu"]


def test_three_dimensions(prepared: Make) -> None:
    weight, values = variable(2, 2, 2, 3, 4), statistics(4)

    def call(x: tf.Tensor) -> tf.Tensor:
        made = tf.nn.conv3d(x, weight, [1, 1, 1, 1, 1], "SAME")
        return tf.nn.relu(written_out(made, values))

    found = prepared(call, random(1, 4, 4, 4, 3), w=weight, v=values)
    assert found.ops == ["BiasAdd", "Conv3D", "Relu"]


def test_batched_products_keep_an_add(prepared: Make) -> None:
    weight, values = variable(4, 5), statistics(5)

    def call(x: tf.Tensor) -> tf.Tensor:
        made = tf.raw_ops.BatchMatMulV2(x=x, y=weight)
        return tf.nn.relu(written_out(made, values))

    found = prepared(call, random(2, 3, 4), w=weight, v=values)
    assert found.ops == ["AddV2", "BatchMatMulV2", "Relu"]


def test_pins_on_a_folded_norm_find_its_layer(prepared: Make) -> None:
    weight, values = variable(3, 3, 4, 5), statistics(5)

    def call(x: tf.Tensor) -> tf.Tensor:
        made = tf.nn.conv2d(x, weight, 1, "SAME", name="layer")
        return tf.nn.relu(fused(made, values))

    found = prepared(call, IMAGE, w=weight, v=values)
    assert found.main["norm"] == "BiasAdd"
    for node in ("layer", "norm"):
        assert found.absorbed(node)["norm"] == "FusedBatchNormV3"


def test_weights_are_rounded_once(prepared: Make) -> None:
    """In fp32 the products of these factors would not be those of fp64."""
    weight, values = variable(1, 1, 4, 64, seed=5), statistics(64)
    found = prepared(
        lambda x: fused(tf.nn.conv2d(x, weight, 1, "SAME", name="layer"), values),
        IMAGE, w=weight, v=values,
    )  # fmt: skip
    gamma, _, _, variance = (each.numpy().astype(np.float64) for each in values)
    exact = (
        weight.numpy().astype(np.float64)
        * gamma
        / np.sqrt(variance + np.float64(np.float32(1e-3)))
    )
    consts = {n.name: n for n in found.prepared.graph_def.node if n.op == "Const"}
    layer = next(n for n in found.prepared.graph_def.node if n.name == "layer")
    stored = tf.make_ndarray(consts[layer.input[1]].attr["value"].tensor)
    np.testing.assert_array_equal(stored, exact.astype(np.float32))


def test_a_shared_weight_is_scaled_for_one_layer_only(prepared: Make) -> None:
    weight, values = variable(3, 3, 4, 4), statistics(4)

    def call(x: tf.Tensor) -> tf.Tensor:
        one = fused(tf.nn.conv2d(x, weight, 1, "SAME"), values)
        return tf.nn.conv2d(one, weight, 1, "SAME")

    found = prepared(call, IMAGE, w=weight, v=values)
    assert found.ops == ["BiasAdd", "Conv2D", "Conv2D"]


KEPT: dict[str, Callable[..., Any]] = {
    "another takes the layer's output": lambda y, v: fused(y, v) + tf.reduce_sum(y),
    "something is in between": lambda y, v: fused(tf.nn.relu(y), v),
    "the norm's statistics are computed": lambda y, v: fused(y, [v[0], v[1], tf.reduce_mean(y, [0, 1, 2]), v[3]]),
    "the fold leaves fp32": lambda y, v: fused(y * 1e-30, [v[0] * 1e38 * 1e-3, v[1], v[2], v[3] * 0]),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_what_can_not_be_folded_stays(case: str, prepared: Make) -> None:
    weight, values = variable(3, 3, 4, 5), statistics(5)
    found = prepared(
        lambda x: KEPT[case](tf.nn.conv2d(x, weight, 1, "SAME"), values),
        IMAGE, w=weight, v=values,
    )  # fmt: skip
    assert "FusedBatchNormV3" in found.ops


def test_scalars_and_other_axes_stay(prepared: Make) -> None:
    weight, rows = variable(4, 5), variable(3, 1)
    found = prepared(
        lambda x: (x @ weight) * 0.5 * rows, random(3, 4), w=weight, r=rows
    )
    assert found.ops == ["MatMul", "Mul", "Mul"]


def test_norms_fold_inside_branches_and_loops(prepared: Make) -> None:
    weight, values = variable(3, 3, 4, 4), statistics(4)

    def call(x: tf.Tensor) -> tf.Tensor:
        if tf.reduce_sum(x) > 0:
            x = fused(tf.nn.conv2d(x, weight, 1, "SAME"), values)
        for _ in tf.range(2):
            x = fused(tf.nn.conv2d(x, weight, 1, "SAME"), values)
        return x

    found = prepared(call, np.abs(IMAGE), w=weight, v=values)
    assert found.body("cond_true") == ["BiasAdd", "Conv2D"]
    assert {"BiasAdd", "Conv2D"} <= set(found.body("while_body"))
    assert "FusedBatchNormV3" not in found.body("while_body")


def test_a_depthwise_layer_with_explicit_padding_keeps_its_norm(prepared: Make) -> None:
    """TensorFlow 2.21 ends the process on a fused bias behind it."""
    weight, values = variable(3, 3, 4, 1), statistics(4)

    def plain(x: tf.Tensor) -> tf.Tensor:
        y = tf.raw_ops.DepthwiseConv2dNative(
            input=x,
            filter=weight,
            strides=[1, 2, 2, 1],
            padding="EXPLICIT",
            explicit_paddings=[0, 0, 0, 1, 0, 1, 0, 0],
        )
        return fused(y, values)

    found = prepared(plain, IMAGE, w=weight, v=values)
    assert "FusedBatchNormV3" in found.ops
