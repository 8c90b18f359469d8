"""Metrics of maps with a class for each pixel."""

from __future__ import annotations

from pydantic import Field

from ..fields import Size
from .measure import Measure


class MIoU(Measure):
    """Mean over classes of intersection over union."""

    higher_is_better = True
    num_classes: Size = Field(default=21, description="How many classes there are.")
