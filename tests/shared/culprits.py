"""The network of `rows.py` with planted culprits: ops that 16 bits break.

Each is a rescaling or rewriting that preserves what the model computes in fp32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import rows
import rows_numpy
from rows import Array, Config, Network, Step

from narrowcast.runtime.criterion import Criterion
from narrowcast.runtime.graph import Precision
from narrowcast.runtime.metrics.metric import MeanOverSamples

BF16, FP16 = Precision.BF16, Precision.FP16
ONE_PERCENT = Criterion(absolute=0.01)


class Right(MeanOverSamples):
    """The share of digits that are recognised, from classes or their scores.

    Of several outputs the first counts.
    """

    name = "right"

    def update(self, predictions: Any, labels: Any, /) -> None:
        first = predictions[0] if isinstance(predictions, tuple) else predictions
        super().update(first, labels)

    def score(self, predictions: Any, labels: Any) -> Array:
        found = np.asarray(predictions)
        if found.ndim == 2:
            unknown = np.isnan(found).any(1)
            found = np.where(unknown, -1, found.argmax(1))
        return (found == labels[0]).astype(np.float64)


class Drift(MeanOverSamples):
    """The mean squared distance of the outputs from fp64's, in shares of their size.

    For a sample: over each output, the distance's square by the mean square of fp64's
    outputs of the batch; the largest over the outputs.
    """

    name = "drift"

    def update(self, predictions: Any, labels: Any, /) -> None:
        several = isinstance(predictions, tuple)
        self._scores.append(
            self.score(predictions if several else (predictions,), labels)
        )

    def score(self, predictions: Any, labels: Any) -> Array:
        pairs = zip(predictions, labels[1], strict=True)
        return np.max([self._distance(found, exact) for found, exact in pairs], axis=0)

    @staticmethod
    def _distance(found: Array, exact: Array) -> Array:
        apart = np.square(found.astype(np.float64) - exact)
        return apart.reshape(len(exact), -1).mean(1) / np.square(exact).mean()


@dataclass(frozen=True)
class Planted:
    """One model and what is demanded of a search over it.

    Attributes:
        network: What is traced.
        unplanted: What it computes the same as, output by output.
        culprits: Steps, or what their names begin with, that may be fp32.
        low: The precision that they don't stand.
        offsets: What is added to the positions in the first batch, and after it.
        metric: It gets labels as (digits, outputs in fp64).
        batch: Samples in a batch; the first batch calibrates.
    """

    name: str
    network: Network
    unplanted: Network
    culprits: frozenset[str]
    low: Precision = BF16
    offsets: tuple[float, float] = (0.0, 0.0)
    criterion: Criterion = ONE_PERCENT
    metric: Callable[[], MeanOverSamples] = Right
    batch: int = 100
    every: int = 10

    @property
    def samples(self) -> int:
        return 5000 // self.every

    def inputs(self) -> list[tuple[Array, Array]]:
        """Rows and positions, batch by batch."""
        images, _ = rows.digits(self.every)
        starts = range(0, len(images), self.batch)
        parts = [images[start : start + self.batch] for start in starts]
        return [(part, self.positions(part, k)) for k, part in enumerate(parts)]

    def positions(self, part: Array, number: int) -> Array:
        """What batch `number` has as positions beside its rows."""
        return rows.positions(len(part), self.offsets[number > 0])

    def labels(self) -> list[tuple[Array, tuple[Array, ...]]]:
        """Digits and outputs in fp64, batch by batch."""
        _, digits = rows.digits(self.every)
        found, start = [], 0
        for inputs in self.inputs():
            steps = rows_numpy.run(self.network, inputs)
            exact = tuple(steps[name] for name in self.network.outputs)
            own = digits[start : start + len(inputs[0])]
            found.append((own, exact))
            start += len(own)
        return found


FAR, FARTHER = 2048.0, 8192.0
"""Offsets, multiples of the period, at which bf16 and fp16 can't count rows."""

CLASSES = Step("class", "argmax", ("logits.plus",))
RAISED = 2048.0
"""Added to every logit: what is largest stays so, and fp32 still tells them apart."""


def classes(network: Network, raised: float = 0.0) -> Network:
    """Gives class numbers only, from logits that are all raised."""
    bias = network.weights["logits.bias"] + np.float32(raised)
    wide = network.with_weights({"logits.bias": bias})
    return Network((*wide.steps, CLASSES), wide.weights, ("class",))


def large_mlp(network: Network, layer: int, factor: float) -> Network:
    """The ReLU of one layer sees values `factor` times as large."""
    mlp = f"layers__{layer}__mlp__"
    up = {f"{mlp}up__weight": factor, f"{mlp}up__bias": factor}
    return network.scaled(**up, **{f"{mlp}down__weight": 1 / factor})


