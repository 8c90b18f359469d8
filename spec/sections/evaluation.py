"""`evaluation`: the data and the metric that judge a conversion."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from ..reading.codes import Code
from .datasets.dataset import BuiltInDataset
from .datasets.filters import FilterSection
from .datasets.records import TFRecordDataset, decoded
from .datasets.section import DatasetSection
from .dialect.evaluation import ConfigsSection
from .fields import Among, Flag, PythonName, Size
from .marks import unused
from .metrics.postprocess import PostprocessSection
from .metrics.section import MetricSection
from .metrics.several import MultiMetricsSection
from .performance import Iteration, PerformanceSection
from .section import Block, Problem, Section
from .transforms.section import TransformSection

BALANCED = frozenset({"COCORaw", "COCORecord"})
"""Datasets whose samples have boxes."""


class DataloaderSection(Section):
    """How samples are read and made into batches."""

    batch_size: Size = Field(default=64, description="Samples in a batch.")
    last_batch: Annotated[str, Among(("rollover", "discard"))] = Field(
        default="rollover",
        description="Whether a last, smaller batch is kept or discarded.",
    )
    dataset: DatasetSection | None = Field(
        default=None, description="Where the samples come from; left out, `--data`."
    )
    transform: TransformSection = Field(
        default_factory=TransformSection.model_construct,
        description="What is done to each sample, in order.",
    )
    filter: FilterSection = Field(
        default_factory=FilterSection.model_construct,
        description="Which samples are left out.",
    )
    shuffle: Flag = Field(
        default=False,
        description="Whether samples come in an order drawn from the seed: early "
        "verdicts on trials assume a random order.",
    )
    distributed: Any = unused(
        False,
        "Whether several machines evaluate.",
        "has no effect here: one machine evaluates, its processes by --workers",
    )

    @property
    def is_named(self) -> bool:
        """Whether the spec says what data is read."""
        chosen = self.dataset.chosen if self.dataset else None
        return chosen is not None and (
            not isinstance(chosen, BuiltInDataset) or chosen.named
        )

    def reads_as(self, other: "DataloaderSection") -> bool:
        """Whether both read the same samples, in batches of whatever size."""
        parts = ("dataset", "transform", "filter", "shuffle")
        return all(getattr(self, part) == getattr(other, part) for part in parts)

    @property
    def data(self) -> BuiltInDataset | None:
        """What the runtime reads, None where that is a class of the user's.

        Records that a transform decodes are a dataset by themselves.
        """
        chosen = self.dataset.chosen if self.dataset else None
        if isinstance(chosen, TFRecordDataset):
            return decoded(chosen, (step for _at, step in self.transform.placed))
        return chosen if isinstance(chosen, BuiltInDataset) else None

    def problems(self) -> Iterator[Problem]:
        """A filter that the dataset has nothing for."""
        if not self.filter.says("LabelBalance"):
            return
        if self.dataset and self.dataset.key not in BALANCED:
            yield Problem(
                "the filter counts the boxes of COCORaw and COCORecord",
                "leave it out",
                ("filter", "LabelBalance"),
                code=Code.EFFECT,
            )


class AccuracySection(Section):
    """How accuracy is measured."""

    metric: MetricSection | None = Field(
        default=None, description="How the outputs are judged; left out, `--metric`."
    )
    python: PythonName | None = Field(
        default=None,
        description="Your own function that scores a whole model, as "
        "`package.module:evaluate`; called with the framework's model.",
    )
    iteration: Iteration = Field(
        default=-1, description="Batches that are evaluated; -1 for all."
    )
    dataloader: DataloaderSection = Field(
        default_factory=DataloaderSection.model_construct,
        description="The data that is evaluated.",
    )
    multi_metrics: Block[MultiMetricsSection] = Field(
        default=None,
        description="Several metrics: each must hold, or the mean of value times weight.",
    )
    postprocess: PostprocessSection = Field(
        default_factory=PostprocessSection.model_construct,
        description="What is done to outputs and labels before the metric.",
    )
    configs: ConfigsSection = unused(
        ConfigsSection.model_construct,
        "Processes and threads.",
        "has no effect here: --workers says how many processes evaluate",
    )

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._one_metric()
        yield self._one_score()
        yield self._labelled()
        yield self._answered()

    def _one_metric(self) -> Iterator[Problem]:
        if self.says("metric") and self.says("multi_metrics"):
            yield Problem(
                "`metric` and `multi_metrics` each say how outputs are judged: write one",
                "leave one out",
                ("multi_metrics",),
                code=Code.CHOICE,
            )

    def _one_score(self) -> Iterator[Problem]:
        for key in ("metric", "multi_metrics"):
            if self.says(key) and self.says("python"):
                yield Problem(
                    f"`{key}` and `python` each say how a model is scored: write one",
                    "leave one out",
                    ("python",),
                    code=Code.CHOICE,
                )

    def _labelled(self) -> Iterator[Problem]:
        data = self.dataloader.data
        if data is None or data.labelled or self.postprocess.transform.answers:
            return
        metric, several = self.metric, self.multi_metrics
        own = metric is not None and metric.says("python")
        for key, each in (("metric", metric), ("multi_metrics", several)):
            if each is not None and not own and each.of_labels:
                yield Problem(
                    "the metric compares with labels, but the dataset names none",
                    data.to_label,
                    (key,),
                )

    def _answered(self) -> Iterator[Problem]:
        """Answers that are made for a metric of something else."""
        metric = self.metric
        if metric is None or metric.says("python") or metric.says("SquadF1"):
            return
        for name in self.postprocess.transform.answers:
            yield Problem(
                f"makes answers, and {metric.key} is no metric of them",
                "write metric: {SquadF1: {}}",
                ("postprocess", "transform", name),
            )


class EvaluationSection(Section):
    """What a conversion is judged by; without it, there is no criterion."""

    accuracy: Block[AccuracySection] = Field(
        default=None, description="How accuracy is measured."
    )
    performance: Block[PerformanceSection] = Field(
        default=None,
        description="That it is there makes latency the objective, where none is "
        "written.",
    )
