"""What rounding one op is predicted to do to the model's outputs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """How an estimate came about."""

    SKETCH = "sketch"
    SPLITTING = "splitting"


@dataclass(frozen=True, slots=True)
class Estimate:
    """The predicted harm of one op in 16 bits, or in int8, on the calibration batch.

    Attributes:
        op: Its id.
        error: Output error if only this op were low: RMS of the difference over the
            RMS of the fp32 output; infinite where outputs would not be finite.
        share: Its square over the sum of all ops' squares.
        method: Adjoint sketch, or splitting groups that alone were low.
        int8: Whether it is its harm in int8.
    """

    op: str
    error: float
    share: float
    method: Method
    int8: bool = False
