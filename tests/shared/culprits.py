"""The network of `rows.py` with planted culprits: ops that 16 bits break.

Each is a rescaling or rewriting of `plantings.py`, which preserves what it computes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import rows
import rows_numpy
from plantings import (
    RAISED,
    boxes,
    classes,
    detour,
    large_mlp,
    log_chances,
    long_sum,
    passing,
    saturated,
    small_mlp,
)
from rows import Array, Config, Network

from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.metrics.metric import MeanOverSamples
from narrowcast.runtime.graph.graph import Precision

BF16, FP16 = Precision.BF16, Precision.FP16
ONE_PERCENT = Criterion(absolute=0.011)
"""A bit more, so that five digits of 500 are never a matter of rounding."""


class Right(MeanOverSamples):
    """The share of digits that are recognised, from classes or their scores.

    Of several outputs the first counts.
    """

    name, bounds = "right", (0.0, 1.0)

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

    name, bounds = "drift", (0.0, math.inf)

    def update(self, predictions: Any, labels: Any, /) -> None:
        several = isinstance(predictions, tuple)
        self.add(self.score(predictions if several else (predictions,), labels))

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
        metric: It gets `labels`.
        blind: Whether the first batch, which calibrates, shows nothing of the culprits.
        least: Share of the FLOPs that can be in 16 bits where no op is a culprit, of
            those that have kernels.
        batch: Samples in a batch.
        every: Every how manieth digit of 5 000 is a sample.
    """

    name: str
    network: Network
    unplanted: Network
    culprits: frozenset[str]
    low: Precision = BF16
    offsets: tuple[float, float] = (0.0, 0.0)
    criterion: Criterion = ONE_PERCENT
    metric: Callable[[], MeanOverSamples] = Right
    blind: bool = False
    least: float | None = None
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
        """Digits and, unless the digits are all that counts, outputs in fp64."""
        _, digits = rows.digits(self.every)
        found, start = [], 0
        for inputs in self.inputs():
            own = digits[start : start + len(inputs[0])]
            found.append((own, () if self.metric is Right else self._exact(inputs)))
            start += len(own)
        return found

    def _exact(self, inputs: tuple[Array, Array]) -> tuple[Array, ...]:
        steps = rows_numpy.run(self.network, inputs)
        return tuple(steps[name] for name in self.network.outputs)


FAR, FARTHER = 2048.0, 8192.0
"""Offsets, multiples of the period, at which bf16 and fp16 can't count rows."""

ANGLE = tuple(f"position.{step}" for step in ("each", "angle", "sin", "cos"))
LARGE_SUM, HEAD = ("pooled",), ("logits",)
SHARES = tuple(f"layers.{k}.attention.shares" for k in range(Config().layers))


def _planted(name: str, network: Network, *culprits: str, **options: Any) -> Planted:
    unplanted = options.pop("unplanted", rows.network())
    return Planted(name, network, unplanted, frozenset(culprits), **options)


def _overflow() -> Iterator[Planted]:
    network = large_mlp(rows.network(), 1, 2.0**16)
    yield _planted("overflow", network, "layers.1.mlp", low=FP16)
    unshifted = rows.steps(Config(explicit_softmax=True, raised=10.0))
    network = Network(unshifted, rows.weights())
    yield _planted("unshifted exp", network, *SHARES, low=FP16)


def _underflow() -> Iterator[Planted]:
    network = small_mlp(rows.network(), 0)
    yield _planted("underflow", network, "layers.0.mlp", low=FP16)


def _position() -> Iterator[Planted]:
    network = rows.network()
    yield _planted("position", network, *ANGLE, offsets=(FAR, FAR))
    far = FARTHER, FARTHER
    yield _planted("position fp16", network, *ANGLE, offsets=far, low=FP16)


def _cancelling() -> Iterator[Planted]:
    network = rows.network()
    yield _planted("long sum", long_sum(network, 1024.0), *LARGE_SUM)
    odds = saturated(network, "pooled.flat", "odds", 6.0)
    yield _planted("saturating", odds, "odds")
    chances = log_chances(network, 70.0)
    close = Criterion(absolute=1e-4, higher_is_better=False)
    yield _planted(
        "log-sum-exp",
        chances,
        "chance",
        unplanted=log_chances(network),
        metric=Drift,
        criterion=close,
    )
    two = boxes(network)
    far = detour(two, "logits.plus", "offset", 2048.0)
    yield _planted("two scales", far, "logits.plus", "offset", unplanted=two)


def _classes() -> Iterator[Planted]:
    """Behind raised logits the relative error is small: the range pass sees nothing."""
    network = rows.network()
    plain = classes(network)
    raised = classes(network, RAISED)
    yield _planted("class tail", raised, *HEAD, unplanted=plain)
    both = classes(long_sum(network, 1024.0), RAISED)
    yield _planted(
        "masking",
        both,
        *ANGLE,
        *LARGE_SUM,
        *HEAD,
        offsets=(FAR, FAR),
        unplanted=plain,
    )
    long = rows.steps(Config(explicit_norm=True, explicit_softmax=True))
    three = detour(Network(long, rows.weights()), "layers.1.done", "detour", 512.0)
    yield _planted(
        "three",
        classes(three, RAISED),
        *ANGLE,
        "detour",
        *HEAD,
        offsets=(FAR, FAR),
        unplanted=plain,
    )


def _unseen() -> Iterator[Planted]:
    """The first batch, which calibrates, has nothing of it."""
    network = rows.network()
    yield _planted("unseen", network, *ANGLE, offsets=(0.0, FAR), blind=True)
    side = passing(network, "side", 64.0, 1024.0)
    yield _planted(
        "unseen overflow", side, "side", offsets=(0.0, 192.0), low=FP16, blind=True
    )


def _without() -> Iterator[Planted]:
    network = rows.network()
    yield _planted("healthy", network)
    close = Criterion(absolute=1e-5, higher_is_better=False)
    yield _planted("diffuse", network, metric=Drift, criterion=close, least=0.75)


@cache
def cases() -> dict[str, Planted]:
    """All planted models by name."""
    kinds = (
        _without,
        _overflow,
        _underflow,
        _position,
        _cancelling,
        _classes,
        _unseen,
    )
    return {case.name: case for kind in kinds for case in kind()}
