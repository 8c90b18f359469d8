"""Keys of `evaluation` that scoring a model does not go by, or not yet."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..fields import Size
from ..marks import unused
from ..section import Section
from .transforms import PostTransformNames

FIRST = "has no effect here: the first batch of evaluation.accuracy's data is timed"


class ConfigsSection(Section):
    """Processes and threads of a benchmark."""

    cores_per_instance: Any = unused(None, "Cores of one process.")
    num_of_instance: Any = unused(1, "Processes.")
    inter_num_of_threads: Any = unused(None, "Threads between ops.")
    intra_num_of_threads: Any = unused(None, "Threads within an op.")
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


class PostprocessSection(Section):
    """What is done to outputs and labels before a metric sees them."""

    transform: PostTransformNames = Field(
        default_factory=PostTransformNames, description="The steps, in order."
    )
