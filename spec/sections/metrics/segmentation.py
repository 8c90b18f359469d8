"""Metrics of maps with a class for each pixel."""

from pydantic import Field

from ..fields import Size
from ..section import Block, Section
from .measure import Measure


class MIoU(Measure):
    """Mean over classes of intersection over union."""

    higher_is_better = True
    num_classes: Size = Field(default=21, description="How many classes there are.")


class Catalogue(Section):
    """What `metric` can name of these."""

    mIOU: Block[MIoU] = Field(
        default=None, description="Mean overlap of segments, over classes."
    )
