"""Layers that int8 can't take, planted where 16 bits are well, and what is demanded.

layers, inputs, culprits = planted("middle")   # layer 2 takes an outlying channel
program = …                                    # convolutions, a ReLU behind all but the last
assert raised(program, predictor, inputs) == culprits

Weights are NumPy arrays (out, in, height, width), so that any framework's model may be
made of them; inputs are (samples, channels, height, width).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.batches import Batches
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import (
    Evaluation,
    Watch,
    evaluate,
    to_the_end,
)
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.frameworks.protocol import Predict
from narrowcast.runtime.graph.graph import Kind, Placement, Precision
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import Budget, Found, search

BF16, INT8 = Precision.BF16, Precision.INT8
FACTOR = 512.0
"""A power of two: in floats the function stays the same to the bit."""

TRIALS = 20
LAYERS, WIDTH, SIDE = 5, 16, 8
ALLOWED = 0.003
"""Mean squared error that is allowed, over the mean square of the outputs."""

PLANTS = ("blown", "second", "middle", "last", "first")
Array = npt.NDArray[np.float32]
Layers = Sequence[tuple[Array, Array]]


def spread(layers: Layers, k: int) -> list[tuple[Array, Array]]:
    """The same function where layer k takes one channel that is larger by `FACTOR`.

    One scale for all channels of an activation then leaves the others few integers.
    What lies between the layers must be a ReLU or a pooling.
    """
    found = [(weight.copy(), bias.copy()) for weight, bias in layers]
    (before, bias), (after, _) = found[k - 1], found[k]
    before[0] *= FACTOR
    bias[0] *= FACTOR
    after[:, 0] /= FACTOR
    return found


def first(layers: Layers, inputs: Sequence[Array]) -> tuple[Layers, list[Array]]:
    """The same function of inputs whose first channel is larger by `FACTOR`."""
    (weight, bias), *others = layers
    weight = weight.copy()
    weight[:, 0] /= FACTOR
    given = [each.copy() for each in inputs]
    for each in given:
        each[:, 0] *= FACTOR
    return [(weight, bias), *others], given


def blown(layers: Layers, inputs: Sequence[Array]) -> tuple[Layers, list[Array]]:
    """What the second layer takes has a channel that one sample of all makes large.

    It counts for nothing: its scale alone leaves the others few integers. The inputs'
    first channel is 0 but in that sample.
    """
    (weight, bias), (after, last), *others = ((w.copy(), b.copy()) for w, b in layers)
    weight[:, 0] = 0
    weight[0], bias[0] = 0, 0
    weight[(0, 0, *(size // 2 for size in weight.shape[2:]))] = FACTOR
    after[:, 0] = 0
    given = [each.copy() for each in inputs]
    for each in given:
        each[:, 0] = 0
    given[0][0, 0] = 1
    return [(weight, bias), (after, last), *others], given


def sharp(logits: Array, scale: float) -> Array:
    """Weights of what a softmax reads, so large that a small error is another choice."""
    return (logits * np.float32(scale)).astype(np.float32)


def planted(name: str) -> tuple[Layers, list[Array], set[int]]:
    """Layers and inputs with a plant of that name, and which layers suffer from it."""
    random = np.random.default_rng(0)
    deviation = np.sqrt(2 / (WIDTH * 9))
    layers: Layers = [
        (
            (random.standard_normal((WIDTH, WIDTH, 3, 3)) * deviation).astype("f"),
            (random.standard_normal(WIDTH) * 0.1).astype("f"),
        )
        for _ in range(LAYERS)
    ]
    random = np.random.default_rng(1)
    shape = (4, WIDTH, SIDE, SIDE)
    inputs = [random.standard_normal(shape).astype("f") for _ in range(4)]
    match name:
        case "blown":
            return *blown(layers, inputs), {1}
        case "first":
            return *first(layers, inputs), {0}
    k = {"second": 1, "middle": 2, "last": LAYERS - 1}[name]
    return spread(layers, k), inputs, {k}


def searched(
    program: Any,
    predictor: Callable[[Any], Predict],
    original: Predict,
    batches: Batches,
    tolerance: float,
) -> tuple[Found, list[Placement]]:
    """Search for a mean squared error within a tolerance."""
    calls: list[Placement] = []

    def score(placement: Placement, watch: Watch = to_the_end) -> Evaluation:
        calls.append(placement)
        made = predictor(program.apply(placement))
        return evaluate(made, batches, MSE, watch=watch)

    found = search(
        program,
        score,
        low=BF16,
        objective=low_compute,
        pins=Pins(),
        criterion=Criterion(absolute=tolerance, higher_is_better=False),
        baseline=evaluate(original, batches, MSE),
        budget=Budget(max_trials=TRIALS),
        progress=Terminal(io.StringIO()),
        clock=lambda: 0.0,
    )
    return found, calls


def raised(
    program: Any,
    predictor: Callable[[Any], Predict],
    inputs: Sequence[Array],
    allowed: float = ALLOWED,
) -> set[int]:
    """Which contractions a search raises above int8, by their place among all.

    The criterion is met in as many evaluations as there may be; all others are in int8.
    """
    fp32 = dict.fromkeys(program.graph.by_id, Precision.FP32)
    original = predictor(program.apply(fp32))
    given = [(each,) for each in inputs]
    labels = [original(each)[0] for each in given]

    def batches() -> Iterator[Any]:
        yield from zip(given, labels, strict=True)

    most = allowed * float(np.mean(np.square(labels)))
    found, calls = searched(program, predictor, original, batches, most)
    placement = found.plans[0].placement
    best = evaluate(predictor(program.apply(placement)), batches, MSE)
    assert best.value <= most and len(calls) <= TRIALS
    ops = [op for op in program.graph.ops if op.kind is Kind.COMPUTE]
    assert all(op.kernel(INT8) for op in ops)
    return {k for k, op in enumerate(ops) if placement[op.id] is not INT8}