def long_sum(network: Network, shift: float) -> Network:
    """The mean over tokens from a sum of values that are shifted far from zero."""
    shifted = Step("pooled.far", "add", ("last.norm", shift))
    total = Step("pooled.sum", "sum", ("pooled.far",), (1,))
    centred = Step("pooled.centred", "sub", ("pooled.sum", rows.TOKENS * shift))
    mean = Step("pooled.mean", "mul", ("pooled.centred", 1 / rows.TOKENS))
    return network.replaced("pooled.mean", shifted, total, centred, mean)


def saturated(network: Network, after: str, name: str, shift: float) -> Network:
    """Values, by way of a sigmoid near 1: log s - log(1 - s) where s = sigmoid(x)."""
    part = lambda last: f"{name}.{last}"  # noqa: E731
    return network.inserted(
        after,
        Step(part("raised"), "add", (after, shift)),
        Step(part("gate"), "sigmoid", (part("raised"),)),
        Step(part("rest"), "sub", (1.0, part("gate"))),
        Step(part("log"), "log", (part("gate"),)),
        Step(part("log_rest"), "log", (part("rest"),)),
        Step(part("odds"), "sub", (part("log"), part("log_rest"))),
        Step(part("back"), "sub", (part("odds"), shift)),
    )


def detour(network: Network, after: str, name: str, shift: float) -> Network:
    """Adds a large number after a step, and takes it away again."""
    return network.inserted(
        after,
        Step(f"{name}.far", "add", (after, shift)),
        Step(f"{name}.back", "sub", (f"{name}.far", shift)),
    )


def small_mlp(network: Network, layer: int) -> Network:
    """Values of one layer 2^-30 times as large, from weights 2^-20 times as large."""
    mlp = f"layers.{layer}.mlp"
    fields = mlp.replace(".", "__")
    small = network.scaled(
        **{f"{fields}__up__weight": 2.0**-20, f"{fields}__up__bias": 2.0**-20}
    )
    less = Step(f"{mlp}.less", "mul", (f"{mlp}.up.plus", 2.0**-10))
    small = small.inserted(f"{mlp}.up.plus", less)
    down, most = f"{mlp}.down.times", f"{mlp}.most"
    more = Step(f"{mlp}.more", "mul", (down, 2.0**15))
    return small.inserted(down, more, Step(most, "mul", (more.name, 2.0**15)))


ANGLE = frozenset({"position.each", "position.angle", "position.sin", "position.cos"})


def _planted(name: str, planted: Network, *culprits: str, **options: Any) -> Planted:
    unplanted = options.pop("unplanted", rows.network())
    return Planted(name, planted, unplanted, frozenset(culprits), **options)


@cache
def cases() -> dict[str, Planted]:
    """All planted models by name."""
    plain = rows.network()
    two = Network(
        (
            *plain.steps,
            Step("boxes.times", "matmul", ("pooled.flat", "boxes.weight")),
            Step("boxes.scaled", "mul", ("boxes.times", 1e4)),
        ),
        {
            **plain.weights,
            "boxes.weight": np.eye(rows.Config().width, 4, dtype=np.float32),
        },
        ("logits.plus", "boxes.scaled"),
    )
    unshifted = Network(
        rows.steps(Config(explicit_softmax=True, raised=10.0)), rows.weights()
    )
    everywhere = [f"layers.{k}.attention.shares" for k in range(Config().layers)]
    tail = classes(plain)
    made = [
        _planted("healthy", plain),
        _planted("overflow", large_mlp(plain, 1, 2.0**16), "layers.1.mlp", low=FP16),
        _planted("underflow", small_mlp(plain, 1), "layers.1.mlp", low=FP16),
        _planted("position", plain, *ANGLE, offsets=(FAR, FAR)),
        _planted("position fp16", plain, *ANGLE, offsets=(FARTHER, FARTHER), low=FP16),
        _planted("unshifted exp", unshifted, *everywhere, low=FP16),
        _planted("long sum", long_sum(plain, 1024.0), "pooled"),
        _planted(
            "masking",
            classes(long_sum(plain, 1024.0), RAISED),
            *ANGLE,
            "pooled",
            "logits",
            offsets=(FAR, FAR),
            unplanted=tail,
        ),
        _planted("saturating", saturated(plain, "pooled.flat", "odds", 6.0), "odds"),
        _planted("class tail", classes(plain, RAISED), "logits", unplanted=tail),
        _planted(
            "two scales",
            detour(two, "logits.plus", "offset", 2048.0),
            "logits.plus",
            "offset",
            unplanted=two,
        ),
        _planted("unseen", plain, *ANGLE, offsets=(0.0, FAR)),
        _planted(
            "three",
            classes(
                saturated(
                    detour(plain, "layers.1.done", "detour", 512.0),
                    "pooled.flat",
                    "odds",
                    6.0,
                ),
                RAISED,
            ),
            *ANGLE,
            "detour",
            "odds",
            "logits",
            offsets=(FAR, FAR),
            unplanted=tail,
        ),
        _planted(
            "diffuse",
            plain,
            metric=Drift,
            criterion=Criterion(absolute=1e-5, higher_is_better=False),
        ),
    ]
    return {case.name: case for case in made}
