"""The transforms that `transform` can name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from .fields import Dtype, filled
from .section import Problem, Section

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
