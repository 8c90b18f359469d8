"""Inputs that are no plain tensors of numbers: text, what is ragged, constants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.data.supplied.loaders import loader
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.record.sources import Sources
from narrowcast.runtime.run.slots.fed import Fed
from narrowcast.runtime.run.slots.filling import filled
from narrowcast.runtime.run.slots.slots import Slots

WORDS = ["red", "Grün", "blue"]


class Lookup(tf.Module):
    """A table of words, and a number that scales."""

    def __init__(self) -> None:
        keys, places = tf.constant(["red", "grün"]), tf.constant([0, 1], tf.int64)
        rows = tf.lookup.KeyValueTensorInitializer(keys, places)
        self.table = tf.lookup.StaticHashTable(rows, 2)
        values = np.random.default_rng(0).standard_normal((3, 16, 3))
        self.rows = tf.Variable(values[:, :, 0].astype(np.float32))
        self.last = tf.Variable(values[0].astype(np.float32))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="word"),
            tf.TensorSpec([], tf.float32, name="scale"),
        ]
    )
    def words(self, word: Any, scale: Any) -> Any:
        lower = tf.strings.lower(word, encoding="utf-8")
        return {"y": scale * tf.gather(self.rows, self.table.lookup(lower)) @ self.last}

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def bags(self, ids: Any) -> Any:
        return {"y": tf.reduce_mean(tf.gather(self.rows, ids), 1) @ self.last}


MODULE = Lookup()
INPUTS = (Input("word"), Input("scale", value=2))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    for name in ("words", "bags"):
        function = getattr(MODULE, name)
        tf.saved_model.save(MODULE, str(folder / name), signatures=function)
    return folder


def fed(path: Path, data: Any, inputs: tuple[Input, ...] = ()) -> Slots:
    """The slots of a script whose data is supplied, or made up."""

    def batches(data: Any) -> Any:
        for arrays, labels in data.batches(3):
            yield tuple(tf.constant(array) for array in arrays), labels

    def load() -> Any:
        return adapter.load_saved_model(path)

    given = Fed(batches, data and loader(data), 0)
    return filled(adapter, load, load(), given, inputs, Sources())


def check_converted(slots: Slots, path: Path, *expected: Any) -> None:
    """fp32 gives what TensorFlow does, and so nearly does what was saved."""
    model = slots.load_model()
    read = [inputs for inputs, _labels in slots.batches()]
    predict = adapter.predictor(model, slots.inputs)
    for inputs, right in zip(read, expected, strict=True):
        np.testing.assert_allclose(predict(inputs)[0], right, rtol=1e-5)
    traced = adapter.trace(model, read[0], low=Precision.BF16, inputs=slots.inputs)
    placement = {
        op.id: Precision.BF16 if op.kernel(Precision.BF16) else Precision.FP32
        for op in traced.graph.ops
    }
    assert Precision.BF16 in placement.values()
    file = traced.save(traced.apply(placement), path)
    found = adapter.load_saved(file)(read[-1])[0]
    np.testing.assert_allclose(found, expected[-1], rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    "words",
    [
        np.array(WORDS),
        np.array([each.encode() for each in WORDS]),
        np.array([WORDS[0], *(each.encode() for each in WORDS[1:])], object),
        tf.constant(WORDS),
    ],
    ids=["U", "S", "objects", "tensor"],
)
def test_text_reaches_the_model_however_it_comes(saved: Path, words: Any) -> None:
    """`scale` is no part of the data: it is always the same."""
    slots = fed(saved / "words", [(words, np.arange(3))], INPUTS)
    ((word, scale),) = [inputs for inputs, _labels in slots.batches()]
    assert word.dtype == tf.string and word.numpy()[1] == "Grün".encode()
    assert (scale.dtype, scale.shape, float(scale)) == (tf.float32, (), 2.0)


def test_a_model_that_takes_text_is_converted(saved: Path, tmp_path: Path) -> None:
    slots = fed(saved / "words", [(np.array(WORDS), np.arange(3))], INPUTS)
    right = MODULE.words(tf.constant(WORDS), 2.0)["y"].numpy()
    check_converted(slots, tmp_path / "saved", right)


def test_text_can_not_be_made_up(saved: Path) -> None:
    with pytest.raises(DataError, match="input word takes text or bytes"):
        list(fed(saved / "words", None).batches())


def test_numbers_are_no_text(saved: Path) -> None:
    slots = fed(saved / "words", [(np.arange(3), None)], INPUTS)
    with pytest.raises(DataError, match="input word is int64 in the data"):
        list(slots.batches())


@pytest.mark.parametrize("named", [False, True])
def test_ragged_tensors_are_fed_by_their_parts(
    saved: Path, tmp_path: Path, named: bool
) -> None:
    rows = [
        tf.ragged.constant(each, tf.int32) for each in ([[1, 2, 0], [1]], [[2], [0, 1]])
    ]
    data = [({"ids": each} if named else each, np.arange(2)) for each in rows]
    slots = fed(saved / "bags", data)
    right = [MODULE.bags(each)["y"].numpy() for each in rows]
    if named:
        inputs = [batch for batch, _labels in slots.batches()]
        assert [tuple(values.shape) for values, _ends in inputs] == [(4,), (3,)]
    else:
        check_converted(slots, tmp_path / "saved", *right)
