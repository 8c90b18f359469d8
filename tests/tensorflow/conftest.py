"""Small real models, one of each kind, frozen by TensorFlow itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import one_model
import placements
import pytest
import tensorflow as tf
import warm
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.tensorflow.ir.frozen import (
    Endpoint,
    Frozen,
    Signature,
)
from narrowcast.runtime.graph.graph import Placement, Precision

Batch = tuple[Any, ...]

warm.spawned()


@dataclass(frozen=True)
class Given:
    """A function of tensors, as a loaded model is one."""

    function: Callable[..., Any]
    frozen: Frozen

    @property
    def signature(self) -> Signature:
        return self.frozen.signatures[0]

    def __call__(self, inputs: Batch, /) -> tuple[Any, ...]:
        found = tf.nest.flatten(self.function(*map(tf.convert_to_tensor, inputs)))
        return tuple(each.numpy() for each in found)

    def freeze(self) -> Frozen:
        return self.frozen


@dataclass(frozen=True)
class Case:
    """A model and one batch for it."""

    name: str
    model: Given
    batch: Batch


def given(function: Callable[..., Any], batch: Batch, free: bool = True) -> Given:
    """Freeze a function at the batch's shapes, the first dimension free."""

    def spec(value: Any) -> tf.TensorSpec:
        shape = [None if free else value.shape[0], *value.shape[1:]]
        return tf.TensorSpec(shape if value.ndim else [], value.dtype)

    concrete = tf.function(function).get_concrete_function(*map(spec, batch))
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)

    def ends(kind: str, tensors: Sequence[Any]) -> tuple[Endpoint, ...]:
        return tuple(
            Endpoint(f"{kind}_{k}", t.name, t.dtype.name, tuple(t.shape.as_list()))
            for k, t in enumerate(tensors)
        )

    signature = Signature(
        "serving_default", ends("input", frozen.inputs), ends("output", frozen.outputs)
    )
    return Given(function, Frozen(frozen.graph.as_graph_def(), (signature,)))


def _keras(model: keras.Model) -> Callable[..., Any]:
    return lambda *inputs: model(list(inputs) if len(inputs) > 1 else inputs[0])


def _normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _residual() -> tuple[Callable[..., Any], Batch]:
    x = keras.Input((12, 12, 3))
    y = keras.layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
    y = keras.layers.BatchNormalization()(y)
    y = z = keras.layers.ReLU()(y)
    y = keras.layers.Conv2D(16, 3, padding="same", use_bias=False)(y)
    y = keras.layers.BatchNormalization()(y)
    y = keras.layers.ReLU()(keras.layers.Add()([y, z]))
    y = keras.layers.GlobalAveragePooling2D()(y)
    model = keras.Model(x, keras.layers.Dense(5)(y))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape[0]
            layer.set_weights(
                [
                    1.0 + 0.3 * _normal(size, seed=1),
                    0.2 * _normal(size, seed=2),
                    0.2 * _normal(size, seed=3),
                    1.0 + 0.3 * abs(_normal(size, seed=4)),
                ]
            )
    return _keras(model), (_normal(4, 12, 12, 3),)


def _depthwise() -> tuple[Callable[..., Any], Batch]:
    x = keras.Input((10, 10, 8))
    y = keras.layers.DepthwiseConv2D(3, padding="same")(x)
    y = keras.layers.ReLU(6.0)(y)
    y = keras.layers.SeparableConv2D(16, 3, strides=2, padding="same")(y)
    y = keras.layers.Conv2DTranspose(8, 3, strides=2, activation="swish")(y)
    y = keras.layers.MaxPooling2D()(y)
    return _keras(keras.Model(x, keras.layers.Flatten()(y))), (_normal(3, 10, 10, 8),)


def _attention() -> tuple[Callable[..., Any], Batch]:
    query, key, value = (tf.Variable(_normal(16, 16, seed=s) / 4) for s in (1, 2, 3))
    norm = keras.layers.LayerNormalization()
    norm.build((None, 6, 16))
    out = tf.Variable(_normal(16, 4, seed=4) / 4)

    def attend(x: Any, mask: Any) -> Any:
        x = norm(x)
        parts = [
            tf.transpose(tf.reshape(x @ w, [-1, 6, 4, 4]), [0, 2, 1, 3])
            for w in (query, key, value)
        ]
        scores = tf.matmul(parts[0], parts[1], transpose_b=True) / 2.0
        scores += tf.cast(mask == 0, tf.float32)[:, None, None, :] * -1e9
        mixed = tf.matmul(tf.nn.softmax(scores), parts[2])
        mixed = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [-1, 6, 16])
        return tf.nn.gelu(tf.einsum("bsh,ho->bso", mixed, out))

    mask = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], np.int32)
    return attend, (_normal(2, 6, 16), mask)


def _lstm() -> tuple[Callable[..., Any], Batch]:
    x = keras.Input((7, 5))
    y = keras.layers.LSTM(8, return_sequences=True)(x)
    model = keras.Model(x, keras.layers.Dense(3)(keras.layers.LSTM(6)(y)))
    return _keras(model), (_normal(3, 7, 5),)


