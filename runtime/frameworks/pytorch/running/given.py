"""A module as a caller gives it: unwrapped, whole, and in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from types import MethodType
from typing import Any

import torch
from torch import fx, nn
from torch.export import ExportedProgram
from torch.fx.graph import _PyTreeCodeGen
from torch.nn.parameter import is_lazy

from ....common.errors import ModelError
from ..ir.training import check_inference
from .private import private


def module_of(model: Any) -> nn.Module:
    """The module that torch.export takes; the given object stays as it is.

    What torch.compile, DataParallel and DistributedDataParallel wrap, and what an
    exported program holds.

    Raises:
        ModelError: It is no module, TorchScript, a program that was exported in training mode, or
            has weights that hold no numbers.
    """
    if isinstance(model, ExportedProgram):
        model = model.module()
    while (inner := _wrapped(model)) is not None:
        model = inner
    if isinstance(model, torch.jit.ScriptModule):
        raise ModelError(
            "the model is TorchScript, which torch.export does not read",
            "Give the nn.Module that it was made from; its weights are in "
            "model.state_dict().",
        )
    if not isinstance(model, nn.Module):
        kind = "the class " if isinstance(model, type) else ""
        name = model.__name__ if isinstance(model, type) else type(model).__name__
        raise ModelError(
            f"the model is {kind}{name}, not a torch.nn.Module",
            "Give the module itself; a factory must return it.",
        )
    check_inference(model, "the model")
    _check_filled(model)
    return model


def native(model: Any) -> nn.Module:
    """As `Adapter.native`: the module, and of an exported program what it holds."""
    return model if isinstance(model, nn.Module) else evaluated(module_of(model))


def evaluated(module: nn.Module) -> nn.Module:
    """An exported program's module, which may be told to be in evaluation mode.

    It is; torch refuses to be asked for it.
    """
    for name in ("eval", "train"):
        if name in vars(module):
            setattr(module, name, MethodType(MODES[name], module))
    return module


def _eval(self: nn.Module) -> nn.Module:
    return self


def _train(self: nn.Module, mode: bool = True) -> nn.Module:
    if mode:
        raise NotImplementedError("an exported program can't be trained")
    return self


MODES = {"eval": _eval, "train": _train}


def _wrapped(model: Any) -> nn.Module | None:
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        parallel: nn.Module = model.module
        return parallel
    inner = getattr(model, "_orig_mod", None)  # torch.compile's OptimizedModule
    return inner if isinstance(inner, nn.Module) else None


def _check_filled(model: nn.Module) -> None:
    for name, value in chain(model.named_parameters(), model.named_buffers()):
        if is_lazy(value):
            raise ModelError(
                f"`{name}` of the model has no shape yet (a lazy module)",
                "Run the model once on a batch, then give it or its weights.",
            )
        if value.is_meta:
            raise ModelError(
                f"`{name}` of the model is on the meta device: it holds no numbers",
                "Load the weights first: model.to_empty(device='cpu'), then "
                "model.load_state_dict(...).",
            )


def own_copy(model: nn.Module) -> nn.Module:
    """The model with a state of its own, in evaluation mode.

    Raises:
        ModelError: It is in training mode and can't be copied.
    """
    own = private(model)
    training = in_training(own)
    if training and own is model:
        raise ModelError(
            "the model is in training mode, and it can't be copied",
            "Call .eval() on it.",
        )
    for module in training:
        module.training = False
    return own


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Every part in evaluation mode, and afterwards in the mode that it was in.

    The attribute is set, since train() may be overridden and raises on what
    torch.export made.
    """
    changed = in_training(model)
    for module in changed:
        module.training = False
    try:
        yield
    finally:
        for module in changed:
            module.training = True


def in_training(model: nn.Module) -> list[nn.Module]:
    """The parts whose mode may matter: no graphs, which hold theirs in their ops."""
    if isinstance(model, fx.GraphModule) and isinstance(
        model.graph._codegen, _PyTreeCodeGen
    ):
        return []  # what torch exported
    return [
        module
        for module in model.modules()
        if module.training
        and type(module) is not nn.Module
        and not isinstance(module, fx.GraphModule)
    ]
