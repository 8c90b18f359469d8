"""Signatures that compute the same share one graph; another keeps its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.tensorflow.preparation.prepare import prepare
from narrowcast.runtime.graph.graph import Precision


class Net(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        values = np.random.default_rng(0).standard_normal((64, 256))
        self.w = tf.Variable(values.astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 64], name="x")])
    def one(self, x: Any) -> Any:
        return {"y": tf.nn.relu(tf.matmul(x, self.w))}

    @tf.function(input_signature=[tf.TensorSpec([None, 64], name="image")])
    def same(self, image: Any) -> Any:
        return {"other": tf.nn.relu(tf.matmul(image, self.w))}

    @tf.function(input_signature=[tf.TensorSpec([None, 64], name="x")])
    def more(self, x: Any) -> Any:
        return {"y": tf.nn.relu(tf.matmul(x, self.w)) + 1.0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    net, path = Net(), tmp_path / "net"
    signatures = {"serving_default": net.one, "same": net.same, "more": net.more}
    tf.saved_model.save(net, str(path), signatures)
    return path


def test_what_is_alike_is_one_graph_and_what_differs_is_not(folder: Path) -> None:
    frozen = prepare(adapter.load_saved_model(folder).freeze())
    found = {each.key: each for each in frozen.signatures}
    first, same, more = (found[k] for k in ("serving_default", "same", "more"))
    assert [e.tensor for e in same.inputs] == [e.tensor for e in first.inputs]
    assert [e.tensor for e in same.outputs] == [e.tensor for e in first.outputs]
    assert [e.name for e in (*same.inputs, *same.outputs)] == ["image", "other"]
    assert more.outputs[0].tensor != first.outputs[0].tensor
    products = [n for n in frozen.graph_def.node if n.op == "MatMul"]
    assert len(products) == 2


def test_all_of_them_are_called_as_before(
    folder: Path, all_low: Any, tmp_path: Path
) -> None:
    batch = tf.constant(np.random.default_rng(1).standard_normal((3, 64)), tf.float32)
    loaded = adapter.load_saved_model(folder)
    program = adapter.trace(loaded, (batch,), low=Precision.BF16, inputs=())
    made = program.save(program.apply(all_low(program)), tmp_path / "net.bf16")
    before, after = tf.saved_model.load(str(folder)), tf.saved_model.load(str(made))
    assert set(after.signatures) == set(before.signatures)
    for key, name in (("serving_default", "x"), ("same", "image"), ("more", "x")):
        expected = before.signatures[key](**{name: batch})
        outputs = after.signatures[key](**{name: batch})
        assert outputs.keys() == expected.keys()
        for each, value in expected.items():
            assert outputs[each].dtype == value.dtype
            error = np.linalg.norm(outputs[each] - value) / np.linalg.norm(value)
            assert (error < 1e-6) == (key == "more")
            assert error < 2**-7
