"""All signatures are converted: what they compute alike is one graph, weights are one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.tensorflow.preparation.prepare import prepare
from narrowcast.runtime.graph.graph import Precision

BF16 = Precision.BF16


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

    @tf.function(input_signature=[tf.TensorSpec([None, 256], name="z")])
    def back(self, z: Any) -> Any:
        return {"x": tf.matmul(tf.nn.tanh(z / 8.0), self.w, transpose_b=True) / 16.0}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="line")])
    def texts(self, line: Any) -> Any:
        values = tf.strings.to_number(tf.strings.split(line).to_tensor("0"))
        return {"y": tf.matmul(tf.ensure_shape(values, [None, 64]), self.w)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    net, path = Net(), tmp_path / "net"
    signatures = {
        "serving_default": net.one,
        "same": net.same,
        "more": net.more,
        "back": net.back,
        "texts": net.texts,
    }
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
    assert [e.tensor for e in more.inputs] == [e.tensor for e in first.inputs]
    products = [n for n in frozen.graph_def.node if n.op == "MatMul"]
    assert len(products) == 3  # one for three signatures, `back`, `texts`


def size_of(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def test_all_of_them_are_called_as_before(
    folder: Path, all_low: Any, tmp_path: Path
) -> None:
    make = np.random.default_rng(1).standard_normal
    batch = tf.constant(make((3, 64)), tf.float32)
    loaded = adapter.load_saved_model(folder)
    program = adapter.trace(loaded, (batch,), low=BF16, inputs=())
    made = program.save(program.apply(all_low(program)), tmp_path / "net.bf16")
    before, after = tf.saved_model.load(str(folder)), tf.saved_model.load(str(made))
    assert set(after.signatures) == set(before.signatures)
    values = {
        "serving_default": {"x": batch},
        "same": {"image": batch},
        "more": {"x": batch},
        "back": {"z": tf.constant(make((3, 256)), tf.float32)},
        "texts": {"line": tf.constant([" ".join(["0.5"] * 64)])},
    }
    for key, given in values.items():
        expected = before.signatures[key](**given)
        outputs = after.signatures[key](**given)
        assert outputs.keys() == expected.keys()
        for each, value in expected.items():
            assert outputs[each].dtype == value.dtype
            error = np.linalg.norm(outputs[each] - value) / np.linalg.norm(value)
            assert (error < 1e-6) == (key == "texts")  # which can't be run to be judged
            assert error < 2**-7


def test_what_was_not_judged_or_converted_is_said(folder: Path, all_low: Any) -> None:
    batch = tf.zeros((3, 64)) + 0.3
    program = adapter.trace(adapter.load_saved_model(folder), (batch,), low=BF16)
    counted = {op.id: op.flops for op in program.graph.ops if op.type == "MatMul"}
    assert sorted(counted.values()) == [2 * 3 * 64 * 256] * 2  # not those of `texts`
    program.apply(all_low(program))
    notes = {note.split(":")[0].split()[1]: note for note in program.notes}
    assert notes.keys() == {"more", "back", "texts"}
    assert "stays fp32" in notes["texts"]
    assert "text" in notes["texts"]
    for key in ("more", "back"):
        assert "any evaluation is of serving_default" in notes[key]


def test_a_loop_that_keras_writes_twice_is_one(tmp_path: Path, all_low: Any) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 8), name="seq")
    net = keras.Model(x, keras.layers.Dense(3)(keras.layers.LSTM(64)(x)))
    net.export(str(tmp_path / "net"), verbose=False)
    before = tf.saved_model.load(str(tmp_path / "net"))
    assert set(before.signatures) == {"serve", "serving_default"}
    batch = np.random.default_rng(0).normal(size=(4, 6, 8)).astype(np.float32)
    program = adapter.trace(
        adapter.load_saved_model(tmp_path / "net"), (batch,), low=BF16
    )
    assert program.notes == ()
    made = program.save(program.apply(all_low(program)), tmp_path / "net.bf16")
    after = tf.saved_model.load(str(made))
    expected = net(batch).numpy()
    for key, signature in after.signatures.items():
        (name,) = signature.structured_input_signature[1]
        found = next(iter(signature(**{name: tf.constant(batch)}).values())).numpy()
        error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        assert 1e-5 < error < 0.02, key
    fp32 = sum(4 * int(np.prod(each.shape)) for each in net.weights)
    assert size_of(made) < 0.75 * fp32


class Streams(tf.Module):
    """Two signatures that write one state, and one that clears it."""

    def __init__(self) -> None:
        super().__init__()
        make = np.random.default_rng(0).normal
        self.w = tf.Variable(make(size=(4, 4)).astype(np.float32) / 2)
        self.h = tf.Variable(np.ones((2, 4), np.float32))

    @tf.function(input_signature=[tf.TensorSpec([2, 4], name="x")])
    def step(self, x: Any) -> Any:
        self.h.assign(tf.tanh(x + self.h @ self.w))
        return {"h": tf.identity(self.h)}

    @tf.function(input_signature=[tf.TensorSpec([2, 4], name="x")])
    def double(self, x: Any) -> Any:
        self.h.assign(tf.tanh(x * 2.0 + self.h @ self.w))
        return {"h": tf.identity(self.h) @ self.w}

    @tf.function(input_signature=[])
    def clear(self) -> Any:
        self.h.assign(tf.zeros_like(self.h))
        return {"done": tf.constant(1.0)}


def test_signatures_share_their_state_and_are_judged_from_its_start(
    tmp_path: Path, all_low: Any
) -> None:
    net = Streams()
    signatures = {
        "serving_default": net.step,
        "clear": net.clear,
        "double": net.double,
    }
    tf.saved_model.save(net, str(tmp_path / "net"), signatures)
    x = np.random.default_rng(2).normal(size=(2, 4)).astype(np.float32)
    loaded = adapter.load_saved_model(tmp_path / "net")
    program = adapter.trace(loaded, (x,), low=BF16)
    made = program.save(program.apply(all_low(program)), tmp_path / "net.bf16")
    assert not any("stays fp32" in note for note in program.notes)
    found = []
    for path in (tmp_path / "net", made):
        serve = tf.saved_model.load(str(path)).signatures
        found.append(
            [
                serve["serving_default"](x=tf.constant(x))["h"].numpy(),
                serve["double"](x=tf.constant(x))["h"].numpy(),
                serve["clear"]()["done"].numpy(),
                serve["serving_default"](x=tf.constant(x))["h"].numpy(),
            ]
        )
    for expected, value in zip(*found, strict=True):
        np.testing.assert_allclose(value, expected, rtol=0.03, atol=0.03)
