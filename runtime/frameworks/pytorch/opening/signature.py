"""What a model itself says of its inputs."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.export import ExportedProgram

from ...inputs import Arguments, Input
from ..running.calling import VARIADIC
from ..running.given import module_of
from .program_inputs import module_inputs, program_inputs

KEYWORDS = inspect.Parameter.VAR_KEYWORD
POSITIONS = inspect.Parameter.VAR_POSITIONAL


def signature(model: Any) -> tuple[Input, ...]:
    """The inputs that the model declares: an exported program's with sizes and dtypes.

    A size that may vary has the name that torch gave it. A module declares no more than
    the names of the arguments that forward() needs.

    Raises:
        ModelError: It is no module that can be converted (`given.module_of`).
    """
    if isinstance(model, ExportedProgram):
        return tuple(_input(*each) for each in program_inputs(model).items())
    module = module_of(model)
    exported = module_inputs(module)
    if exported is not None:
        return tuple(_input(*each) for each in exported.items())
    return tuple(map(Input, arguments(module).required))


def arguments(model: Any) -> Arguments:
    """As `Callee.arguments`: the parameters of forward()."""
    module = module_of(model)
    parameters = inspect.signature(module.forward).parameters.values()
    plain = [each for each in parameters if each.kind not in VARIADIC]
    kinds = {each.kind for each in parameters}
    return Arguments(
        f"{type(module).__name__}.forward()",
        tuple(each.name for each in plain),
        tuple(each.name for each in plain if each.default is each.empty),
        tuple(each.name for each in plain if _may_be_a_tensor(each.default)),
        more=POSITIONS in kinds,
        any_name=KEYWORDS in kinds,
    )


def _may_be_a_tensor(default: Any) -> bool:
    """Whether that is left out which has this default: a flag or a size is no tensor."""
    return default is None or isinstance(default, torch.Tensor)


def _input(name: str, value: torch.Tensor) -> Input:
    shape = tuple(size if isinstance(size, int) else str(size) for size in value.shape)
    dtype = str(value.dtype).removeprefix("torch.")
    return Input(name, shape, dtype, by="the model")
