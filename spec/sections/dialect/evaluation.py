"""Keys of `evaluation` that scoring a model does not go by, or not yet."""

from typing import Any

from ..marks import unused
from ..section import Section


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
