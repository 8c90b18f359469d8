"""Transforms that change an image's height and width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import Field, PrivateAttr, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from ...reading.codes import Code
from ...reading.source import Data
from ...releases.libraries import PILLOW
from ..fields import Among, Amounts, Flag, Whole
from ..section import Block, Problem, Section
from .sizes import Borders, Interpolation, Offset, Side, Sides, Square
from .transform import Pictorial, Transform

INTERPOLATION = "Pillow's resampling."


class Resize(Pictorial):
    """Resizes to a height and a width."""

    packages = (PILLOW,)
    size: Sides = Field(description="Height and width; one number for both.")
    interpolation: Interpolation = Field(default="bilinear", description=INTERPOLATION)
    keep_ratio: Flag = Field(
        default=False,
        description="Whether `size`, one number, is the shorter side, and the aspect "
        "is kept: as torchvision resizes.",
    )

    _both: bool = PrivateAttr(False)

    def other(self, framework: str, before: Transform | None) -> tuple[str, str] | None:
        decided = self._both or "keep_ratio" in self.model_fields_set
        if framework != "pytorch" or decided:
            return None
        side = self.size[0]
        return (
            f"makes {side} x {side} of all images, in all frameworks; Neural "
            "Compressor's for pytorch keeps the aspect",
            f"keep_ratio: true, or size: [{side}, {side}]",
        )

    def remember(self, data: Mapping[str, Data]) -> None:
        self._both = not isinstance(data.get("size"), int | str)

    @model_validator(mode="wrap")
    @classmethod
    def _remembered(
        cls, value: object, handler: ModelWrapValidatorHandler[Self]
    ) -> Self:
        made = handler(value)
        if isinstance(value, dict):
            made.remember(value)
        return made

    def problems(self) -> Iterator[Problem]:
        if self.keep_ratio and self.size[0] != self.size[1]:
            message = "where the aspect is kept, only the shorter side can be chosen"
            yield Problem(message, "write one number", ("size",))


class ResizeWithRatio(Pictorial):
    """Enlarges to a shorter side, the aspect kept, and pads if asked."""

    packages = (PILLOW,)
    min_dim: Offset = Field(
        default=800, description="The shorter side that an image has at least."
    )
    max_dim: Offset = Field(
        default=1365, description="The longer side that an image has at most."
    )
    padding: Flag = Field(
        default=False, description="Whether images are padded to max_dim x max_dim."
    )
    constant_value: Whole = Field(default=0, description="What images are padded with.")

    def problems(self) -> Iterator[Problem]:
        if self.padding and not self.max_dim:
            yield Problem(
                "images are padded to max_dim, which is 0",
                at=("max_dim",),
                code=Code.RANGE,
            )


class CenterCrop(Pictorial):
    """Crops the middle."""

    size: Sides = Field(description="Height and width; one number for both.")

    def other(self, framework: str, before: Transform | None) -> tuple[str, str] | None:
        if framework != "pytorch" or self._as_torchvision(before):
            return None
        return (
            "leaves the smaller half of an odd border above and left, in all "
            "frameworks; torchvision, Neural Compressor's for pytorch, crops one pixel "
            "further on where the border is 3, 7, 11, ...",
            "resize to sizes that are larger by an even number",
        )

    def _as_torchvision(self, before: Transform | None) -> bool:
        """Whether images come in a size of which both crop the same."""
        if not isinstance(before, Resize) or before.keep_ratio:
            return False
        borders = (had - kept for had, kept in zip(before.size, self.size, strict=True))
        return all(border % 4 != 3 for border in borders)


class PaddedCenterCrop(Pictorial):
    """Crops the middle square of size / (size + crop_padding) of the shorter side."""

    size: Square = Field(description="The side that the square is to be resized to.")
    crop_padding: Offset = Field(
        default=0, description="Of size + crop_padding, what is cut off."
    )


class CropToBoundingBox(Pictorial):
    """Crops a box."""

    offset_height: Offset = Field(description="Rows above the box.")
    offset_width: Offset = Field(description="Columns left of the box.")
    target_height: Side = Field(description="Rows of the box.")
    target_width: Side = Field(description="Columns of the box.")


class CropResize(Pictorial):
    """Crops a box and resizes it."""

    packages = (PILLOW,)
    x: Offset = Field(description="Columns left of the box.")
    y: Offset = Field(description="Rows above the box.")
    width: Side = Field(description="Columns of the box.")
    height: Side = Field(description="Rows of the box.")
    size: Sides = Field(description="Height and width then; one number for both.")
    interpolation: Interpolation = Field(default="bilinear", description=INTERPOLATION)


class Pad(Pictorial):
    """Puts borders around."""

    padding: Borders = Field(
        description="All borders, [left and right, above and below], or "
        "[left, above, right, below]."
    )
    fill: Amounts = Field(
        default=(0.0,), description="What they hold, or one number a channel."
    )
    padding_mode: Annotated[
        str, Among(("constant", "edge", "reflect", "symmetric"))
    ] = Field(default="constant", description="As NumPy's pad.")


# In the section, a field hides the class that it is called after.
_CenterCrop = CenterCrop
_CropResize = CropResize
_CropToBoundingBox = CropToBoundingBox
_Pad = Pad
_PaddedCenterCrop = PaddedCenterCrop
_Resize = Resize
_ResizeWithRatio = ResizeWithRatio


class Catalogue(Section):
    """What `transform` can name of these."""

    CenterCrop: Block[_CenterCrop] = Field(
        default=None, description="Crop around the center."
    )
    CropResize: Block[_CropResize] = Field(
        default=None, description="Crop a box and resize it."
    )
    CropToBoundingBox: Block[_CropToBoundingBox] = Field(
        default=None, description="Crop a box."
    )
    Pad: Block[_Pad] = Field(default=None, description="Pad the borders.")
    PaddedCenterCrop: Block[_PaddedCenterCrop] = Field(
        default=None, description="Crop around the center, a share of the image."
    )
    Resize: Block[_Resize] = Field(default=None, description="Resize images.")
    ResizeWithRatio: Block[_ResizeWithRatio] = Field(
        default=None, description="Enlarge, the aspect kept, and pad if asked."
    )
