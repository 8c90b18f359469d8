"""Layers that int8 can't take, planted where 16 bits are well, and what is demanded.

weights = spread(weights, 2)   # layer 2 takes a channel that is 500 times the others
found, calls = searched(program, predictor, original, batches, agreement)
check(program, found, calls, {"c2"})

Weights are NumPy arrays (out, in, …), so that any framework's model may be made of them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
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


def raised(program: Any, placement: Placement) -> set[str]:
    """Contractions above int8 that have a kernel for it."""
    ops = (op for op in program.graph.ops if op.kind is Kind.COMPUTE)
    return {op.id for op in ops if op.kernel(INT8) and placement[op.id] is not INT8}
