"""What is done to outputs and labels before a metric sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, PrivateAttr, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from ...reading.source import Data
from ...reading.values import INT, NULL, Read
from ..fields import Refused, whole
from ..section import Block, Section
from . import poststeps


def _shift(value: object) -> object:
    """A number, in quotes or not, or parameters as a mapping."""
    shift = {} if value is None else whole(value)
    if isinstance(shift, dict):
        return shift
    if isinstance(shift, bool) or not isinstance(shift, int):
        raise Refused("the labels are shifted by an integer", "LabelShift: 1")
    return {"label_shift": shift}


class PostTransformSection(Section):
    """The steps, in the order written."""

    LabelShift: Annotated[
        poststeps.LabelShift | None,
        Read(_shift, (INT, {"type": "object"}, NULL)),
    ] = Field(default=None, description="Subtract a number from the labels.")
    Collect: Block[poststeps.Collect] = Field(
        default=None, description="Keep the first samples."
    )
    ModelZooCollect: Block[poststeps.ModelZooCollect] = Field(
        default=None, description="Keep the first samples of Model Zoo's BERT."
    )
    SquadV1: Block[poststeps.SquadV1] = Field(
        default=None, description="Outputs as answers for SQuAD."
    )
    SquadV1ModelZoo: Block[poststeps.SquadV1ModelZoo] = Field(
        default=None, description="The same of Model Zoo's BERT."
    )
    _order: tuple[str, ...] = PrivateAttr(())

    @property
    def steps(self) -> tuple[poststeps.PostStep, ...]:
        """The steps, in the order written."""
        return tuple(getattr(self, name) for name in self._order)

    @property
    def answers(self) -> tuple[str, ...]:
        """The steps that make answers, and bring what is wanted with them."""
        return tuple(name for name in ("SquadV1", "SquadV1ModelZoo") if self.says(name))

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


class PostprocessSection(Section):
    """What is done to outputs and labels before a metric sees them."""

    transform: PostTransformSection = Field(
        default_factory=PostTransformSection.model_construct,
        description="The steps, in order.",
    )
