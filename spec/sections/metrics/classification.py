"""Metrics of classes."""

from __future__ import annotations

from pydantic import Field

from ..fields import Size
from .measure import Measure


class TopK(Measure):
    """Share of samples whose label is among the k largest outputs."""

    higher_is_better = True
    k: Size = Field(description="How many outputs count.")