def _gru() -> tuple[Callable[..., Any], Batch]:
    x = keras.Input((6, 5))
    y = keras.layers.Bidirectional(keras.layers.GRU(8, return_sequences=True))(x)
    return _keras(keras.Model(x, keras.layers.Dense(3)(y))), (_normal(3, 6, 5),)


def _embedding() -> tuple[Callable[..., Any], Batch]:
    x = keras.Input((5,), dtype="int32")
    y = keras.layers.Embedding(20, 8)(x)
    y = keras.layers.Dense(4, activation="softmax")(keras.layers.Flatten()(y))
    tokens = np.random.default_rng(0).integers(0, 20, (3, 5)).astype(np.int32)
    return _keras(keras.Model(x, y)), (tokens,)


def _outputs() -> tuple[Callable[..., Any], Batch]:
    weight = tf.Variable(_normal(6, 4))

    def several(x: Any, y: Any) -> Any:
        z = tf.nn.tanh(x @ weight) + y
        best, place = tf.math.top_k(z, 2)
        return z, best, place, tf.argmax(z, 1)

    return several, (_normal(3, 6), _normal(3, 4, seed=1))


def _shared() -> tuple[Callable[..., Any], Batch]:
    weight, norm = tf.Variable(_normal(6, 6) / 2), tf.Variable(_normal(6))

    def twice(x: Any) -> Any:
        hidden = tf.nn.sigmoid(x @ weight) * norm
        return tf.matmul(hidden, weight, transpose_b=True) + norm

    return twice, (_normal(3, 6),)


def _branches() -> tuple[Callable[..., Any], Batch]:
    left, right = tf.Variable(_normal(6, 4)), tf.Variable(_normal(6, 4, seed=1))

    def choose(x: Any) -> Any:
        def first() -> Any:
            return tf.nn.relu(x @ left)

        def second() -> Any:
            inner = tf.reduce_max(x) > 1e6
            return tf.cond(inner, lambda: x @ left, lambda: tf.exp(x @ right / 4))

        return tf.cond(tf.reduce_sum(x) > 0.0, first, second) + 1.0

    return choose, (-abs(_normal(3, 6)),)


def _loop() -> tuple[Callable[..., Any], Batch]:
    weight = tf.Variable(_normal(6, 6) / 3)

    def iterate(x: Any) -> Any:
        def step(k: Any, state: Any) -> Any:
            return k + 1, tf.nn.tanh(state @ weight + x)

        _k, state = tf.while_loop(
            lambda k, _state: k < 5, step, (tf.constant(0), tf.zeros_like(x))
        )
        return state

    return iterate, (_normal(3, 6),)


MAKERS: dict[str, Callable[[], tuple[Callable[..., Any], Batch]]] = {
    "attention": _attention,
    "branches": _branches,
    "depthwise": _depthwise,
    "embedding": _embedding,
    "gru": _gru,
    "loop": _loop,
    "lstm": _lstm,
    "outputs": _outputs,
    "residual": _residual,
    "shared": _shared,
}


@cache
def made(name: str) -> Case:
    keras.utils.set_random_seed(3)
    function, batch = MAKERS[name]()
    return Case(name, given(function, batch), batch)


@cache
def traced_in(name: str, low: Precision) -> Any:
    found = made(name)
    return adapter.trace(found.model, found.batch, low=low)


@pytest.fixture(params=sorted(MAKERS))
def case(request: pytest.FixtureRequest) -> Case:
    """Each model of the zoo."""
    return made(request.param)


@pytest.fixture
def zoo() -> Callable[[str], Case]:
    """A model of the zoo by its name."""
    return made


@pytest.fixture(scope="session")
def net() -> Any:
    """The MNIST CNN, channels last: kernels are transposed, and what flatten makes is permuted."""
    layers: list[Any] = [keras.Input((28, 28, 1), name="image")]
    for channels in (32, 64, 128):
        layers.append(keras.layers.Conv2D(channels, 3, padding="same"))
        layers += [keras.layers.ReLU(), keras.layers.MaxPool2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(256), keras.layers.ReLU()]
    made = keras.Sequential([*layers, keras.layers.Dense(10)])
    *values, w1, b1, w2, b2 = one_model.weights().values()
    kernels = [v.transpose(2, 3, 1, 0) if v.ndim == 4 else v for v in values]
    first = w1.reshape(256, 128, 3, 3).transpose(2, 3, 1, 0).reshape(-1, 256)
    made.set_weights([*kernels, first, b1, w2.T, b2])
    return made


@pytest.fixture
def traced() -> Callable[..., Any]:
    """A model of the zoo, traced once per session; bf16 unless told otherwise."""

    def trace(name: str, low: Precision = Precision.BF16) -> Any:
        return traced_in(name, low)

    return trace


@pytest.fixture
def freeze() -> Callable[..., Given]:
    """Freezes a function of tensors at a batch's shapes."""
    return given


@pytest.fixture
def all_low() -> Callable[..., Placement]:
    """As many FLOPs low as probes and ranges allow."""
    return placements.all_low
