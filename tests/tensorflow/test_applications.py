"""Networks of keras.applications: nearly all FLOPs low, the file little over half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import basic_pitch
import keras
import numpy as np
import pytest

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.graph.graph import Kind, Precision
from narrowcast.runtime.placement import low_compute

BF16 = Precision.BF16
PITCH = Path(basic_pitch.__file__).parent / "saved_models/icassp_2022/nmp"


@pytest.mark.parametrize("name", ["ResNet50", "MobileNetV2", "EfficientNetB0"])
def test_low_compute_converts_nearly_all(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3))
    model.export(tmp_path / "fp32", verbose=False)
    batch = (np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype(np.float32),)
    loaded = adapter.load_saved_model(tmp_path / "fp32")
    program = adapter.trace(loaded, batch, low=BF16)
    placement = low_compute(program.graph, BF16, frozenset()).placement
    compute = [op for op in program.graph.ops if op.kind is Kind.COMPUTE]
    low = sum(op.flops for op in compute if placement[op.id] is BF16)
    assert low >= 0.9 * sum(op.flops for op in compute)
    norms = {"BatchNormalization", "FusedBatchNormV3", "Rsqrt"}
    assert not norms & {op.type for op in program.graph.ops}
    path = program.save(program.apply(placement), tmp_path / "bf16")
    weights = 4 * model.count_params()
    assert _size(path) <= 0.60 * weights
    assert _size(path) <= 0.60 * _size(tmp_path / "fp32")
    found = adapter.load_saved(path)(batch)
    assert relative_error(loaded(batch)[0], found[0]) < 0.05


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def test_basic_pitch_converts(tmp_path: Path) -> None:
    """A SavedModel that plain loading refuses, of an older TensorFlow."""
    loaded = adapter.load_saved_model(PITCH)
    (taken,) = loaded.signature.inputs
    size = int(taken.shape[1] or 0) if taken.shape else 0
    wave: Any = np.sin(np.arange(size, dtype=np.float32) / 7)[None, :, None]
    program = adapter.trace(loaded, (wave,), low=BF16)
    placement = low_compute(program.graph, BF16, frozenset()).placement
    compute = [op for op in program.graph.ops if op.kind is Kind.COMPUTE]
    low = sum(op.flops for op in compute if placement[op.id] is BF16)
    assert low >= 0.9 * sum(op.flops for op in compute)
    path = program.save(program.apply(placement), tmp_path / "bf16")
    found = adapter.load_saved(path)((wave,))
    for reference, value in zip(loaded((wave,)), found, strict=True):
        assert reference.shape == value.shape
        assert relative_error(reference, value) < 0.25  # it takes logarithms
