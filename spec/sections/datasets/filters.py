"""`filter`: which samples of a dataset are left out."""

from pydantic import Field

from ..fields import Size
from ..section import Block, Section


class Balance(Section):
    """Keeps the images that have exactly so many objects."""

    size: Size = Field(default=1, description="Objects of an image.")


class FilterSection(Section):
    """Which samples are left out."""

    LabelBalance: Block[Balance] = Field(
        default=None,
        description="Keep the images of COCORaw or COCORecord with so many objects.",
    )
