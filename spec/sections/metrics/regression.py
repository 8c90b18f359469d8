"""Metrics of numbers."""

from __future__ import annotations

from pydantic import Field

from ..fields import Flag
from .measure import Measure


class MSE(Measure):
    """Mean squared error between outputs and labels; lower is better."""

    higher_is_better = False
    compare_label: Flag = Field(
        default=True,
        description="Compare with the labels; false, with fp32's outputs, is not built.",
    )
