"""Weights used where a file has them: mapped into memory, not copied.

Pages of a mapped file that nothing wrote are no one's memory: the system drops them where
it is short, and reads them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

LARGE = 1 << 28
"""Bytes of all weights from which on they stay where they are in the file.

Smaller ones are copied into the module's memory, which is aligned as kernels like it:
sums of MKL go by that in their last place.
"""


def load(model: nn.Module, weights: Mapping[str, Any]) -> None:
    """As `model.load_state_dict(weights)`, large weights mapped.

    Raises:
        Exception: As that does, of whatever it finds amiss.
    """
    if type(model).load_state_dict is not nn.Module.load_state_dict:
        model.load_state_dict(weights)  # the author's own, who knows better
        return
    model.load_state_dict(_placed(model, weights), assign=True)


def _placed(model: nn.Module, weights: Mapping[str, Any]) -> dict[str, Any]:
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
    for name, target in own.items():
        value: Any = weights.get(name)
        if not _fits(target, value):
            continue
        if target.is_meta:
            new = made.setdefault(id(target), _real(target))
            new.data = value.detach().to(target.dtype)
            found[name] = new
            continue
        alone = users.get(target.untyped_storage()._cdata) == 1
        if large and alone and _same_layout(target, value):
            target.data = value.detach()
        else:
            with torch.no_grad():
                target.copy_(value)
        found[name] = target
    return found


def _real(target: torch.Tensor) -> torch.Tensor:
    """What takes the place of a tensor on the meta device; its data comes later."""
    empty = torch.empty(0, dtype=target.dtype)
    if isinstance(target, nn.Parameter):
        return nn.Parameter(empty, requires_grad=target.requires_grad)
    return empty


def _fits(target: object, value: object) -> bool:
    """Whether a weight can become a tensor's data; what has no shape yet is torch's."""
    if not isinstance(target, torch.Tensor) or not isinstance(value, torch.Tensor):
        return False
    if is_lazy(target) or (target.is_meta and not _is_plain(target)):
        return False
    return target.shape == value.shape


def _is_plain(target: object) -> bool:
    return type(target) in (torch.Tensor, nn.Parameter)


def _same_layout(target: torch.Tensor, value: torch.Tensor) -> bool:
    return (
        _is_plain(target)
        and target.dtype == value.dtype
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
