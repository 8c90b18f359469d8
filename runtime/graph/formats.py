"""What the 16-bit formats can hold (IEEE 754 binary16; bfloat16: fp32's upper half)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .graph import Precision


@dataclass(frozen=True, slots=True)
class Limits:
    """Where rounding to nearest, ties to even, leaves a format's range.

    Attributes:
        largest: Largest finite value.
        overflow: Least magnitude that becomes infinite.
        flush: Largest magnitude that becomes zero.
        whole: Every whole number up to it is exact.
    """

    largest: float
    overflow: float
    flush: float
    whole: int


def _limits(mantissa: int, highest: int, lowest: int) -> Limits:
    """Of a format with `mantissa` stored bits and exponents `lowest` to `highest`."""
    return Limits(
        largest=(2 - 2.0**-mantissa) * 2.0**highest,
        overflow=(2 - 2.0 ** -(mantissa + 1)) * 2.0**highest,
        flush=2.0 ** (lowest - mantissa - 1),
        whole=2 ** (mantissa + 1),
    )


LIMITS: Mapping[Precision, Limits] = {
    Precision.BF16: _limits(7, highest=127, lowest=-126),
    Precision.FP16: _limits(10, highest=15, lowest=-14),
}
