"""Weights that a module holds under several names and a file under one.

safetensors can't hold one tensor twice, and `save_pretrained` leaves out all names of a
tied weight but one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy


def with_tied(model: nn.Module, weights: Mapping[str, Any]) -> dict[str, Any]:
    """The weights, those that are missing taken from a name of the same tensor."""
    known = {place: weights[name] for name, place in _places(model) if name in weights}
    missing = {
        name: known[place]
        for name, place in _places(model)
        if name not in weights and place in known
    }
    return {**weights, **missing}


def _places(model: nn.Module) -> Iterator[tuple[str, Hashable]]:
    """Each name that the state dict has, and where its values are kept."""
    own = model.state_dict(keep_vars=True)
    for name, value in own.items():
        if isinstance(value, torch.Tensor):
            yield name, _place(value)


def _place(value: torch.Tensor) -> Hashable:
    if is_lazy(value) or value.is_meta or not value.numel():
        return id(value)
    return value.data_ptr(), value.dtype, tuple(value.shape), value.stride()
