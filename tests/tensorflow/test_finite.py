"""What is finite in fp32 stays finite in 16 bits, on rows that no batch had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import placements
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.graph.graph import Precision

LOWEST = float(np.finfo(np.float32).min)
LARGE = 40.0
"""What scores reach: more than fp16 absorbs at its end."""
MAKE = np.random.default_rng(0).normal
Q, K, V = (MAKE(size=(16, 16)).astype(np.float32) / 4 for _ in range(3))


def attend(x: Any, bias: Callable[[Any], Any]) -> Any:
    scores = tf.matmul(x @ Q, x @ K, transpose_b=True) * LARGE
    return tf.nn.softmax(bias(scores)) @ (x @ V)


def as_float(mask: Any) -> Any:
    return tf.cast(mask, tf.float32)[:, None, :]


def product(x: Any, mask: Any) -> Any:
    return attend(x, lambda s: s + (1.0 - as_float(mask)) * LOWEST)


def large_product(x: Any, mask: Any) -> Any:
    return attend(x, lambda s: s + (1.0 - as_float(mask)) * -1e9)


def subtracted(x: Any, mask: Any) -> Any:
    return attend(x, lambda s: s - (1.0 - as_float(mask)) * 1e9)


def chosen(x: Any, mask: Any) -> Any:
    return attend(x, lambda s: tf.where(as_float(mask) > 0, s, LOWEST))


def bias_of_two(x: Any, mask: Any) -> Any:
    bias = tf.where(as_float(mask) > 0, 0.0, -1e9)
    return attend(x, lambda s: tf.reshape(s + tf.reshape(bias, [-1, 1, 6]), [-1, 6, 6]))


def twice(x: Any, mask: Any) -> Any:
    """Two masks: fp32 holds the sum of both, and fp16's end does not."""
    bias = (1.0 - as_float(mask)) * -1e9
    causal = tf.where(tf.range(6)[:, None] >= tf.range(6), 0.0, -1e9)
    return attend(x, lambda s: s + bias + causal)


def padded(x: Any, mask: Any) -> Any:
    rows = tf.pad(x @ Q, [[0, 0], [0, 1], [0, 0]], constant_values=LOWEST)
    rows = tf.where(tf.reduce_sum(as_float(mask)) > 1.0, x @ Q, rows[:, 1:])
    return (
        tf.nn.sigmoid(tf.clip_by_value(tf.maximum(rows, LOWEST), LOWEST, -LOWEST)) @ V
    )


def in_branch(x: Any, mask: Any) -> Any:
    return tf.cond(
        tf.reduce_sum(x) < 1e9,
        lambda: large_product(x, mask),
        lambda: product(x, mask) * 2.0,
    )


def divided(x: Any, mask: Any) -> Any:
    """A small number keeps rows of zeros from being divided by zero."""
    rows = (x @ Q) * tf.transpose(as_float(mask), [0, 2, 1])
    norm = tf.sqrt(tf.reduce_sum(rows * rows, -1, keepdims=True))
    return (rows / tf.maximum(norm, 1e-12) + rows / (norm + 1e-9)) @ V


CASES = (
    product,
    large_product,
    subtracted,
    chosen,
    bias_of_two,
    twice,
    padded,
    in_branch,
    divided,
)
ROUNDING = (large_product, subtracted, bias_of_two, twice, in_branch)
X = MAKE(size=(4, 6, 16)).astype(np.float32)
SEEN = np.ones((4, 6), np.int32)
UNSEEN = SEEN.copy()
UNSEEN[1], UNSEEN[2, 3:] = 0, 0


def converted(
    function: Any, low: Precision, tmp_path: Path, freeze: Any, batch: Any = (X, SEEN)
) -> tuple[Any, Any]:
    program = adapter.trace(freeze(function, batch), batch, low=low)
    model = program.apply(placements.all_low(program, low))
    products = [op for op in program.graph.ops if op.type.startswith("BatchMatMul")]
    assert all(op.kernel(low) for op in products)
    return program, adapter.load_saved(program.save(model, tmp_path / "out"))


@pytest.mark.parametrize("low", [Precision.BF16, Precision.FP16])
@pytest.mark.parametrize("function", CASES)
def test_rows_that_the_batch_does_not_have(
    function: Any, low: Precision, tmp_path: Path, freeze: Any
) -> None:
    _program, predict = converted(function, low, tmp_path, freeze)
    for mask in (SEEN, UNSEEN):
        expected = np.asarray(function(X, mask))
        assert np.isfinite(expected).all()
        (found,) = predict((X, mask))
        assert np.isfinite(found).all()
        # At -1e9 fp32 itself rounds scores to multiples of 64: what a row that is
        # masked in full makes of them is noise.
        rows = mask.any(1) if function in ROUNDING else slice(None)
        off = np.linalg.norm((found - expected)[rows])
        most = 0.25 if low is Precision.BF16 else 0.04
        assert off < most * np.linalg.norm(expected[rows])


@pytest.mark.parametrize("low", [Precision.BF16, Precision.FP16])
def test_a_mask_that_comes_in_as_floats(
    low: Precision, tmp_path: Path, freeze: Any
) -> None:
    def model(x: Any, bias: Any) -> Any:
        return attend(x, lambda s: s + bias[:, None, :])

    seen = np.zeros((4, 6), np.float32)
    _program, predict = converted(model, low, tmp_path, freeze, (X, seen))
    unseen = np.where(UNSEEN, 0.0, LOWEST).astype(np.float32)
    (found,) = predict((X, unseen))
    expected = np.asarray(model(X, unseen))
    assert np.isfinite(expected).all()
    assert np.isfinite(found).all()
    assert np.linalg.norm(found - expected) < 0.25 * np.linalg.norm(expected)


@pytest.mark.parametrize("low", [Precision.BF16, Precision.FP16])
def test_keras_attention_with_a_row_that_sees_nothing(
    low: Precision, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 16), name="x")
    mask = keras.Input((6, 6), dtype="bool", name="mask")
    y = keras.layers.MultiHeadAttention(2, 8)(x, x, attention_mask=mask)
    net = keras.Model([x, mask], keras.layers.LayerNormalization()(y + x))
    batch = (X, np.ones((4, 6, 6), bool))
    program = adapter.trace(adapter.keras_model(net), batch, low=low)
    made = program.apply(placements.all_low(program, low))
    predict = adapter.load_saved(program.save(made, tmp_path / "out"))
    unseen = batch[1].copy()
    unseen[1], unseen[2, :, 3:] = False, False
    expected, (found,) = net([X, unseen]).numpy(), predict((X, unseen))
    assert np.isfinite(expected).all()
    assert np.isfinite(found).all()
    assert np.linalg.norm(found - expected) < 0.05 * np.linalg.norm(expected)
