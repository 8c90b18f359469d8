"""The model as loaded, run over the data: by this process, or by workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..evaluation.baseline import carries_state
from ..evaluation.batches import Batches, held_to
from ..evaluation.drift.reference import Compared
from ..evaluation.evaluation import (
    Beside,
    Evaluation,
    Gatherable,
    evaluate,
    predictions,
)
from ..evaluation.metrics.metric import Metric
from ..evaluation.sharding import Job, LoadedModel
from ..evaluation.sizes import Judged, joined, symbols
from ..frameworks.protocol import Predict
from .context import Context
from .slots.binding import of_batch as bound_sizes
from .slots.slots import Slots


@dataclass
class AsLoaded:
    """The model as loaded.

    Attributes:
        metric: What it is scored by.
        kept: Where its outputs go, None where nothing is compared with them.
        sizes: Symbol → the least and the most that it was in the data so far.
    """

    context: Context
    slots: Slots
    predict: Predict
    metric: Callable[[], Metric]
    kept: Path | None = None
    sizes: Judged = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.stateful:
            text = "the model carries state from batch to batch: one process scores it"
            self.context.progress.line("workers", text)

    @property
    def data(self) -> Batches:
        """The batches, held against what is declared."""
        slots = self.slots
        return held_to(slots.batches, slots.inputs) if slots.inputs else slots.batches

    @cached_property
    def stateful(self) -> bool:
        """Whether one process must see all batches."""
        there = self.context.workers is not None
        return there and carries_state(self.predict, self.data)

    def scored(self, beside: Beside) -> Evaluation:
        """Score it, and keep its outputs where they are wanted."""
        return self._scored(self.metric, self._batches(records=True), beside)

    def again(self, metric: Callable[[], Metric]) -> Evaluation:
        """Score it once more, as what is held against the first time."""
        return self._scored(metric, self._batches(records=False), lambda batch: None)

    def keep_outputs(self) -> None:
        """Run it for its outputs alone: an earlier run had it scored."""
        for predicted in predictions(self.predict, self._batches(records=True)):
            predicted()

    def _batches(self, records: bool) -> Batches:
        batches = self.slots.batches
        return batches if self.kept is None else Compared(batches, self.kept, records)

    def _scored(
        self, metric: Callable[[], Metric], batches: Batches, beside: Beside
    ) -> Evaluation:
        slots, context = self.slots, self.context
        of_batch = bound_sizes if slots.bound else symbols

        def see(batch: Gatherable) -> None:
            self.sizes = joined(self.sizes, of_batch(slots.inputs, batch.shapes))
            beside(batch)

        tick, workers = context.progress.batch, context.workers
        if workers is None or self.stateful:
            data = held_to(batches, slots.inputs) if slots.inputs else batches
            return evaluate(self.predict, data, metric, tick, beside=see)
        model = LoadedModel(slots.load_model, slots.adapter.predictor, slots.inputs)
        job = Job(model, batches, metric, slots.inputs, zeros=True)
        return workers.evaluate(job, tick, beside=see)
