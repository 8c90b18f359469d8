"""What a placement gains, for people."""

from __future__ import annotations

from collections.abc import Sequence


def amount(gain: float, unit: str) -> str:
    """A gain for people."""
    scale: Sequence[tuple[float, str]] = {
        "FLOPs": ((1e9, "GFLOPs"), (1e6, "MFLOPs"), (1.0, "FLOPs")),
        "bytes": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes")),
        "seconds": ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")),
    }.get(unit, ((1.0, unit),))
    for size, name in scale:
        if abs(gain) >= size:
            return f"{gain / size:.3g} {name}"
    size, name = scale[-1]
    return f"{gain / size:.3g} {name}"
