"""Each form that a model is loaded from, converted whole, in plain TensorFlow again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import basic_pitch
import keras
import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.graph.graph import Kind, Precision

PITCH = Path(basic_pitch.__file__).parent / "saved_models" / "icassp_2022" / "nmp"
BF16, FP32 = Precision.BF16, Precision.FP32


def converted(model: Any, batch: Sequence[np.ndarray], path: Path) -> Any:
    """All ops low that have a kernel: the traced model and the folder."""
    traced = adapter.trace(model, tuple(batch), low=BF16, inputs=())
    ops = traced.graph.ops
    placement = {op.id: BF16 if op.kernel(BF16) else FP32 for op in ops}
    low = sum(
        op.flops for op in ops if op.kind is Kind.COMPUTE and placement[op.id] is BF16
    )
    assert low >= 0.9 * sum(op.flops for op in ops if op.kind is Kind.COMPUTE)
    traced.save(traced.apply(placement), path)
    return traced


def test_a_model_from_each_saved_model_computes_nearly_the_same(
    case: Any, tmp_path: Path
) -> None:
    model = adapter.load_saved_model(case.path)
    batch = case.given(model.signature)
    converted(model, batch, tmp_path / "m.bf16")
    found = tf.saved_model.load(str(tmp_path / "m.bf16")).signatures["serving_default"]
    made = found(**{name: tf.constant(value) for name, value in case.batch.items()})
    for name, expected in case.expected.items():
        assert made[name].dtype.as_numpy_dtype == expected.dtype
        error = np.linalg.norm(made[name].numpy() - expected)
        assert error <= 0.03 * np.linalg.norm(expected) + 1e-6


def test_basic_pitch_converts(tmp_path: Path) -> None:
    model = adapter.load_saved_model(PITCH)
    generator = np.random.default_rng(0)
    batch = (generator.normal(size=(1, 43844, 1)).astype(np.float32),)
    converted(model, batch, tmp_path / "m.bf16")
    found = adapter.load_saved(tmp_path / "m.bf16")(batch)
    for one, other in zip(found, model(batch), strict=True):
        assert np.abs(one - other).max() < 0.1
    old, new = (
        sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
        for folder in (PITCH, tmp_path / "m.bf16")
    )
    assert new <= 0.6 * old


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_keras_file_converts_with_its_norms_folded(
    suffix: str, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = keras.Input((8, 8, 4))
    y = x
    for convolve in (layers.Conv2D(4, 3, padding="same"), layers.DepthwiseConv2D(3, padding="same")):  # fmt: skip
        y = layers.ReLU()(layers.BatchNormalization()(convolve(y)))
    keras.Model(x, layers.Dense(3)(layers.Flatten()(layers.Add()([y, x])))).save(
        tmp_path / f"m{suffix}"
    )
    model = adapter.load_keras(tmp_path / f"m{suffix}")
    batch = (np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype(np.float32),)
    traced = converted(model, batch, tmp_path / "m.bf16")
    types = [op.type for op in traced.graph.ops if op.kind is not Kind.FIXED]
    assert sorted(set(types)) == sorted(
        {
            "AddV2",
            "BiasAdd",
            "Conv2D",
            "DepthwiseConv2dNative",
            "MatMul",
            "Relu",
            "Reshape",
        }
    )
    (one,), (other,) = adapter.load_saved(tmp_path / "m.bf16")(batch), model(batch)
    assert np.linalg.norm(one - other) < 0.03 * np.linalg.norm(other)
