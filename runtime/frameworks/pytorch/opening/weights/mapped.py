"""Weights used where a file has them: mapped into memory, not copied.

Pages of a mapped file that nothing wrote are no one's memory: the system drops them where
it is short, and reads them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

import torch
from torch import nn

LARGE = 1 << 28
"""Bytes of all weights from which on they stay where they are in the file.

Smaller ones are copied into the module's memory, which is aligned as kernels like it:
sums of MKL go by that in their last place.
"""


def placed(model: nn.Module, weights: Mapping[str, Any]) -> dict[str, Any]:
    """The weights as the module's own tensors, for `load_state_dict` to assign.

    A tensor that is known under several names stays one. What has no data yet, on the
    meta device, and what is large take the file's; the others are copied into. Where
    shapes differ, the weight itself is left for torch to refuse.
    """
    own = model.state_dict(keep_vars=True)
    large = sum(map(_bytes, weights.values())) >= LARGE
    users = _users(own)
    made: dict[int, torch.Tensor] = {}
    found = dict(weights)
    for name, value in weights.items():
        target = own.get(name)
        if not _is_plain(target) or not _fits(target, value):
            continue
        if id(target) not in made:
            alone = users.get(target.untyped_storage()._cdata) == 1
            made[id(target)] = _placed(target, value, large and alone)
        found[name] = made[id(target)]
    return found


def _placed(target: torch.Tensor, value: torch.Tensor, map_: bool) -> torch.Tensor:
    if target.is_meta:
        value = value.detach().to(target.dtype)
        if isinstance(target, nn.Parameter):
            return nn.Parameter(value, requires_grad=target.requires_grad)
        return value
    if map_ and _same_layout(target, value):
        target.data = value.detach()
    else:
        with torch.no_grad():
            target.copy_(value)
    return target


def _is_plain(target: object) -> TypeGuard[torch.Tensor]:
    return type(target) in (torch.Tensor, nn.Parameter)


def _fits(target: torch.Tensor, value: Any) -> TypeGuard[torch.Tensor]:
    return isinstance(value, torch.Tensor) and target.shape == value.shape


def _same_layout(target: torch.Tensor, value: torch.Tensor) -> bool:
    return (
        target.dtype == value.dtype
        and target.device == value.device
        and target.stride() == value.stride()
    )


def _users(own: Mapping[str, Any]) -> dict[int, int]:
    """Storage → how many different tensors lie in it: views of another must follow it."""
    tensors = {id(value): value for value in filter(_is_plain, own.values())}
    counts: dict[int, int] = {}
    for tensor in tensors.values():
        place = tensor.untyped_storage()._cdata
        counts[place] = counts.get(place, 0) + 1
    return counts


def _bytes(value: Any) -> int:
    return value.nbytes if isinstance(value, torch.Tensor) else 0
