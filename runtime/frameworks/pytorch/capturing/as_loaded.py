"""Whether it is the model itself that fails, where something went wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from ....common.errors import ModelError
from ...protocol import Inputs
from ..running.calling import Binding
from ..running.predict import returned
from ..running.private import private
from .untraceable import reason, where


@contextmanager
def explained(
    model: torch.nn.Module, bind: Binding, inputs: Inputs, names: Sequence[str]
) -> Iterator[None]:
    """What goes wrong inside is told as the model's own, if it fails uncaptured too.

    Args:
        names: Of the inputs, for messages.

    Raises:
        ModelError: The model fails on the inputs, or returns no tensor.
    """
    try:
        yield
    except Exception:
        _check_it_runs(model, bind, inputs, names)
        raise


def _check_it_runs(
    model: torch.nn.Module, bind: Binding, inputs: Inputs, names: Sequence[str]
) -> None:
    args, kwargs = bind(inputs)
    try:
        with torch.no_grad():
            outputs = private(model)(*args, **kwargs)
    except Exception as error:
        given = zip(names, inputs, strict=False)
        shown = ", ".join(f"{name} {_form(value)}" for name, value in given)
        raise ModelError(
            f"the model as loaded fails on {shown or 'its inputs'}{where(error)}: "
            f"{type(error).__name__}: {reason(error)}",
            "Let model.inputs say what forward() takes: shapes, dtypes, and values that "
            "it can work on; the module itself must compute in float32.",
        ) from error
    returned(outputs)


def _form(value: torch.Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
