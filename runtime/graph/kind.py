"""What ops do to their values."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What an op does to its values, which decides what it costs and whether it rounds.

    COMPUTE: contractions (matmul, convolution, recurrent cells), nearly all FLOPs.
    POINTWISE: arithmetic per element and reductions; rounds.
    MOVER: moves or selects values and rounds nothing (reshape, relu, max-pool).
    FIXED: takes and makes no fp32 tensor that could be cast, or sets dtypes itself.
    """

    COMPUTE = "compute"
    POINTWISE = "pointwise"
    MOVER = "mover"
    FIXED = "fixed"
