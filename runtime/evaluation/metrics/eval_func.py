"""A function of the user's that scores a whole model: `eval_func(model)`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...common.errors import MetricError
from ...common.places import described, place_of, users_code
from ...common.processes.untouched import untouched_and_seeded
from ...common.telling.waiting import CALLING, waiting
from ..evaluation import Evaluation
from ..saved import _loaded
from .calling import first_number

EvalFunc = Callable[[Any], Any]
"""Model, as the framework's own object → its accuracy, or a list that begins with it."""

REMEDY = (
    "eval_func(model) gets the framework's own model and returns one finite number, or a "
    "list that begins with it."
)


def score_model(eval_func: EvalFunc, model: Any) -> Evaluation:
    """What the function says of a model; of how many samples, only it knows.

    Raises:
        MetricError: It fails, or gives no finite number.
    """
    name = function_name(eval_func)

    def failed(error: BaseException) -> MetricError:
        return MetricError(
            f"{name} failed{place_of(error)}: {described(error)}", REMEDY
        )

    with users_code(failed), untouched_and_seeded(), waiting(CALLING):
        found = eval_func(model)
    value = first_number(found)
    if value is None or not math.isfinite(value):
        what = f"{type(found).__name__}, not a number" if value is None else f"{value}"
        raise MetricError(f"{name}{_place(eval_func)} gives {what}", REMEDY)
    # Neural Compressor's functions may give several: one criterion judges the first.
    several = isinstance(found, list | tuple) and len(found) > 1
    return Evaluation(f"{name}[0]" if several else name, value, None, finite=True)


def score_file(
    open_native: Callable[[Path], Any], path: Path, eval_func: EvalFunc
) -> Evaluation:
    """What the function says of a saved model.

    Raises:
        ModelError: It can't be opened.
        MetricError: As of `score_model`.
    """
    return score_model(eval_func, _loaded(open_native, path))


def function_name(function: EvalFunc) -> str:
    """What a function, or what is called as one, goes by in reports."""
    return str(getattr(function, "__name__", type(function).__name__))


def _place(function: EvalFunc) -> str:
    code = getattr(function, "__code__", None)
    return f" at {Path(code.co_filename).name}:{code.co_firstlineno}" if code else ""
