"""What a fresh process does with a saved model: score it, run it, time it.

What runs there is a module-level function, since a spawned Python finds it by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..common.errors import ModelError, NarrowcastError, RunningError
from ..common.places import users_code
from ..common.processes.answering import Answer, answering
from ..common.processes.fresh import FreshProcess
from ..common.timing import Clock, Latency, interleaved
from ..frameworks.inputs import Input
from ..frameworks.protocol import (
    Inputs,
    LoadSaved,
    Outputs,
    Predict,
    first_call,
    restart,
)
from .batches import Batches, first_inputs
from .evaluation import Evaluation, evaluate
from .metrics.metric import Metric

P = ParamSpec("P")
T = TypeVar("T")

OPENING = FreshProcess("opened the saved model")

TIMING = FreshProcess(
    "timed fp32 and what was saved",
    "It holds all that is timed at once: where it ran out of memory, a smaller "
    "batch_size helps.",
)


def evaluate_file(
    load_saved: LoadSaved, path: Path, batches: Batches, metric: Callable[[], Metric]
) -> Evaluation:
    """Score the saved model on all batches."""
    return evaluate(_loaded(load_saved, path), batches, metric)


def predict_file(load_saved: LoadSaved, path: Path, batches: Batches) -> Outputs:
    """The saved model's outputs on the first batch."""
    return _loaded(load_saved, path)(first_inputs(batches))


def _loaded(load_saved: Callable[[Path], T], path: Path) -> T:
    """The model opened, which fails of something else than of the data.

    Raises:
        ModelError: It can't be opened.
    """
    with users_code(_not_opened):
        return load_saved(path)


def _not_opened(error: BaseException) -> ModelError:
    return RunningError(
        f"the saved model can't be opened: {type(error).__name__}: {error}",
        "It is opened as deployers will open it: without load_model() and what that "
        "imports.",
    )


def time_file(
    load_model: Callable[[], Any],
    predictor: Callable[[Any, Sequence[Input]], Predict],
    load_saved: LoadSaved,
    files: Mapping[str, Path],
    batches: Batches,
    declared: Sequence[Input],
    clock: Clock,
    compiled: tuple[LoadSaved, Path] | None = None,
) -> dict[str, Latency]:
    """Time the model as loaded ("fp32") and what was saved, in turn, by their names.

    Args:
        compiled: How to load a compiled package, and its path; timed as "compiled".
    """
    fp32 = predictor(load_model(), declared)
    return time_here(fp32, load_saved, files, batches, clock, compiled)


def time_here(
    fp32: Predict,
    load_saved: LoadSaved,
    files: Mapping[str, Path],
    batches: Batches,
    clock: Clock,
    compiled: tuple[LoadSaved, Path] | None = None,
) -> dict[str, Latency]:
    """As `time_file`, of a model that is loaded already, in this process."""
    inputs = first_inputs(batches)
    models = {"fp32": fp32}
    models |= {name: load_saved(path) for name, path in files.items()}
    if compiled is not None:
        load_compiled, package = compiled
        models["compiled"] = load_compiled(package)
    calls = {name: partial(first_call, model, inputs) for name, model in models.items()}
    return interleaved(calls, clock)


class _Asked:
    """A saved model that another process has opened."""

    def __init__(self, ask: Answer) -> None:
        self.ask = ask

    def __call__(self, inputs: Inputs, /) -> Outputs:
        found: Outputs = self.ask(tuple(map(_alone, inputs)))
        return found

    def restart(self) -> None:
        self.ask(None)


def _alone(value: Any) -> Any:
    """A tensor without what PyTorch would pickle with it: all that it is a part of."""
    return value.detach().clone() if hasattr(value, "untyped_storage") else value


def _saved_fails(error: BaseException) -> ModelError:
    return RunningError(
        f"the saved model fails on the data: {type(error).__name__}: {error}",
        "A size that the data varies must be a symbol in model.inputs.",
    )


def made_up_fails(error: BaseException) -> ModelError:
    """What is said of a saved model that fails on the first batch, where none judges."""
    return RunningError(
        f"the saved model fails on made-up inputs: {type(error).__name__}: {error}",
        "Check model.inputs in the spec, or give it data to be judged on.",
    )


@contextmanager
def asked(
    load_saved: LoadSaved,
    path: Path,
    fails: Callable[[BaseException], NarrowcastError] = _saved_fails,
) -> Iterator[Predict]:
    """The saved model in a fresh process, which is handed batches and knows no data.

    Args:
        fails: What is said where it fails.

    Raises:
        ModelError: As `opened`.
    """
    with (
        users_code(fails),
        answering(OPENING, _predictions, load_saved, path) as ask,
    ):
        yield _Asked(ask)


def _predictions(load_saved: LoadSaved, path: Path) -> Answer:
    """Answers batches with outputs, and None by going back to how it was saved."""
    predict = _loaded(load_saved, path)

    def answer(inputs: Inputs | None) -> Outputs | None:
        if inputs is not None:
            return predict(inputs)
        restart(predict)
        return None

    return answer


def opened(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a fresh process makes of the saved model.

    Raises:
        ModelError: The saved model fails where the converted one in memory did not.
    """
    with users_code(made_up_fails if function is predict_file else _saved_fails):
        return OPENING.call(function, *args, **kwargs)


def check_finite(outputs: Outputs, message: str) -> None:
    """Raise a ModelError with this message unless all floats are finite."""
    if not all(np.isfinite(each).all() for each in outputs if each.dtype.kind == "f"):
        raise ModelError(message, "Give the spec real data: random inputs may not do.")
