"""The transforms, in the order written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, PrivateAttr, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from ...reading.source import Data
from ..dialect.transforms import TransformNames
from ..marks import frameworks_of
from ..section import Block
from . import elementwise
from .transform import Transform


class TransformSection(TransformNames):
    """An ordered mapping of transforms."""

    Rescale: Block[elementwise.Rescale] = Field(
        default=None, description="Divide by 255."
    )
    Normalize: Block[elementwise.Normalize] = Field(
        default=None,
        description="Subtract the mean and divide by the standard deviation.",
    )
    Cast: Block[elementwise.Cast] = Field(
        default=None, description="Change the element type."
    )
    Transpose: Block[elementwise.Transpose] = Field(
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
