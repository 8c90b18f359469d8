"""Several metrics of one evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Self

from pydantic import Field, PrivateAttr, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from ...reading.codes import Code
from ...reading.source import Data
from ..fields import Amounts, Flag
from ..section import Problem
from .measure import Measure
from .names import BuiltInMetrics


class MultiMetricsSection(BuiltInMetrics):
    """Several metrics at once, in the order written."""

    weight: Amounts | None = Field(
        default=None,
        description="How much each metric counts: the mean of value times weight is judged "
        "as one number. Left out, each must hold by itself.",
    )
    higher_is_better: tuple[Flag, ...] | None = Field(
        default=None,
        description="The direction of each metric; left out, the metrics' own.",
    )
    _order: tuple[str, ...] = PrivateAttr(())

    @property
    def named(self) -> tuple[str, ...]:
        """The metrics, in the order written."""
        # While the rules between keys run, nothing is known of an order.
        names = self._order or BuiltInMetrics.model_fields
        return tuple(name for name in names if self.says(name))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The same with their parameters."""
        return tuple(getattr(self, name) for name in self.named)

    @property
    def rising(self) -> bool:
        """The direction of the mean, where nothing is written of it."""
        return any(each.higher_is_better for each in self.measures)

    @property
    def mixed(self) -> bool:
        """Whether some are better where they are lower, and others are not."""
        return len({each.higher_is_better for each in self.measures}) > 1

    @property
    def of_labels(self) -> bool:
        """Whether some compare with labels of the data."""
        return any(each.of_labels for each in self.measures)

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._some()
        yield self._one_each("weight")
        yield self._one_each("higher_is_better")
        yield self._counting()

    def _some(self) -> Iterator[Problem]:
        if not self.named:
            yield Problem(
                "no metric is named", "topk: 1, or another, below it", code=Code.MISSING
            )

    def _one_each(self, key: str) -> Iterator[Problem]:
        given = getattr(self, key)
        if given is not None and len(given) != len(self.named):
            message = f"{len(given)} values for {len(self.named)} metrics"
            yield Problem(message, "write one for each metric", (key,), code=Code.COUNT)

    def _counting(self) -> Iterator[Problem]:
        """Weights that turn a metric's direction, or with which nothing is judged."""
        for row, weight in enumerate(self.weight or ()):
            if weight < 0:
                message = "a weight below 0 makes what is worse count as better"
                yield Problem(message, "0 or more", ("weight", row), code=Code.RANGE)
        if self.weight and not any(self.weight):
            yield Problem(
                "no metric counts", "weigh one above 0", ("weight",), code=Code.RANGE
            )

    def direction_problems(self) -> Iterator[Problem]:
        """Directions that are not the metrics' own."""
        written = self.higher_is_better
        if written is None:
            return
        for row, (name, said) in enumerate(zip(self.named, written, strict=False)):
            own = getattr(self, name).higher_is_better
            if said != own:
                direction = "higher" if own else "lower"
                yield Problem(
                    f"{name} is better when {direction}: this accepts any loss",
                    "leave higher_is_better out",
                    ("higher_is_better", row),
                    code=Code.DIRECTION,
                )

    @model_validator(mode="wrap")
    @classmethod
    def _ordered(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        made = handler(value)
        # Pydantic keeps fields in the order they are declared in.
        if isinstance(value, dict):
            made.remember(value)
        return made

    def remember(self, data: Mapping[str, Data]) -> None:
        self._order = tuple(key for key in data if key in BuiltInMetrics.model_fields)
