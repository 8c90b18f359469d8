"""The transforms, in the order written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from ...reading.codes import Code
from ...reading.diagnostics import Steps
from ...reading.source import Data
from ..fields import Identifier, PythonName
from ..marks import AGAIN, empty
from ..section import Block, Problem, Section, Table
from . import conversions, drawn, elementwise, geometry, imagenet
from .own import Own
from .transform import Transform

ITEM = {"type": "object", "description": "A transform, as in `transform` itself."}


def _items(value: object) -> TransformSection:
    """One of the mappings in `Compose`."""
    return TransformSection.model_validate(value)


class Compose(Section):
    """Several transforms, of which some may be the same."""

    transform_list: Annotated[
        tuple[Annotated[Any, AfterValidator(_items), WithJsonSchema(ITEM), AGAIN], ...],
        BeforeValidator(
            lambda value: () if value is None else value,
            json_schema_input_type=tuple[dict[str, Any], ...] | None,
        ),
    ] = Field(default=(), description="Mappings like `transform` itself, in order.")


_Compose = Compose


class TransformSection(
    elementwise.Catalogue,
    geometry.Catalogue,
    imagenet.Catalogue,
    drawn.Catalogue,
    conversions.Catalogue,
):
    """An ordered mapping of transforms."""

    beside = frozenset({"args"})

    Compose: Block[_Compose] = Field(
        default=None, description="Several transforms, of which some may be the same."
    )
    python: PythonName | None = Field(
        default=None,
        description="Your own transform, or one of torchvision, Keras or Gluon, as "
        "`package.module:object`; called with a sample's image.",
    )
    args: Table[Identifier, Any] = Field(
        default={}, description="Keyword arguments of what `python` names."
    )
    _order: tuple[str, ...] = PrivateAttr(())

    @property
    def steps(self) -> tuple[Transform, ...]:
        """The transforms that do something, in the order written."""
        return tuple(step for _at, step in self.placed if step.acts)

    @property
    def prepares(self) -> bool:
        """Whether a transform is written, right or wrong."""
        return any(key != "args" for key in self.written)

    @property
    def named(self) -> tuple[tuple[str, Any], ...]:
        """All that are named, with their parameters, in the order written."""
        return tuple((name, getattr(self, name)) for name in self._order)

    @property
    def placed(self) -> tuple[tuple[Steps, Transform], ...]:
        """All transforms, with their paths from here, those in `Compose` in its place."""
        return tuple(self._placed())

    def _placed(self) -> Iterator[tuple[Steps, Transform]]:
        for name, given in self.named:
            if isinstance(given, _Compose):
                for row, each in enumerate(given.transform_list):
                    for at, step in each.placed:
                        yield (name, "transform_list", row, *at), step
            elif name == "python":
                yield (name,), Own(python=given, args=self.args)
            elif isinstance(given, Transform):
                yield (name,), given

    def problems(self) -> Iterator[Problem]:
        if self.args and not self.says("python"):
            message = "only your own transform, named by python, takes args"
            yield Problem(message, at=("args",), code=Code.EFFECT)
        if "python" in self.model_fields_set and not self.says("python"):
            message = "names no transform of yours"
            hint = "write package.module:object, or remove the line"
            yield Problem(message, hint, at=("python",), code=Code.EFFECT)

    @model_validator(mode="wrap")
    @classmethod
    def _ordered(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        made = handler(empty(value))
        # Pydantic keeps fields in the order they are declared in.
        if isinstance(value, dict):
            made.remember(value)
        return made

    def remember(self, data: Mapping[str, Data]) -> None:
        names = type(self).model_fields
        self._order = tuple(key for key in data if key in names and key != "args")
