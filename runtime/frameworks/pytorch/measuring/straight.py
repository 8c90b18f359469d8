"""Gradients straight through a quantize and its dequantize.

Rounding has a slope of zero nearly everywhere, so that no gradient would reach what
lies before it. What changes there arrives behind all the same, as it is, but where it
is cut off at the ends of the 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from ..ir import nodes


def past(
    value: torch.Tensor,
    node: fx.Node,
    env: Mapping[fx.Node, Any],
    rounded: Mapping[fx.Node, torch.Tensor],
) -> torch.Tensor:
    """What a dequantize made, with the gradient of what was quantized.

    Args:
        env: Node → value.
        rounded: What the quantizes before it took.
    """
    taken = dict(nodes.arguments(node))
    integers = taken["input"]
    source = rounded.get(integers.args[0]) if nodes.quantizes(integers) else None
    if source is None or source.shape != value.shape:
        return value
    held = env[integers]
    ends = (taken.get("quant_min"), taken.get("quant_max"))
    if all(isinstance(end, int) for end in ends):
        inside = (held > ends[0]) & (held < ends[1])
    else:
        inside = torch.ones_like(held, dtype=torch.bool)
    wide = source.to(value.dtype)
    through = torch.where(inside, wide, wide.detach())
    return value.detach() + (through - through.detach())
