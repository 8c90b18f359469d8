"""How speed is measured, as a Spec says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Performance:
    """How speed is measured, besides what every run times.

    Attributes:
        warmup, iterations: Rounds; None for as many as the runtime takes.
        batch_size: Samples of a batch, None for the data's own.
        instances, cores: Processes at once, and the cores of each.
        intra_threads, inter_threads: None for the framework's choice.
    """

    warmup: int
    iterations: int | None
    batch_size: int | None
    instances: int
    cores: int | None
    intra_threads: int | None
    inter_threads: int | None
