"""What a script hands to its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...evaluation.baseline import Baseline
from ...evaluation.batches import Batches
from ...evaluation.criterion import Criterion
from ...evaluation.drift.reference import Compared
from ...evaluation.evaluation import Evaluation
from ...evaluation.judgement import Judgement
from ...evaluation.metrics.eval_func import EvalFunc
from ...evaluation.metrics.metric import Metric
from ...evaluation.sizes import Judged
from ...frameworks.adapter import Adapter
from ...frameworks.inputs import Input
from ...record.sources import Sources


@dataclass(frozen=True)
class Slots:
    """How the model is loaded, called and fed.

    Attributes:
        load_model: The script's; fresh processes call it too.
        batches: The data, as (inputs, labels).
        inputs: The model's inputs as the spec declares them, or the model.
        sources: The files that the conversion depends on.
        made_up: Whether the data is one random batch.
        bound: Whether the first batch alone says what the inputs are: which of their
            sizes vary is known once all data was seen.
        drawn: Input of the random batch → which values it has: "in [0, 999]".
        assumed: Inputs of the random batch that nothing describes.
        fitted: Inputs of which only calling the model told what dtype it takes.
        unfed: Whether nothing says what the model takes, until it is seen called.
    """

    adapter: Adapter
    load_model: Callable[[], Any]
    batches: Batches
    inputs: tuple[Input, ...]
    sources: Sources
    made_up: bool = False
    bound: bool = False
    assumed: tuple[Input, ...] = ()
    drawn: Mapping[str, str] = field(default_factory=dict)
    fitted: tuple[Input, ...] = ()
    unfed: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """Without data, a sentence that says what stands for it."""
        if not self.drawn:
            return ()
        each = ", ".join(f"{name} {values}" for name, values in self.drawn.items())
        return (f"1 batch of random inputs: {each}",)


@dataclass(frozen=True)
class Standard:
    """What results are held against.

    Attributes:
        metric: Makes a new metric; None where `eval_func` scores whole models.
        judged_by: The model as loaded, scored.
        stateful: Whether it carries state from batch to batch, so that one process
            must see them all.
        recorded: Whether an earlier run scored it.
        sizes: Symbol → the least and the most that it was in the data.
        kept: Folder of fp32's outputs, None where nothing is compared with them.
    """

    metric: Callable[[], Metric] | None
    criterion: Criterion
    judged_by: Baseline
    stateful: bool = False
    recorded: bool = False
    sizes: Judged = field(default_factory=dict)
    eval_func: EvalFunc | None = None
    kept: Path | None = None

    def batches(self, slots: Slots) -> Batches:
        """The data, with fp32's outputs where they are compared with."""
        return (
            slots.batches if self.kept is None else Compared(slots.batches, self.kept)
        )

    @property
    def baseline(self) -> Evaluation:
        """The evaluation of the model as loaded."""
        return self.judged_by.found

    def judgement(self, result: Evaluation) -> Judgement:
        """A result, held against it."""
        return Judgement(self.criterion, self.baseline, result)
