"""`metric`: how the outputs are judged, a class for each metric."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from .dialect.metrics import MetricNames
from .fields import Flag, Size
from .section import Block, Choice, Section


class Measure(Section):
    """A metric of the runtime."""

    higher_is_better: ClassVar[bool]


class TopK(Measure):
    """Share of samples whose label is among the k largest outputs."""

    higher_is_better = True
    k: Size = Field(description="How many outputs count.")


def _largest(k: object) -> object:
    return None if k is None else {"k": k}


class MSE(Measure):
    """Mean squared error between outputs and labels; lower is better."""

    higher_is_better = False
    compare_label: Flag = Field(
        default=True,
        description="Compare with the labels; false: with fp32's own outputs.",
    )


BuiltIn = TopK | MSE
"""What `metric` can name beside a class of the user's."""

LOWER = frozenset({"Loss", "MAE", "RMSE"})
"""Metrics that are not built, and better when lower."""

# In the section, a field hides the class that it is called after.
_MSE = MSE


class MetricSection(MetricNames, Choice):
    """The metric, chosen by its key."""

    topk: Annotated[
        TopK | None, BeforeValidator(_largest, json_schema_input_type=Size | None)
    ] = Field(
        default=None,
        description="Share of samples whose label is among the k largest outputs.",
    )
    MSE: Block[_MSE] = Field(
        default=None, description="Mean squared error between outputs and labels."
    )

    @property
    def higher_is_better(self) -> bool:
        """The metric's own direction; your own class's is taken to be upwards."""
        if self.key in LOWER:
            return False
        return getattr(self.chosen, "higher_is_better", True)

    @property
    def unbuilt(self) -> str:
        """The metric as it is called, where it is not built; "" for others."""
        return self.key if isinstance(self.chosen, dict) else ""

    @property
    def of_labels(self) -> bool:
        """Whether it compares with labels, not with fp32's own outputs."""
        return bool(getattr(self.chosen, "compare_label", True))
