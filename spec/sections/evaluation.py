"""`evaluation`: the data and the metric that judge a conversion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from .dataset import DatasetFile, DatasetSection
from .fields import Among, PythonName, Refused, Size
from .metric import MetricSection
from .section import Block, Problem, Section
from .transform import TransformSection


def _iteration(count: int) -> int:
    if count < 1 and count != -1:
        raise Refused("must be at least 1, or -1 for all batches")
    return count


class DataloaderSection(Section):
    """How samples are read and made into batches."""

    later: ClassVar[frozenset[str]] = frozenset({"shuffle", "distributed", "filter"})

    batch_size: Size = Field(default=64, description="Samples in a batch.")
    last_batch: Annotated[str, Among(("rollover", "discard"))] = Field(
        default="rollover",
        description="Whether a last, smaller batch is kept or discarded.",
    )
    dataset: DatasetSection | None = Field(
        default=None, description="Where the samples come from; left out, `--data`."
    )
    transform: TransformSection = Field(
        default_factory=TransformSection,
        description="What is done to each sample, in order.",
    )


class AccuracySection(Section):
    """How accuracy is measured."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"multi_metrics", "configs", "postprocess"}
    )

    metric: MetricSection | None = Field(
        default=None, description="How the outputs are judged; left out, `--metric`."
    )
    python: PythonName | None = Field(
        default=None,
        description="Your own function that scores a whole model, as "
        "`package.module:evaluate`; called with the framework's model.",
    )
    iteration: Annotated[int, AfterValidator(_iteration)] = Field(
        default=-1, description="Batches that are evaluated; -1 for all."
    )
    dataloader: DataloaderSection = Field(
        default_factory=DataloaderSection, description="The data that is evaluated."
    )

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._scored_once()
        yield self._labelled()

    def _scored_once(self) -> Iterator[Problem]:
        if self.metric and self.python:
            yield Problem(
                "`metric` and `python` each say how a model is scored: write one",
                "leave one out",
                ("python",),
            )

    def _labelled(self) -> Iterator[Problem]:
        dataset = self.dataloader.dataset
        data = dataset.chosen if dataset else None
        unlabelled = isinstance(data, DatasetFile) and data.label is None
        if unlabelled and self.metric and self.metric.python is None:
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
