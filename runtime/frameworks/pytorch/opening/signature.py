"""What a model itself says of its inputs."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.export import ExportedProgram

from ...inputs import Input
from ..running.calling import VARIADIC
from ..running.given import module_of
from .program_inputs import program_inputs


def signature(model: Any) -> tuple[Input, ...]:
    """The inputs that the model declares: an exported program's with sizes and dtypes.

    A size that may vary has the name that torch gave it. A module declares no more than
    the names of the arguments that forward() needs.

    Raises:
        ModelError: It is no module that can be converted (`given.module_of`).
    """
    if isinstance(model, ExportedProgram):
        return tuple(_input(*each) for each in program_inputs(model).items())
    parameters = inspect.signature(module_of(model).forward).parameters.values()
    return tuple(
        Input(each.name)
        for each in parameters
        if each.default is each.empty and each.kind not in VARIADIC
    )


def _input(name: str, value: torch.Tensor) -> Input:
    shape = tuple(size if isinstance(size, int) else str(size) for size in value.shape)
    return Input(name, shape, str(value.dtype).removeprefix("torch."))
