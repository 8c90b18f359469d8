"""Scales of int8 as a plan and a history hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.strict_json import mapped, number, row, text
from ..frameworks.quantizing.quantization import Scale, Scales

SCALES = mapped(row(number, number, text))


def scales_data(scales: Scales) -> dict[str, list[Any]]:
    """Tensor → [scale, zero point, dtype]."""
    return {
        name: [each.scale, each.zero_point, each.dtype]
        for name, each in sorted(scales.items())
    }


def scales_of(data: Mapping[str, Any]) -> dict[str, Scale]:
    """The inverse of `scales_data`."""
    return {
        str(name): Scale(float(scale), int(zero), str(dtype))
        for name, (scale, zero, dtype) in data.items()
    }
