"""Weights beyond what a GraphDef can hold stay variables, cast in the checkpoint.

The limit is lowered here; 2 GB would take minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.tensorflow.ir.frozen import Frozen, Signature
from narrowcast.runtime.frameworks.tensorflow.opening.freeze import frozen
from narrowcast.runtime.graph.graph import Precision

BF16 = Precision.BF16
BATCH = (np.random.default_rng(0).normal(size=(2, 160)).astype(np.float32),)


class Wide(tf.Module):
    """Two large layers; the second's weight is read by both precisions."""

    def __init__(self) -> None:
        super().__init__()
        values = np.random.default_rng(1).normal(size=(2, 160, 160)).astype(np.float32)
        self.first, self.second = (tf.Variable(value / 12) for value in values)

    @tf.function(input_signature=[tf.TensorSpec((None, 160), tf.float32)])
    def serve(self, x: Any) -> Any:
        x = tf.nn.tanh(tf.matmul(x, self.first, name="one"))
        return {"y": tf.matmul(tf.matmul(x, self.second, name="two"), self.second)}


@dataclass(frozen=True)
class Large:
    """A loaded model that freezes as if a GraphDef could hold next to nothing."""

    model: Any

    @property
    def signature(self) -> Signature:
        found: Signature = self.model.signature
        return found

    def __call__(self, inputs: Any, /) -> Any:
        return self.model(inputs)

    def freeze(self) -> Frozen:
        return frozen(self.model, largest=100)


def program_of(tmp_path: Path) -> tuple[Large, Any]:
    module = Wide()
    tf.saved_model.save(
        module, str(tmp_path / "in"), signatures={"serving_default": module.serve}
    )
    large = Large(adapter.load_saved_model(tmp_path / "in"))
    assert large.freeze().weights
    return large, adapter.trace(large, BATCH, low=BF16)


def test_large_weights_are_cast_in_the_checkpoint(tmp_path: Path) -> None:
    large, program = program_of(tmp_path)
    low = {
        op.id: BF16 if op.kernel(BF16) and op.id != "two" else Precision.FP32
        for op in program.graph.ops
    }
    converted = program.apply(low)
    paths = [program.save(converted, tmp_path / name) for name in ("a", "b")]
    expected = large(BATCH)
    in_memory = adapter.predictor(converted)(BATCH)
    assert 1e-4 < relative_error(expected[0], in_memory[0]) < 2e-2
    np.testing.assert_array_equal(adapter.load_saved(paths[0])(BATCH)[0], in_memory[0])
    stored = tf.train.load_checkpoint(str(paths[0] / "variables/variables"))
    types = sorted(d.name for d in stored.get_variable_to_dtype_map().values())
    assert types == ["bfloat16", "bfloat16", "float32"]
    assert (paths[0] / "saved_model.pb").stat().st_size < 160 * 160
    for file in sorted(p for p in paths[0].rglob("*") if p.is_file()):
        other = paths[1] / file.relative_to(paths[0])
        assert file.read_bytes() == other.read_bytes()


def test_plain_tensorflow_restores_them(tmp_path: Path) -> None:
    _large, program = program_of(tmp_path)
    low = {
        op.id: BF16 if op.kernel(BF16) else Precision.FP32 for op in program.graph.ops
    }
    converted = program.apply(low)
    path = program.save(converted, tmp_path / "out")
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    (key,) = serve.structured_input_signature[1]
    found = serve(**{key: tf.constant(BATCH[0])})["y"].numpy()
    np.testing.assert_array_equal(found, adapter.predictor(converted)(BATCH)[0])


def test_errors_see_weights_as_constants(tmp_path: Path) -> None:
    _large, program = program_of(tmp_path)
    products = [op for op in program.graph.ops if op.type == "MatMul"]
    for op in products:
        assert program.graph.tensors[str(op.inputs[1].tensor)].constant
    assert all(1e-4 < program.error(BF16, (op.id,)) < 1e-2 for op in products)
