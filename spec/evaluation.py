"""`evaluation`: the data and the metric that judge a conversion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from . import metric
from .dataloader import DataloaderSection
from .fields import Refused, Size
from .section import Block, Choice, Problem, Section


def _iteration(count: int) -> int:
    if count < 1 and count != -1:
        raise Refused("must be at least 1, or -1 for all batches")
    return count


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

    topk: Size | None = Field(
        default=None,
        description="Share of samples whose label is among the k largest outputs.",
    )
    MSE: Block[metric.MSE] = Field(
        default=None, description="Mean squared error between outputs and labels."
    )

    @property
    def higher_is_better(self) -> bool:
        """The metric's own direction; your own class's is taken to be upwards."""
        return self.MSE is None


class AccuracySection(Section):
    """How accuracy is measured."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"multi_metrics", "configs", "postprocess"}
    )

    metric: MetricSection = Field(description="How the outputs are judged.")
    iteration: Annotated[int, AfterValidator(_iteration)] = Field(
        default=-1, description="Batches that are evaluated; -1 for all."
    )
    dataloader: DataloaderSection = Field(description="The data that is evaluated.")

    def problems(self) -> Iterator[Problem]:
        data = self.dataloader.dataset
        source = data.npz or data.csv
        if source and source.label is None and self.metric.python is None:
            yield Problem(
                "the metric compares with labels, but the dataset names none",
                "add `label:` to the dataset",
                ("metric",),
            )


class EvaluationSection(Section):
    """What a conversion is judged by; without it, there is no criterion."""

    later: ClassVar[frozenset[str]] = frozenset({"performance"})

    accuracy: Block[AccuracySection] = Field(
        default=None, description="How accuracy is measured."
    )
