"""`transform`: what is done to each sample, a class for each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, PrivateAttr, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from .fields import Dtype, filled
from .section import Block, Problem, Section

Floats = Annotated[tuple[float, ...], AfterValidator(filled)]


class Rescale(Section):
    """Divides by 255: bytes become numbers from 0 to 1."""


class Normalize(Section):
    """Subtracts `mean` and divides by `std`, channel by channel (first axis)."""

    mean: Floats = Field(description="One mean a channel.")
    std: Floats = Field(description="One standard deviation a channel.")

    def problems(self) -> Iterator[Problem]:
        if len(self.mean) != len(self.std):
            yield Problem(
                f"{len(self.mean)} means but {len(self.std)} standard deviations",
                "write one of each per channel",
            )
        for row, deviation in enumerate(self.std):
            if deviation <= 0:
                yield Problem("must be greater than 0", at=("std", row))


class Cast(Section):
    """Changes the element type."""

    dtype: Dtype = Field(description="NumPy's name of the element type.")


class Transpose(Section):
    """Reorders a sample's axes."""

    perm: Annotated[tuple[int, ...], AfterValidator(filled)] = Field(
        description="The axes of a sample, without the batch axis."
    )

    def problems(self) -> Iterator[Problem]:
        if sorted(self.perm) != list(range(len(self.perm))):
            last = len(self.perm) - 1
            yield Problem(f"each axis from 0 to {last} goes in once", at=("perm",))


Transform = Rescale | Normalize | Cast | Transpose
"""What `transform` can name."""

# In the section, a field hides the class that it is called after.
_Rescale = Rescale
_Normalize = Normalize
_Cast = Cast
_Transpose = Transpose


class TransformSection(Section):
    """An ordered mapping of transforms."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "AlignImageChannel",
            "BilinearImagenet",
            "CenterCrop",
            "ColorJitter",
            "CropResize",
            "CropToBoundingBox",
            "DecodeImage",
            "EncodeJpeg",
            "KerasRescale",
            "Pad",
            "PaddedCenterCrop",
            "ParseDecodeCoco",
            "ParseDecodeImagenet",
            "ParseDecodeVoc",
            "QuantizedInput",
            "RandomCrop",
            "RandomHorizontalFlip",
            "RandomResizedCrop",
            "RandomVerticalFlip",
            "Resize",
            "ResizeCropImagenet",
            "ResizeWithAspectRatio",
            "ResizeWithRatio",
            "ToArray",
            "ToNDArray",
            "ToPILImage",
            "ToTensor",
        }
    )

    Rescale: Block[_Rescale] = Field(default=None, description="Divide by 255.")
    Normalize: Block[_Normalize] = Field(
        default=None,
        description="Subtract the mean and divide by the standard deviation.",
    )
    Cast: Block[_Cast] = Field(default=None, description="Change the element type.")
    Transpose: Block[_Transpose] = Field(
        default=None, description="Reorder a sample's axes."
    )
    _order: tuple[str, ...] = PrivateAttr(())

    @property
    def steps(self) -> tuple[Transform, ...]:
        """The transforms in the order written."""
        return tuple(getattr(self, name) for name in self._order)

    @model_validator(mode="wrap")
    @classmethod
    def _ordered(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        made = handler(value)
        # Pydantic keeps fields in the order they are declared in.
        if isinstance(value, dict):
            made._order = tuple(value)
        return made
