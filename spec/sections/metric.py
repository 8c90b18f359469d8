"""`metric`: how the outputs are judged, a class for each metric."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from .fields import Refused, Size
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


def _labels(compare: bool) -> bool:
    if not compare:
        raise Refused(
            "comparing with the fp32 outputs is not supported yet",
            "compare_label: true",
        )
    return compare


class MSE(Measure):
    """Mean squared error between outputs and labels; lower is better."""

    higher_is_better = False
    compare_label: Annotated[bool, AfterValidator(_labels)] = Field(
        default=True, description="Compare with the labels."
    )


BuiltIn = TopK | MSE
"""What `metric` can name beside a class of the user's."""

# In the section, a field hides the class that it is called after.
_MSE = MSE


class MetricSection(Choice):
    """The metric, chosen by its key."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "Accuracy",
            "BLEU",
            "COCOmAP",
            "COCOmAPv2",
            "F1",
            "GLUE",
            "Loss",
            "MAE",
            "RMSE",
            "ROC",
            "SquadF1",
            "VOCmAP",
            "mAP",
            "mIOU",
        }
    )

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
        return getattr(self.chosen, "higher_is_better", True)
