"""A supplied PyTorch model: a file, what makes the module, or the object itself."""

from __future__ import annotations

import copy
import io
import os
import re
from collections.abc import Mapping, Sequence
from functools import partial, reduce
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass

from ....common.errors import ModelError
from ....common.places import described, place_of, users_code
from ....common.suggestion import suggestion
from ...inputs import Input
from ..ir.training import check_inference
from ..running.given import in_training, module_of, own_copy
from .exported_program import open_pt2
from .program_inputs import check_inputs

PROGRAM = ".pt2"
WEIGHTS = (".safetensors", ".pt", ".pth", ".bin")
FACTORY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
"""`package.module:name`, also of an attribute of what has that name."""

TAKES = (
    "Give `package.module:factory`, a function that makes the module and loads its "
    "weights, or the .pt2 that torch.export.save writes."
)


def open_supplied(
    source: Any,
    inputs: Sequence[Input] = (),
    *,
    device: str = "cpu",
    trust: bool = False,
) -> nn.Module:
    """Open what a user has of a model, in evaluation mode and on a device.

    The user's object stays as it is. It is returned itself where it is so already; else
    a copy is, which shares the weights unless they are moved.

    Args:
        source: The path of a `.pt2`; `package.module:name` of a function that is called
            without arguments and returns the module, or of the module itself; a
            `torch.nn.Module` or an `ExportedProgram`.
        inputs: What an exported program is held against, if anything.
        device: Where its weights are put.
        trust: As of `open_pt2`.

    Raises:
        ModelError: It is nothing of these, can't be made, or as of `open_pt2`.
    """
    if isinstance(source, str) and FACTORY.fullmatch(source) and not Path(source).drive:
        source = _made(source)
    elif isinstance(source, str | os.PathLike):
        return _opened(Path(source), inputs, device, trust).module()
    if isinstance(source, ExportedProgram):
        return _program(source, inputs, torch.device(device)).module()
    if isinstance(source, Mapping):
        raise ModelError(
            "the model is a state dict: weights without the module that they are of",
            "Make the module, call .load_state_dict() on it, and give that.",
        )
    return _ready(module_of(source), torch.device(device))


def _opened(
    path: Path, inputs: Sequence[Input], device: str, trust: bool
) -> ExportedProgram:
    name, kind = path.name, path.suffix.lower()
    if kind in WEIGHTS:
        raise ModelError(
            f"`{name}` is no exported program: weights, a pickled module or TorchScript",
            TAKES,
        )
    if kind != PROGRAM:
        raise ModelError(f"`{name}` is not a kind of model that can be read", TAKES)
    if not path.exists():
        raise ModelError(
            f"the model {path} does not exist",
            f"Paths are relative to where the script is started, {Path.cwd()}.",
        )
    return open_pt2(path, inputs, device=device, trust=trust, place=f"the model {name}")


def _made(source: str) -> Any:
    """What a name stands for: a module is taken as it is, a function is called."""
    module, _, name = source.partition(":")
    with users_code(partial(_not_imported, source)):
        scope = import_module(module)
    try:
        found = reduce(getattr, name.split("."), scope)
    except AttributeError as error:
        own = [each for each in vars(scope) if not each.startswith("_")]
        raise ModelError(f"{module} has no `{name}`", suggestion(name, own)) from error
    if isinstance(found, nn.Module | ExportedProgram) or not callable(found):
        return found
    with users_code(partial(_not_made, source)):
        return found()


def _not_imported(source: str, error: BaseException) -> ModelError:
    missing = isinstance(error, ModuleNotFoundError)
    return ModelError(
        f"the model {source} can't be imported{place_of(error)}: {described(error)}",
        "Modules are looked for beside the script, and among what is installed."
        if missing
        else "",
    )


def _not_made(source: str, error: BaseException) -> ModelError:
    return ModelError(
        f"{source}() failed{place_of(error)}: {described(error)}",
        "It is called without arguments and must return a torch.nn.Module.",
    )


def _program(
    program: ExportedProgram, inputs: Sequence[Input], device: torch.device
) -> ExportedProgram:
    check_inference(program.graph_module, "the model")
    if inputs:
        check_inputs(program, inputs, "the model")
    values = (*program.state_dict.values(), *program.constants.values())
    if all(_is_on(each, device) for each in values if isinstance(each, torch.Tensor)):
        return program
    return move_to_device_pass(_copied(program), device)


def _copied(program: ExportedProgram) -> ExportedProgram:
    """By way of an archive: a graph that is copied may rename its inputs."""
    archive = io.BytesIO()
    torch.export.save(program, archive)
    return torch.export.load(archive)


def _ready(model: nn.Module, device: torch.device) -> nn.Module:
    """The module in evaluation mode and on the device."""
    weights = [*model.parameters(), *model.buffers()]
    if not all(_is_on(weight, device) for weight in weights):
        model = _moved(model, device)
    return own_copy(model) if in_training(model) else model


def _is_on(value: torch.Tensor, device: torch.device) -> bool:
    """Whether a tensor is on a device, of which any will do where it has no number."""
    same = value.device.type == device.type
    return same and device.index in (None, value.device.index)


def _moved(model: nn.Module, device: torch.device) -> nn.Module:
    """A copy with its weights on a device: `model.to` would move the user's."""
    held = chain(model.parameters(), model.buffers())
    moved = {id(each): _on(each, device) for each in held}
    try:
        return copy.deepcopy(model, moved)
    except Exception as error:  # any object in the model may refuse, in any way
        raise ModelError(
            f"the model is not on {device}, and it can't be copied there: "
            f"{described(error)}",
            f"Call .to('{device}') on it.",
        ) from error


def _on(value: torch.Tensor, device: torch.device) -> torch.Tensor:
    there = value.detach().to(device)
    if isinstance(value, nn.Parameter):
        return nn.Parameter(there, requires_grad=value.requires_grad)
    return there
