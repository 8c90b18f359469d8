"""OneDNN's int8 kernels, called as inductor calls them in compiled packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from ..ir import nodes
from ..writing.int8.candidate import IntegerWeight

Kernel = Callable[[torch.Tensor, Any, Any], torch.Tensor]
"""Takes integers, their scale and their zero point."""

PLAIN: tuple[str, list[float], str] = ("none", [], "")
"""Nothing is fused behind the kernel."""


def kernel(
    node: fx.Node, weight: IntegerWeight, bias: torch.Tensor | None, dtype: torch.dtype
) -> Kernel:
    """A contraction's kernel, its weight packed for it.

    Args:
        dtype: Of what it makes.
    """
    if nodes.operator_name(node).startswith("conv"):
        return _convolution(node, weight, bias, dtype)
    packed = torch.ops.onednn.qlinear_prepack(weight.values, None)

    def product(integers: torch.Tensor, scale: Any, zero: Any) -> torch.Tensor:
        return torch.ops.onednn.qlinear_pointwise(  # type: ignore[no-any-return]
            integers,
            scale,
            zero,
            packed,
            weight.scales,
            weight.zeros,
            bias,
            1.0,
            0,
            dtype,
            *PLAIN,
        )

    return product


def _convolution(
    node: fx.Node, weight: IntegerWeight, bias: torch.Tensor | None, dtype: torch.dtype
) -> Kernel:
    given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    given |= {k: v for k, v in nodes.arguments(node) if k in given}
    sizes = weight.values.shape[2:]
    steps = [_each(given[name], len(sizes)) for name in ("stride", "dilation")]
    stride, dilation = steps
    padding = _padding(given["padding"], dilation, sizes)
    groups = given["groups"]
    packed = torch.ops.onednn.qconv_prepack(
        weight.values, weight.scales, 1.0, 0, stride, padding, dilation, groups, None
    )

    def convolution(integers: torch.Tensor, scale: Any, zero: Any) -> torch.Tensor:
        return torch.ops.onednn.qconv_pointwise(  # type: ignore[no-any-return]
            integers,
            scale,
            zero,
            packed,
            weight.scales,
            weight.zeros,
            bias,
            stride,
            padding,
            dilation,
            groups,
            1.0,
            0,
            dtype,
            *PLAIN,
        )

    return convolution


def _each(given: Any, count: int) -> list[int]:
    values = list(given) if isinstance(given, (tuple, list)) else [given]
    return values * count if len(values) == 1 else values


def _padding(given: Any, dilation: list[int], sizes: torch.Size) -> list[int]:
    if given == "valid":
        return [0] * len(sizes)
    if given == "same":
        both = [step * (size - 1) for step, size in zip(dilation, sizes, strict=True)]
        if any(each % 2 for each in both):
            raise ValueError("its padding is not the same on both sides")
        return [each // 2 for each in both]
    return _each(given, len(sizes))
