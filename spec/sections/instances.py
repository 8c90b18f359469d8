"""`evaluation.performance.configs`: processes and threads of a measurement of speed."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from .fields import Size
from .marks import unused
from .section import Section


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
