"""`transform`: what is done to each sample, a class for each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from ..reading.source import Data
from .dialect.transforms import TransformNames
from .fields import Amounts, Dtype, Whole, filled, split
from .marks import frameworks_of
from .section import Block, Problem, Section


class Rescale(Section):
    """Divides by 255: bytes become numbers from 0 to 1."""


class Normalize(Section):
    """Subtracts `mean` and divides by `std`, channel by channel (first axis)."""

    mean: Amounts = Field(default=(0.0,), description="One mean a channel.")
    std: Amounts = Field(
        default=(1.0,), description="One standard deviation a channel."
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


class Cast(Section):
    """Changes the element type."""

    dtype: Dtype = Field(
        default="float32", description="NumPy's name of the element type."
    )


class Transpose(Section):
    """Reorders a sample's axes."""

    perm: Annotated[
        tuple[Whole, ...],
        BeforeValidator(split, json_schema_input_type=str | tuple[int, ...]),
        AfterValidator(filled),
    ] = Field(description="The axes of a sample, without the batch axis.")

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


class TransformSection(TransformNames):
    """An ordered mapping of transforms."""

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
        """The transforms that are built, in the order written."""
        named = (each for _name, each in self.named)
        return tuple(each for each in named if isinstance(each, Transform))

    @property
    def prepares(self) -> bool:
        """Whether a transform that is built is written, right or wrong."""
        return any(
            frameworks_of(type(self).model_fields[key]) is None for key in self.written
        )

    @property
    def named(self) -> tuple[tuple[str, Any], ...]:
        """All that are named, with their parameters, in the order written."""
        return tuple((name, getattr(self, name)) for name in self._order)

    @model_validator(mode="wrap")
    @classmethod
    def _ordered(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        made = handler(value)
        # Pydantic keeps fields in the order they are declared in.
        if isinstance(value, dict):
            made.remember(value)
        return made

    def remember(self, data: Mapping[str, Data]) -> None:
        self._order = tuple(key for key in data if key in type(self).model_fields)
