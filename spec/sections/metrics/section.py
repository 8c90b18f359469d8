"""The metric, chosen by its key."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from ..dialect.metrics import MetricNames
from ..fields import Size
from ..section import Block, Choice
from . import classification, regression


def _largest(k: object) -> object:
    return None if k is None else {"k": k}


LOWER = frozenset({"Loss", "MAE", "RMSE"})
"""Metrics that are not built, and better when lower."""


class MetricSection(MetricNames, Choice):
    """The metric, chosen by its key."""

    topk: Annotated[
        classification.TopK | None,
        BeforeValidator(_largest, json_schema_input_type=Size | None),
    ] = Field(
        default=None,
        description="Share of samples whose label is among the k largest outputs.",
    )
    MSE: Block[regression.MSE] = Field(
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
        chosen = self.chosen
        if isinstance(chosen, regression.MSE) and not chosen.compare_label:
            return "MSE with compare_label: false"
        return self.key if isinstance(chosen, dict) else ""
