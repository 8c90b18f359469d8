"""One way to trace, place and save, and a zoo of small models."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import placements
import pytest
import warm

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.mxnet import Program
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.graph.graph import Placement, Precision

nn, rnn = mx.gluon.nn, mx.gluon.rnn

warm.spawned()


class Tools:
    """Tracing and placing as a generated script does, in one line each."""

    @staticmethod
    def trace(
        model: Any,
        *batch: Any,
        low: Precision = Precision.BF16,
        inputs: Sequence[Input] = (),
        outputs: Sequence[str] = (),
    ) -> Program:
        return adapter.trace(model, batch, low=low, inputs=inputs, outputs=outputs)

    all_low = staticmethod(placements.all_low)
    all_fp32 = staticmethod(placements.all_fp32)

    @staticmethod
    def low_share(program: Program, placement: Placement) -> float:
        """Share of the contractions' FLOPs that are in 16 bits."""
        return placements.low_share(program.graph, placement)

    @staticmethod
    def error(expected: Sequence[Any], found: Sequence[Any]) -> float:
        """RMS of the difference over the RMS of `expected`, the largest over outputs."""
        return max(
            float(np.linalg.norm(b.astype("d") - a) / np.linalg.norm(a.astype("d")))
            for a, b in zip(expected, found, strict=True)
        )

    @staticmethod
    def saved(model: Any, folder: Path, *batch: Any, name: str = "model") -> Path:
        """A block as deployers have it: `NAME-symbol.json` and `NAME-0000.params`."""
        model.hybridize()
        model(*map(mx.nd.array, batch))
        model.export(str(folder / name))
        return folder / f"{name}-symbol.json"


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools


class Residual(nn.HybridBlock):
    """Convolution, batch norm, ReLU and what came in."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.stem = nn.Conv2D(8, 3, padding=1, in_channels=3)
            self.conv = nn.Conv2D(8, 3, padding=1, in_channels=8, use_bias=False)
            self.norm = nn.BatchNorm(in_channels=8)
            self.head = nn.Dense(5)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        y = self.stem(x)
        return self.head(F.relu(self.norm(self.conv(y)) + y))


class Depthwise(nn.HybridBlock):
    """A separable convolution with its batch norms and ReLU6."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.wide = nn.Conv2D(16, 1, in_channels=4, use_bias=False)
            self.first = nn.BatchNorm(in_channels=16)
            self.deep = nn.Conv2D(16, 3, groups=16, in_channels=16, use_bias=False)
            self.second = nn.BatchNorm(in_channels=16)
            self.pool = nn.GlobalAvgPool2D()

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        y = F.clip(self.first(self.wide(x)), 0, 6)
        y = F.clip(self.second(self.deep(y)), 0, 6)
        return F.flatten(self.pool(y))


class Attention(nn.HybridBlock):
    """Heads of attention under a mask of -1e9, as Gluon's NLP models write it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.query, self.key, self.value, self.out = (
                nn.Dense(16, flatten=False, in_units=16) for _ in range(4)
            )
            self.norm = nn.LayerNorm(in_channels=16)

    def hybrid_forward(self, F: Any, x: Any, mask: Any) -> Any:
        q, k, v = (
            F.transpose(F.reshape(each(x), (0, 0, 4, 4)), (0, 2, 1, 3))
            for each in (self.query, self.key, self.value)
        )
        q, k, v = (F.reshape(each, (-3, 0, 0)) for each in (q, k, v))
        scores = F.batch_dot(q, k, transpose_b=True) / 2.0
        scores = scores + (1.0 - mask) * -1e9
        seen = F.reshape(F.batch_dot(F.softmax(scores), v), (-4, -1, 4, 0, 0))
        seen = F.reshape(F.transpose(seen, (0, 2, 1, 3)), (0, 0, -3))
        return self.norm(self.out(seen) + x)


class Recurrent(nn.HybridBlock):
    """Gluon's recurrent layers, which become one packed `RNN`, and a dense layer."""

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.layer = layer
            self.head = nn.Dense(3)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return self.head(self.layer(x))


class Embedded(nn.HybridBlock):
    """Token ids into an embedding that scores them too: a shared weight."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.weight = self.params.get("weight", shape=(20, 8))
            self.mix = nn.Dense(8, flatten=False, in_units=8)

    def hybrid_forward(self, F: Any, ids: Any, weight: Any) -> Any:
        x = F.Embedding(ids, weight, input_dim=20, output_dim=8)
        y = F.tanh(self.mix(x))
        return F.FullyConnected(y, weight, no_bias=True, num_hidden=20, flatten=False)


class Outputs(nn.HybridBlock):
    """Scores, boxes and the best class: several outputs, one of them in several parts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.body = nn.Dense(16, in_units=12)
            self.scores = nn.Dense(6, in_units=8)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        boxes, rest = F.split(self.body(x), num_outputs=2, axis=1)
        scores = F.softmax(self.scores(rest))
        return scores, boxes, F.argmax(scores, axis=1)


