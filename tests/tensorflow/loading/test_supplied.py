"""A model that is supplied: what is taken, what is said of what is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.common.errors import ModelError, ModelWarning
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.tensorflow import open_supplied

v1 = tf.compat.v1
BATCH = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
EXPECTED = np.maximum(BATCH @ WEIGHT, 0)
TAKES = "Give a SavedModel's folder, a frozen graph"


def graph() -> Any:
    with tf.Graph().as_default() as made:
        x = v1.placeholder(tf.float32, [None, 4], name="input")
        tf.nn.relu(tf.matmul(x, WEIGHT, name="op"), name="final")
    return made


class Module(tf.Module):
    def __init__(self) -> None:
        self.weight = tf.Variable(WEIGHT)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.nn.relu(x @ self.weight)}


MODULE = Module()
"""Its functions don't keep it."""


def model() -> keras.Model:
    made = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, "relu", use_bias=False)]
    )
    made.set_weights([WEIGHT])
    return made


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(3, "relu", use_bias=False)

    def call(self, image: Any, training: bool = False) -> Any:
        return self.dense(image)


def called() -> keras.Model:
    made = Own()
    made(BATCH)
    made.set_weights([WEIGHT])
    return made


def saved(folder: Path, **signatures: Any) -> Path:
    module = Module()
    functions = dict.fromkeys(signatures or {"serving_default": 0}, module.__call__)
    tf.saved_model.save(module, str(folder / "saved"), signatures=functions)
    return folder / "saved"


def frozen(folder: Path) -> Path:
    path = folder / "net.pb"
    path.write_bytes(graph().as_graph_def().SerializeToString())
    return path


def kept(folder: Path, ending: str) -> Path:
    model().save(folder / f"model{ending}")
    return folder / f"model{ending}"


SOURCES: dict[str, Callable[[Path], Any]] = {
    "folder": saved,
    "text": lambda folder: str(saved(folder)),
    "saved_model.pb": lambda folder: saved(folder) / "saved_model.pb",
    "only signature": lambda folder: saved(folder, score=1),
    "pb": frozen,
    "folder of a pb": lambda folder: frozen(folder).parent,
    "keras": lambda folder: kept(folder, ".keras"),
    "h5": lambda folder: kept(folder, ".h5"),
    "GraphDef": lambda folder: graph().as_graph_def(),
    "Graph": lambda folder: graph(),
    "concrete function": lambda folder: MODULE.__call__.get_concrete_function(),
    "loaded": lambda folder: tf.saved_model.load(str(saved(folder))),
    "loaded, only signature": lambda folder: tf.saved_model.load(
        str(saved(folder, score=1))
    ),
    "keras.Model": lambda folder: model(),
    "a class of one's own, called before": lambda folder: called(),
}


@pytest.mark.parametrize("case", SOURCES)
def test_paths_and_objects_are_one_model(case: str, tmp_path: Path) -> None:
    found = open_supplied(SOURCES[case](tmp_path))
    (output,) = adapter.predictor(found)((BATCH,))
    np.testing.assert_allclose(output, EXPECTED, rtol=1e-5)
    frozen = found.freeze()
    assert len(frozen.inputs) == len(frozen.outputs) == 1


def test_a_signature_is_chosen(tmp_path: Path) -> None:
    path = saved(tmp_path, score=1, other=2)
    for source in (path, tf.saved_model.load(str(path))):
        assert open_supplied(source, signature="other").signature.key == "other"
        with pytest.raises(ModelError, match="has no signature serving_default"):
            open_supplied(source)


def test_ends_of_a_graph_are_named_or_found() -> None:
    found = open_supplied(graph(), inputs=["input"], outputs=["op", "final:0"])
    assert [each.tensor for each in found.signature.inputs] == ["input"]
    assert [each.tensor for each in found.signature.outputs] == ["op", "final"]


def test_an_output_that_does_not_exist_is_left_out_beside_one_that_does() -> None:
    """As Neural Compressor's users have it: `final, test`."""
    with pytest.warns(ModelWarning, match="no node test, which the outputs name"):
        found = open_supplied(graph(), outputs=["final", "test"])
    assert [each.tensor for each in found.signature.outputs] == ["final"]
    with pytest.raises(ModelError, match="no node test"):
        open_supplied(graph(), outputs=["test"])


def test_the_users_objects_stay_as_they_are() -> None:
    definition, held, own = graph().as_graph_def(), graph(), model()
    before = graph().as_graph_def()
    for source in (definition, held, own):
        open_supplied(source, outputs=()).freeze()
    assert definition == before
    assert held.as_graph_def() == before
    np.testing.assert_array_equal(own.get_weights()[0], WEIGHT)


def unfrozen() -> Any:
    with tf.Graph().as_default() as made:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        tf.matmul(x, v1.get_variable("w", [4, 3]), name="y")
    return made


def python() -> Any:
    with tf.Graph().as_default() as made:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        tf.numpy_function(np.tanh, [x], tf.float32, name="own")
    return made


def two(folder: Path) -> Path:
    frozen(folder).rename(folder / "b.pb")
    return frozen(folder).parent


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda folder: folder / "none.pb", "does not exist"),
    "empty folder": (lambda folder: folder, "has no saved_model.pb"),
    "two graphs": (two, "2 models: b.pb, net.pb"),
    "checkpoint": (
        lambda folder: written(folder / "model.ckpt"),
        "no file that is known",
    ),
    "class": (lambda folder: keras.Model, "a class, Model"),
    "number": (lambda folder: 7, "a builtins.int"),
    "variables": (lambda folder: unfrozen(), "is not frozen: w is a variable"),
    "Python": (lambda folder: python(), "PyFunc"),
    "no signatures": (lambda folder: loaded_without(folder), "has no signatures"),
}


def written(path: Path) -> Path:
    path.write_bytes(b"\0")
    return path


def loaded_without(folder: Path) -> Any:
    tf.saved_model.save(tf.Module(), str(folder / "saved"))
    return tf.saved_model.load(str(folder / "saved"))


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_model_is_told(case: str, tmp_path: Path) -> None:
    make, message = REFUSED[case]
    with pytest.raises(ModelError, match=message) as caught:
        open_supplied(make(tmp_path))
    assert caught.value.remedy
    if case in ("missing", "checkpoint", "class", "number"):
        assert TAKES in caught.value.remedy
