"""What each op is thought to do to the model's outputs when it goes low."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """How an error was estimated."""

    SKETCH = "sketch"
    SPLITTING = "splitting"


@dataclass(frozen=True, slots=True)
class Estimate:
    """One op's part in the output error.

    Attributes:
        op: Its id.
        error: Relative RMS error of the outputs when only this op is low; infinite
            where they are no longer finite.
        share: Its part of the sum of all squared errors, 0 to 1.
        exact: True if the op ran low in the whole model (splitting), False if the
            error is one to first order (the adjoint sketch).
    """

    op: str
    error: float
    share: float
    exact: bool
