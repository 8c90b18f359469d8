"""`evaluation.performance`: how speed is measured."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ..reading.codes import Code
from .fields import Refused, Size, Whole
from .marks import unused
from .section import Section

FIRST = "has no effect here: the first batch of evaluation.accuracy's data is timed"


def _iteration(count: int) -> int:
    if count < 1 and count != -1:
        raise Refused("must be at least 1, or -1 for all batches", code=Code.RANGE)
    return count


Iteration = Annotated[Whole, AfterValidator(_iteration)]
"""A number of batches, or -1 for all."""


class InstancesSection(Section):
    """Processes that run at once, and their threads."""

    num_of_instance: Size = Field(
        default=1, description="Processes that run at once, on cores of their own."
    )
    cores_per_instance: Size | None = Field(
        default=None, description="Cores of one process; left out, its share of all."
    )
    intra_num_of_threads: Size | None = Field(
        default=None, description="Threads within an op; left out, one for each core."
    )
    inter_num_of_threads: Size | None = Field(
        default=None, description="Threads between ops; left out, the framework's own."
    )
    kmp_blocktime: Any = unused(None, "How long a thread waits.")
    kmp_affinity: Any = unused(
        "granularity=fine,verbose,compact,1,0", "Where threads are bound to."
    )


class TimedLoaderSection(Section):
    """What is timed: the first batch of the data that judges."""

    batch_size: Size | None = Field(
        default=None,
        description="Samples of a batch, at most those of the data's own.",
    )
    last_batch: Any = unused(
        "rollover", "Whether a last, smaller batch is kept.", FIRST
    )
    dataset: Any = unused(None, "Where the samples come from.", FIRST)
    transform: Any = unused(None, "What is done to each sample.", FIRST)
    filter: Any = unused(None, "Which samples are left out.", FIRST)
    shuffle: Any = unused(False, "Whether samples are drawn in another order.", FIRST)
    distributed: Any = unused(False, "Whether several machines evaluate.", FIRST)


class PerformanceSection(Section):
    """How speed is measured: of fp32 as loaded, as prepared, and of the result."""

    warmup: Annotated[Whole, Field(ge=0)] = Field(
        default=5, description="Rounds that are not timed."
    )
    iteration: Iteration = Field(
        default=-1, description="Rounds that are timed; -1 for as many as two seconds."
    )
    configs: InstancesSection = Field(
        default_factory=InstancesSection.model_construct,
        description="Processes and threads.",
    )
    dataloader: TimedLoaderSection = Field(
        default_factory=TimedLoaderSection.model_construct,
        description="The batch that is timed.",
    )
    postprocess: Any = unused(None, "What is done after.")