class Branches(nn.HybridBlock):
    """One of two dense layers, by the sign of a sum."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.first = nn.Dense(8, in_units=8)
            self.weight = self.params.get("weight", shape=(8, 8))
            self.last = nn.Dense(4, in_units=8)

    def hybrid_forward(self, F: Any, x: Any, weight: Any) -> Any:
        y = self.first(x)
        z = F.contrib.cond(
            F.sum(y) > 0,
            lambda: F.FullyConnected(y, weight, no_bias=True, num_hidden=8),
            lambda: y * 2.0,
        )
        return self.last(z)


class Sharing(nn.HybridBlock):
    """One dense layer called twice, batch norms with and without a convolution."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.first = nn.BatchNorm(in_channels=8)
            self.twice = nn.Dense(8, in_units=8)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        y = F.relu(self.twice(self.first(x)))
        return self.twice(y)


@dataclass(frozen=True)
class Case:
    """A model of the zoo and a batch for it.

    Attributes:
        fp32: Types that the CPU has no bf16 kernel for: they stay fp32.
        share: Least share of the contractions' FLOPs that is low.
    """

    build: Callable[[], Any]
    batch: tuple[Any, ...]
    fp32: frozenset[str] = frozenset()
    share: float = 1.0


RANDOM = np.random.RandomState(7)


def _floats(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype(np.float32)


PRODUCTS = frozenset(["batch_dot", "LayerNorm", "transpose"])
MASK = np.tril(np.ones((8, 6, 6), np.float32))

ZOO = {
    "residual": Case(Residual, (_floats(2, 3, 8, 8),)),
    "depthwise": Case(Depthwise, (_floats(2, 4, 9, 9),)),
    "attention": Case(Attention, (_floats(2, 6, 16), MASK), PRODUCTS, 0.75),
    "lstm": Case(
        lambda: Recurrent(rnn.LSTM(8, layout="NTC", input_size=6)),
        (_floats(2, 5, 6),),
        frozenset(["RNN"]),
        0.0,
    ),
    "gru": Case(
        lambda: Recurrent(rnn.GRU(8, 2, bidirectional=True, input_size=6)),
        (_floats(5, 2, 6),),
        frozenset(["RNN"]),
        0.0,
    ),
    "embedding": Case(Embedded, (RANDOM.randint(0, 20, (2, 5)).astype(np.float32),)),
    "outputs": Case(Outputs, (_floats(4, 12),)),
    "branches": Case(Branches, (_floats(4, 8),)),
    "sharing": Case(Sharing, (_floats(4, 8),)),
}


def built(case: Case) -> Any:
    """The model with random weights and statistics, the same each time."""
    mx.random.seed(3)
    model = case.build()
    model.initialize(mx.init.Xavier(magnitude=3))
    arrays = [mx.nd.array(each) for each in case.batch]
    model(*arrays)
    for name, parameter in model.collect_params().items():
        values = np.random.RandomState(len(name)).uniform(0.5, 1.5, parameter.shape)
        if name.endswith(("gamma", "running_var", "running_mean", "beta")):
            parameter.set_data(mx.nd.array(values))
    return model


@dataclass(frozen=True)
class Traced:
    """A model of the zoo, traced once for all tests."""

    case: Case
    model: Any
    program: Program


@pytest.fixture(scope="session")
def zoo() -> Callable[[str], Traced]:
    made: dict[str, Traced] = {}

    def traced(name: str) -> Traced:
        if name not in made:
            case = ZOO[name]
            model = built(case)
            made[name] = Traced(case, model, Tools.trace(model, *case.batch))
        return made[name]

    return traced


@pytest.fixture(params=ZOO)
def each(request: pytest.FixtureRequest, zoo: Callable[[str], Traced]) -> Traced:
    """Every model of the zoo in turn."""
    return zoo(request.param)


Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def python() -> Python:
    """Runs Python in a process of its own, with one thread."""

    def run(
        *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[str]:
        forced = {"OMP_NUM_THREADS": "1", "FORCE_BF16": "1"}
        return warm.run(arguments, cwd, {**os.environ, **forced, **env}, timeout=240)

    return run


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """MXNet computes lazily: what a test leaves running must not fail in the next."""
    yield
    mx.nd.waitall()
