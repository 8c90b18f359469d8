"""A model of one's own to run: the user's keeps its state, and runs can start over."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx

from . import state


def private(model: torch.nn.Module) -> torch.nn.Module:
    """A copy that shares the weights and has buffers of its own.

    What can't be copied is returned itself.
    """
    if isinstance(model, fx.GraphModule):
        return _private_graph(model)
    shared: list[torch.Tensor] = [*model.parameters()]
    for module in model.modules():
        # Weights that hooks compute are no leaves, and only leaves can be copied.
        held = vars(module).values()
        shared += [v for v in held if isinstance(v, torch.Tensor) and not v.is_leaf]
    try:
        return copy.deepcopy(model, {id(tensor): tensor for tensor in shared})
    except Exception:  # any object in the model may refuse, in any way
        return model


def _private_graph(module: fx.GraphModule) -> fx.GraphModule:
    changed = state.written(module)
    if not changed:
        return module
    own = fx.GraphModule(module, copy.deepcopy(module.graph))
    for name, buffer in changed.items():
        path, _, last = name.rpartition(".")
        own.get_submodule(path).register_buffer(last, buffer.clone())
    return own


class Buffers:
    """The buffers of a model that may change, and what they hold now."""

    def __init__(self, model: Any) -> None:
        self.kept = [_Kept(*place) for place in _places(model)]

    def restore(self) -> None:
        """Put back what they held."""
        with torch.no_grad():
            for each in self.kept:
                each.restore()

    def hold(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor's memory is that of a buffer, which will change."""
        place = tensor.untyped_storage().data_ptr()
        return any(
            place == each.buffer.untyped_storage().data_ptr() for each in self.kept
        )


def anew(
    model: Callable[..., object], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Callable[[], object]:
    """Calls a model as if each time were the first."""
    buffers = Buffers(model)

    def call() -> object:
        buffers.restore()
        return model(*args, **kwargs)

    return call


def _places(model: Any) -> list[tuple[torch.nn.Module, str]]:
    """Owner and name of each buffer that may change."""
    if isinstance(model, fx.GraphModule):
        names = [name.rpartition(".") for name in state.written(model)]
        return [(model.get_submodule(path), last) for path, _, last in names]
    modules = model.modules() if isinstance(model, torch.nn.Module) else ()
    return [
        (owner, name)
        for owner in modules
        for name, buffer in owner._buffers.items()
        if buffer is not None
    ]


class _Kept:
    """One buffer and what it held."""

    def __init__(self, owner: torch.nn.Module, name: str) -> None:
        self.owner, self.name = owner, name
        self.buffer = owner.get_buffer(name)
        self.value = self.buffer.clone()
        self.version = self._version()

    def restore(self) -> None:
        """Copy only what was changed: this may stand between two timed calls."""
        if self._version() != self.version:
            self.buffer.copy_(self.value)
            self.version = self._version()
        if self.owner._buffers[self.name] is not self.buffer:
            self.owner._buffers[self.name] = self.buffer

    def _version(self) -> int:
        return -1 if self.buffer.is_inference() else self.buffer._version
