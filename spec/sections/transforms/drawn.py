"""Transforms at random: drawn from the seed and the sample's number."""

from pydantic import Field

from ...releases.libraries import PILLOW
from ..section import Block, Section
from .sizes import Factors, Interpolation, Range, Sides, Turns
from .transform import Drawing


class RandomCrop(Drawing):
    """Crops anywhere."""

    size: Sides = Field(description="Height and width; one number for both.")


class RandomResizedCrop(Drawing):
    """Crops a part of random area and aspect, and resizes it."""

    packages = (PILLOW,)
    size: Sides = Field(description="Height and width then; one number for both.")
    scale: Range = Field(
        default=(0.08, 1.0), description="The least and the largest share of the area."
    )
    ratio: Range = Field(
        default=(3 / 4, 4 / 3), description="The least and the largest width by height."
    )
    interpolation: Interpolation = Field(
        default="bilinear", description="Pillow's resampling."
    )


class RandomHorizontalFlip(Drawing):
    """Mirrors left and right, one image in two."""


class RandomVerticalFlip(Drawing):
    """Mirrors top and bottom, one image in two."""


class ColorJitter(Drawing):
    """Changes brightness, contrast, saturation and hue, in an order that is drawn."""

    packages = (PILLOW,)
    brightness: Factors = Field(
        default=(1.0, 1.0), description="The factor, or how far it may be away from 1."
    )
    contrast: Factors = Field(default=(1.0, 1.0), description="Likewise.")
    saturation: Factors = Field(default=(1.0, 1.0), description="Likewise.")
    hue: Turns = Field(
        default=(0.0, 0.0),
        description="How far it is turned; 0.5 is half of the circle.",
    )


# In the section, a field hides the class that it is called after.
_ColorJitter = ColorJitter
_RandomCrop = RandomCrop
_RandomHorizontalFlip = RandomHorizontalFlip
_RandomResizedCrop = RandomResizedCrop
_RandomVerticalFlip = RandomVerticalFlip


class Catalogue(Section):
    """What `transform` can name of these."""

    ColorJitter: Block[_ColorJitter] = Field(
        default=None, description="Change brightness and colors at random."
    )
    RandomCrop: Block[_RandomCrop] = Field(default=None, description="Crop at random.")
    RandomHorizontalFlip: Block[_RandomHorizontalFlip] = Field(
        default=None, description="Mirror left and right at random."
    )
    RandomResizedCrop: Block[_RandomResizedCrop] = Field(
        default=None, description="Crop at random and resize."
    )
    RandomVerticalFlip: Block[_RandomVerticalFlip] = Field(
        default=None, description="Mirror top and bottom at random."
    )
