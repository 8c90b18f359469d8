"""Shapes of fake quantisation, which torch.export asks of operators where sizes vary.

torch has no such kernels of these. Their outputs are as their first input: the rounded
values, and which of them lay within the range.
"""

from __future__ import annotations

from typing import Any

import torch

MASKED = (
    "aten::fake_quantize_per_tensor_affine_cachemask",
    "aten::fake_quantize_per_channel_affine_cachemask",
    "aten::_fake_quantize_per_tensor_affine_cachemask_tensor_qparams",
    "aten::_fused_moving_avg_obs_fq_helper",
)
PLAIN = (
    "aten::_fake_quantize_learnable_per_tensor_affine",
    "aten::_fake_quantize_learnable_per_channel_affine",
)


def register() -> None:
    """Give torch the kernels that it lacks."""
    for names, kernel in ((MASKED, _masked), (PLAIN, _plain)):
        for name in names:
            if not torch._C._dispatch_has_kernel_for_dispatch_key(name, "Meta"):
                torch.library.register_fake(name, kernel)


def _masked(values: torch.Tensor, *_rest: Any, **_named: Any) -> Any:
    return torch.empty_like(values), torch.empty_like(values, dtype=torch.bool)


def _plain(values: torch.Tensor, *_rest: Any, **_named: Any) -> torch.Tensor:
    return torch.empty_like(values)
