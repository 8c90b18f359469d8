"""Keras models out of files and factories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.inputs import Input

layers = keras.layers


def image_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input((8, 8, 3), name="image")
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, name="first")(x))
    y = layers.GlobalAveragePooling2D()(layers.ReLU()(y))
    return keras.Model(x, layers.Dense(2, name="head")(layers.Dropout(0.5)(y)))


def two_ends() -> keras.Model:
    keras.utils.set_random_seed(0)
    b, a = keras.Input((3,), name="b"), keras.Input((4,), name="a")
    joined = layers.Concatenate()([layers.Dense(3)(b), a])
    return keras.Model([b, a], [layers.Dense(2)(joined), joined])


def dicts() -> keras.Model:
    keras.utils.set_random_seed(0)
    p, q = keras.Input((3,), name="p"), keras.Input((3,), name="q")
    return keras.Model({"q": q, "p": p}, {"z": p - 2 * q, "a": layers.Dense(2)(q)})


def recurrent() -> keras.Model:
    keras.utils.set_random_seed(0)
    made = [keras.Input((5, 3)), layers.LSTM(4, return_sequences=True), layers.GRU(2)]
    return keras.Sequential(made)


def words() -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input((2,), dtype="string", name="words")
    ids = layers.StringLookup(vocabulary=["cat", "dog"])(x)
    return keras.Model(x, layers.Embedding(4, 3)(ids))


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3)
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x: Any) -> Any:
        self.calls.assign_add(1.0)
        return self.dense(x) + self.calls


MODELS: dict[str, Callable[[], keras.Model]] = {
    "image": image_model,
    "two ends": two_ends,
    "dicts": dicts,
    "recurrent": recurrent,
    "words": words,
}


def batch_for(model: keras.Model) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(0)
    if model.inputs[0].dtype == "string":
        return (np.array([["cat", "eel"], ["dog", "cat"]], object),)
    shapes = [(2, *each.shape[1:]) for each in model.inputs]
    return tuple(generator.normal(size=s).astype(np.float32) for s in shapes)


def close(found: Any, expected: Any) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_computes_what_keras_predicts(
    name: str, run: Callable[..., Any]
) -> None:
    made = MODELS[name]()
    batch = batch_for(made)
    inputs: Any = list(batch) if len(batch) > 1 else batch[0]
    if name == "dicts":
        names = [each.name for each in made.inputs]
        inputs = dict(zip(names, batch, strict=True))
    if name == "words":
        inputs = tf.constant(batch[0])
    expected = made.predict(inputs, verbose=0)
    if isinstance(expected, dict):
        expected = [expected[key] for key in sorted(expected)]
    expected = expected if isinstance(expected, list) else [expected]
    model = adapter.keras_model(made)
    close(model(batch), expected)
    close(run(model.freeze(), batch), expected)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", ["image", "two ends", "recurrent"])
def test_saved_models_open_again(name: str, suffix: str, tmp_path: Path) -> None:
    made = MODELS[name]()
    made.save(tmp_path / f"m{suffix}")
    batch = batch_for(made)
    model = adapter.load_keras(tmp_path / f"m{suffix}")
    close(model(batch), adapter.keras_model(made)(batch))


def test_a_vocabulary_inside_the_file_is_taken(tmp_path: Path) -> None:
    made = words()
    made.save(tmp_path / "m.keras")
    model = adapter.load_keras(tmp_path / "m.keras")
    close(model(batch_for(made)), adapter.keras_model(made)(batch_for(made)))


def test_names_are_those_of_the_model() -> None:
    signature = adapter.keras_model(two_ends()).freeze().signatures[0]
    assert [each.name for each in signature.inputs] == ["b", "a"]
    assert [each.name for each in signature.outputs] == ["output_0", "output_1"]
    named = adapter.keras_model(dicts()).freeze().signatures[0]
    assert [each.name for each in named.outputs] == ["a", "z"]
    assert adapter.signature(adapter.keras_model(image_model())) == (
        Input("image", ("batch", 8, 8, 3), "float32"),
    )


def test_nodes_have_the_layers_names() -> None:
    graph_def = adapter.keras_model(image_model()).freeze().graph_def
    names = [node.name for node in graph_def.node if node.op == "Conv2D"]
    assert len(names) == 1
    assert "first" in names[0]


def test_weights_go_into_a_factorys_model(tmp_path: Path) -> None:
    trained, fresh = image_model(), image_model()
    trained.set_weights([w + 1 for w in trained.get_weights()])
    trained.save_weights(tmp_path / "m.weights.h5")
    adapter.load_keras_weights(fresh, tmp_path / "m.weights.h5")
    batch = batch_for(trained)
    close(adapter.keras_model(fresh)(batch), adapter.keras_model(trained)(batch))
    with pytest.raises(ModelError, match="does not fit"):
        adapter.load_keras_weights(two_ends(), tmp_path / "m.weights.h5")


def test_a_class_of_ones_own_needs_its_inputs_declared(run: Callable[..., Any]) -> None:
    own = Own()
    with pytest.raises(ModelError, match=r"model\.inputs"):
        adapter.keras_model(own)
    model = adapter.keras_model(own, [Input("x", ("batch", 4), "float32")])
    batch = (np.ones((2, 4), np.float32),)
    model.restart()
    first = model(batch)
    close(model(batch), [first[0] + 1])
    close(run(model.freeze(), batch), first)


def test_what_is_no_model_is_said() -> None:
    with pytest.raises(ModelError, match="no Keras"):
        adapter.keras_model([layers.Dense(3)])


def test_inputs_that_do_not_fit_are_the_datas(tmp_path: Path) -> None:
    model = adapter.keras_model(image_model())
    with pytest.raises(DataError, match="fails on the data"):
        model((np.ones((2, 8, 8, 4), np.float32),))
    with pytest.raises(DataError, match="takes 1 inputs"):
        model(())


def test_outputs_are_selected_by_name(tmp_path: Path, run: Any) -> None:
    """By the names that an export gives them, and by Keras' own."""
    x = keras.Input((4,), name="x")
    parts = [keras.layers.Dense(k, name=f"head_{k}")(x) for k in (1, 2, 3)]
    net = keras.Model(x, parts)
    net.save(tmp_path / "m.keras")
    batch = (np.ones((1, 4), np.float32),)
    for names, widths in ((("head_2",), (2,)), (("output_2", "output_0"), (3, 1))):
        for model in (
            adapter.load_keras(tmp_path / "m.keras", outputs=names),
            adapter.keras_model(net, outputs=names),
        ):
            for found in (model(batch), run(model.freeze(), batch)):
                assert tuple(each.shape[1] for each in found) == widths
    with pytest.raises(ModelError, match="no output head_4"):
        adapter.keras_model(net, outputs=["head_4"])
