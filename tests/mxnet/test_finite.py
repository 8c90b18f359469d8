"""What is finite in fp32 on any row is finite in what is saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical
from narrowcast.runtime.graph.graph import Precision

S = mx.sym
LOWEST = float(np.finfo(np.float32).min)
RANDOM = np.random.default_rng(3)
Mask = Callable[[Any, Any, Any], Any]

MASKS: dict[str, Mask] = {
    "scalar": lambda x, mask, _: x + (1.0 - mask) * LOWEST,
    "difference": lambda x, mask, _: S.broadcast_minimum(x, mask * -LOWEST + LOWEST),
    "parameter": lambda x, mask, _: x + S.broadcast_mul(1.0 - mask, S.var("lowest")),
    "chosen": lambda x, mask, _: S.where(mask > 0.5, x, S.ones_like(x) * LOWEST),
    "full": lambda x, mask, _: S.where(mask > 0.5, x, S.full((4, 6), LOWEST)),
    "table": lambda x, mask, _: (
        x + S.reshape(S.take(S.var("table"), mask), shape=(0, 0))
    ),
    "sequence": lambda x, _, length: S.transpose(
        S.SequenceMask(S.transpose(x), length, use_sequence_length=True, value=-3.4e38)
    ),
    "bounded": lambda x, mask, _: S.clip(x, LOWEST, -LOWEST) * mask,
    "hot": lambda x, mask, _: (
        x
        + S.max(S.one_hot(mask, depth=1, on_value=LOWEST, off_value=0.0) * 1.0, axis=2)
    ),
    "padded": lambda x, mask, _: S.reshape(
        S.Pooling(
            S.pad(
                S.reshape(x * mask, shape=(0, 1, 2, 3)),
                mode="constant",
                pad_width=(0, 0, 0, 0, 1, 1, 1, 1),
                constant_value=LOWEST,
            ),
            kernel=(3, 3),
            pool_type="max",
        ),
        shape=(0, -1),
    ),
    "kept": lambda x, mask, _: x + S.cumsum((1.0 - mask) * LOWEST, axis=1) * 0.5,
}


@pytest.fixture(scope="module")
def masked() -> Any:
    """A softmax behind each mask, and the values that they take."""
    x, mask, length = S.var("x"), S.var("mask"), S.var("length")
    outputs = []
    for name, build in MASKS.items():
        layer = S.FullyConnected(x, num_hidden=6, no_bias=True, name=f"{name}_fc")
        outputs.append(S.softmax(build(layer, mask, length), name=name))
    values = {
        f"{name}_fc_weight": RANDOM.standard_normal((6, 6), np.float32)
        for name in MASKS
    }
    values["lowest"] = np.full((1, 6), LOWEST, np.float32)
    values["table"] = np.array([[LOWEST], [0.0]], np.float32)
    return canonical(S.Group(outputs), values)


def _batch(masked_rows: bool) -> tuple[Any, ...]:
    """Rows masked in part and as a whole, or nothing masked."""
    x = np.random.default_rng(4).standard_normal((4, 6), np.float32)
    mask, length = np.ones((4, 6), np.float32), np.full(4, 6, np.float32)
    if masked_rows:
        mask[1], mask[2, 3:] = 0.0, 0.0
        length[1:3] = 0, 3
    return x, mask, length


def test_masks_that_calibration_never_saw_stay_finite(
    masked: Any, tools: Any, tmp_path: Path
) -> None:
    names = [masked.nodes[index].name for index in masked.inputs]
    order = [names.index(name) for name in ("x", "mask", "length")]
    assert order == [0, 1, 2]
    for seen in (False, True):
        program = tools.trace(masked, *_batch(seen))
        placement = tools.all_low(program)
        assert sum(each is Precision.BF16 for each in placement.values()) > 20
        path = program.save(program.apply(placement), tmp_path / "net-symbol.json")
        found = adapter.load_saved(path)(_batch(True))
        expected = adapter.predictor(masked)(_batch(True))
        for name, one, other in zip(MASKS, expected, found, strict=True):
            assert np.isfinite(one).all(), name
            assert np.isfinite(other).all(), name
            np.testing.assert_allclose(other, one, atol=0.02, err_msg=name)


def test_fp32_as_it_is_keeps_its_numbers(masked: Any, tools: Any) -> None:
    program = tools.trace(masked, *_batch(False))
    made = program.apply(tools.all_fp32(program))
    assert made.parameters["lowest"].min() == np.float32(LOWEST)
    expected, found = (adapter.predictor(each)(_batch(True)) for each in (masked, made))
    assert tools.error(expected, found) < 1e-6
