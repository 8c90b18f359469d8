"""What a fresh process does with a saved model: score it, run it, time it.

Module-level functions, since a spawned Python finds them by name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .evaluation import Batches, Evaluation, evaluate, first_inputs
from .frameworks.protocol import LoadSaved, Outputs, Predict
from .metrics.metric import Metric
from .timing import Clock, Latency, interleaved


def evaluate_file(
    load_saved: LoadSaved,
    path: Path,
    batches: Batches,
    metric: Callable[[], Metric],
) -> Evaluation:
    """Score the saved model on all batches."""
    return evaluate(load_saved(path), batches, metric)


def predict_file(load_saved: LoadSaved, path: Path, batches: Batches) -> Outputs:
    """The saved model's outputs on the first batch."""
    return load_saved(path)(first_inputs(batches))


def time_file(
    load_model: Callable[[], Any],
    predictor: Callable[[Any], Predict],
    load_saved: LoadSaved,
    path: Path,
    batches: Batches,
    clock: Clock,
) -> dict[str, Latency]:
    """Time the model as loaded ("fp32") and the saved one ("result"), in turn."""
    fp32, result = predictor(load_model()), load_saved(path)
    inputs = first_inputs(batches)
    calls = {"fp32": lambda: fp32(inputs), "result": lambda: result(inputs)}
    return interleaved(calls, clock)
