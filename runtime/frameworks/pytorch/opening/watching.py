"""Seeing what the user's own code calls a module with."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ...inputs import Calls
from ..running.given import native


@contextmanager
def watched(model: Any) -> Iterator[Calls]:
    """As `Callee.watched`."""
    module, calls = native(model), Calls()
    signature = inspect.signature(module.forward)

    def see(
        called: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        # A call that does not fit fails by itself.
        given = signature.bind_partial(*args, **kwargs).arguments
        tensors = {k: v for k, v in given.items() if isinstance(v, torch.Tensor)}
        if not calls.first:
            calls.first.update({k: v.detach().clone() for k, v in tensors.items()})
        if tensors.keys() == calls.first.keys():
            shapes = (tuple(tensors[name].shape) for name in calls.first)
            calls.shapes.append(tuple(shapes))

    hook = module.register_forward_pre_hook(see, with_kwargs=True)
    try:
        yield calls
    finally:
        hook.remove()
