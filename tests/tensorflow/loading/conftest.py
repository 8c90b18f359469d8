"""Models as people save them, and how plain TensorFlow computes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks.tensorflow.ir.frozen import Frozen, Signature
from narrowcast.runtime.frameworks.tensorflow.running.session import GraphSession

v1 = tf.compat.v1
WORDS = ("cat", "dog", "eel")


@dataclass(frozen=True)
class Case:
    """A SavedModel, one batch by input names, and what plain TensorFlow makes of it."""

    path: Path
    batch: Mapping[str, np.ndarray]
    expected: Mapping[str, np.ndarray]

    def given(self, signature: Signature) -> tuple[np.ndarray, ...]:
        return tuple(self.batch[each.name] for each in signature.inputs)

    def wanted(self, signature: Signature) -> list[np.ndarray]:
        return [self.expected[each.name] for each in signature.outputs]


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def saved(
    module: tf.Module, function: Any, path: Path, batch: Mapping[str, np.ndarray]
) -> Case:
    """Save a module and call it as plain TensorFlow does."""
    tf.saved_model.save(module, str(path), signatures=function)
    plain = tf.saved_model.load(str(path)).signatures["serving_default"]
    found = plain(**{name: tf.constant(value) for name, value in batch.items()})
    return Case(path, batch, {name: each.numpy() for name, each in found.items()})


def dense(path: Path) -> Case:
    module = tf.Module()
    module.weight = tf.Variable(random(4, 3), name="weight")
    module.bias = tf.Variable(random(3, seed=1), name="bias")

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def call(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.nn.relu(x @ module.weight + module.bias), "twice": x * 2}

    return saved(module, call, path, {"x": random(5, 4, seed=2)})


def two_inputs(path: Path) -> Case:
    module = tf.Module()
    module.weight = tf.Variable(random(4, 3))
    specs = [
        tf.TensorSpec([None, 4], tf.float32, name="right"),
        tf.TensorSpec([None, 3], tf.float32, name="left"),
    ]

    @tf.function(input_signature=specs)
    def call(right: tf.Tensor, left: tf.Tensor) -> tf.Tensor:
        return right @ module.weight - left

    return saved(module, call, path, {"right": random(2, 4), "left": random(2, 3)})


def branches(path: Path) -> Case:
    """Weights that only the bodies of an If and a While read, and a nested call."""
    module = tf.Module()
    module.one = tf.Variable(random(4, 4))
    module.other = tf.Variable(random(4, 4, seed=1))

    @tf.function
    def step(x: tf.Tensor) -> tf.Tensor:
        return tf.tanh(x @ module.one)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def call(x: tf.Tensor) -> tf.Tensor:
        if tf.reduce_sum(x) > 0:
            x = step(x) @ module.other
        else:
            x = tf.sin(x @ module.other)
            x = x * 2
        for _ in tf.range(3):
            x = step(x) + x
        return x

    return saved(module, call, path, {"x": random(2, 4, seed=3)})


def called_twice(path: Path) -> Case:
    module = tf.Module()
    module.weight = tf.Variable(random(4, 4))

    @tf.function(experimental_attributes={"_noinline": True})
    def layer(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(tf.matmul(x, module.weight, name="product"))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def call(x: tf.Tensor) -> tf.Tensor:
        return layer(layer(x))

    return saved(module, call, path, {"x": random(2, 4)})


def gathered(path: Path) -> Case:
    module = tf.Module()
    module.table = tf.Variable(random(7, 3))

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.int32, name="ids")])
    def call(ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "rows": tf.nn.embedding_lookup(module.table, ids),
            "nd": tf.gather_nd(module.table, ids % 3),
            "size": tf.shape(module.table),
        }

    ids = np.array([[0, 6], [3, 3]], np.int32)
    return saved(module, call, path, {"ids": ids})


def from_file(path: Path) -> Case:
    """A table that an asset fills, and one that a dictionary fills."""
    words = path.parent / "words.txt"
    words.write_text("\n".join(WORDS) + "\n")
    module = tf.Module()
    module.weight = tf.Variable(random(5, 2))
    module.words = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            str(words),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        num_oov_buckets=2,
    )
    module.scales = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer([0, 1], [0.5, 2.0], tf.int64, tf.float32),
        -1.0,
    )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="words")])
    def call(words: tf.Tensor) -> tf.Tensor:
        ids = module.words.lookup(words)
        scale = module.scales.lookup(ids)
        return tf.gather(module.weight, ids) * scale[:, None]

    batch = np.array([b"dog", b"cat", b"zebra"], object)
    return saved(module, call, path, {"words": batch})


def counter(path: Path) -> Case:
    """A variable that the model writes, in a body too."""
    module = tf.Module()
    module.calls = tf.Variable(0.0)
    module.weight = tf.Variable(random(4, 4))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def call(x: tf.Tensor) -> tf.Tensor:
        if tf.shape(x)[0] > 0:
            module.calls.assign_add(1.0)
        return x @ module.weight + module.calls

    return saved(module, call, path, {"x": random(2, 4)})


def legacy(path: Path, *, resource: bool, partitions: int = 1) -> Case:
    """What TensorFlow 1 wrote: variables of either kind, a table from a file."""
    words = path.parent / "legacy.txt"
    words.write_text("\n".join(WORDS) + "\n")
    with tf.Graph().as_default(), v1.Session() as session:
        with v1.variable_scope("net", use_resource=resource):
            x = v1.placeholder(tf.float32, [None, 4], name="x")
            word = v1.placeholder(tf.string, [None], name="word")
            split = v1.fixed_size_partitioner(partitions) if partitions > 1 else None
            weight = v1.get_variable("weight", [4, 3], partitioner=split)
            table = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(
                    str(words),
                    tf.string,
                    tf.lookup.TextFileIndex.WHOLE_LINE,
                    tf.int64,
                    tf.lookup.TextFileIndex.LINE_NUMBER,
                ),
                -1,
            )
            y = tf.nn.relu(tf.matmul(x, weight), name="y")
            y = y + tf.cast(table.lookup(word), tf.float32)[:, None]
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, tf.constant(str(words)))
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        batch = {"x": random(2, 4), "word": np.array([b"eel", b"cow"], object)}
        expected = session.run(y, {x: batch["x"], word: batch["word"]})
        v1.saved_model.simple_save(
            session,
            str(path),
            {"x": x, "word": word},
            {"y": y},
            legacy_init_op=v1.tables_initializer(),
        )
    return Case(path, batch, {"y": expected})


CASES: Mapping[str, Callable[[Path], Case]] = {
    "dense": dense,
    "two inputs": two_inputs,
    "branches": branches,
    "called twice": called_twice,
    "gathered": gathered,
    "tables": from_file,
    "counter": counter,
    "legacy": lambda path: legacy(path, resource=False),
    "legacy with resources": lambda path: legacy(path, resource=True),
    "legacy with partitions": lambda path: legacy(path, resource=False, partitions=2),
}


@pytest.fixture(scope="session")
def make_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """A SavedModel by its name in CASES, made once."""
    made: dict[str, Case] = {}

    def make(name: str) -> Case:
        if name not in made:
            made[name] = CASES[name](tmp_path_factory.mktemp("case") / "model")
        return made[name]

    return make


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, make_case: Callable[[str], Case]) -> Case:
    return make_case(request.param)


@pytest.fixture(scope="session")
def run() -> Callable[[Frozen, Sequence[np.ndarray]], tuple[np.ndarray, ...]]:
    """What a frozen graph computes in plain TensorFlow."""

    def call(frozen: Frozen, batch: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        session = GraphSession(
            frozen.graph_def,
            [*(each.tensor for each in frozen.inputs), *frozen.weights],
            [each.tensor for each in frozen.outputs],
            {},
            frozen.initial,
        )
        return session((*batch, *frozen.weights.values()))

    return call
