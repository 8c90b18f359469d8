"""Transforms that do the same to a batch as to each of its samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from ...reading.values import INT, STR, Read, a_list
from ..fields import Among, Amount, Amounts, Dtype, Refused, Whole, filled, split
from ..marks import LATER
from ..section import Block, Problem, Section
from .transform import FIRST, LAST, Transform


def _divisor_and_offset(values: tuple[float, ...]) -> tuple[float, ...]:
    if len(values) != 2 or not values[0]:
        raise Refused(
            "what is divided by, and what is subtracted then", "write [127.5, 1]"
        )
    return values


Scaling = Annotated[Amounts, AfterValidator(_divisor_and_offset)]


class Rescale(Transform):
    """Divides by 255: bytes become numbers from 0 to 1."""

    elementwise = True


class Normalize(Transform):
    """Subtracts `mean` and divides by `std`, channel by channel."""

    elementwise = True
    mean: Amounts = Field(default=(0.0,), description="One mean a channel.")
    std: Amounts = Field(
        default=(1.0,), description="One standard deviation a channel."
    )
    rescale: Annotated[Scaling | None, LATER] = Field(
        default=None, description="What is divided by then, and what is subtracted."
    )

    @model_validator(mode="after")
    def _channels(self) -> Self:
        """What is left out is 0 and 1, in each channel."""
        if "std" not in self.model_fields_set:
            object.__setattr__(self, "std", self.std * len(self.mean))
        if "mean" not in self.model_fields_set:
            object.__setattr__(self, "mean", self.mean * len(self.std))
        return self

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._as_many()
        yield self._positive()

    def _as_many(self) -> Iterator[Problem]:
        written = self.model_fields_set >= {"mean", "std"}
        if written and len(self.mean) != len(self.std):
            yield Problem(
                f"{len(self.mean)} means but {len(self.std)} standard deviations",
                "write one of each per channel",
            )

    def _positive(self) -> Iterator[Problem]:
        for row, deviation in enumerate(self.std):
            if deviation <= 0:
                yield Problem("must be greater than 0", at=("std", row))


class Cast(Transform):
    """Changes the element type."""

    elementwise = True
    dtype: Dtype = Field(
        default="float32", description="NumPy's name of the element type."
    )


class Transpose(Transform):
    """Reorders a sample's axes."""

    elementwise = True
    perm: Annotated[
        tuple[Whole, ...],
        Read(split, (STR, a_list(INT))),
        AfterValidator(filled),
    ] = Field(description="The axes of a sample, without the batch axis.")

    def problems(self) -> Iterator[Problem]:
        if sorted(self.perm) != list(range(len(self.perm))):
            last = len(self.perm) - 1
            yield Problem(f"each axis from 0 to {last} goes in once", at=("perm",))

    def moved(self, axis: int) -> int | None:
        last = len(self.perm) - 1
        place = self.perm.index(axis % (last + 1))
        if place == last and axis == LAST:
            return LAST
        return {FIRST: FIRST, last: LAST}.get(place, place)


class KerasRescale(Transform):
    """Divides by the one and subtracts the other."""

    elementwise = True
    rescale: Scaling = Field(description="What is divided by, and what is subtracted.")


class QuantizedInput(Transform):
    """Multiplies by `scale` and makes whole numbers; without a scale, nothing."""

    elementwise = True
    dtype: Annotated[str, Among(("int8", "uint8"))] = Field(
        default="int8", description="Of the result; 128 is added for uint8."
    )
    scale: Annotated[Amount, Field(gt=0)] | None = Field(
        default=None, description="Steps of the result in one of the input."
    )

    @property
    def acts(self) -> bool:
        return self.scale is not None


# In the section, a field hides the class that it is called after.
_Cast = Cast
_KerasRescale = KerasRescale
_Normalize = Normalize
_QuantizedInput = QuantizedInput
_Rescale = Rescale
_Transpose = Transpose


class Catalogue(Section):
    """What `transform` can name of these."""

    Cast: Block[_Cast] = Field(default=None, description="Change the element type.")
    KerasRescale: Block[_KerasRescale] = Field(
        default=None, description="Scale to the range of a Keras model."
    )
    Normalize: Block[_Normalize] = Field(
        default=None,
        description="Subtract the mean and divide by the standard deviation.",
    )
    QuantizedInput: Block[_QuantizedInput] = Field(
        default=None, description="Quantize the input."
    )
    Rescale: Block[_Rescale] = Field(default=None, description="Divide by 255.")
    Transpose: Block[_Transpose] = Field(
        default=None, description="Reorder a sample's axes."
    )
