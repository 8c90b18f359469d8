"""How what was saved is checked: by whom it is scored, run and timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ...common.timing import Clock, Latency
from ...evaluation.batches import first_inputs
from ...evaluation.evaluation import Evaluation, evaluate
from ...evaluation.metrics.eval_func import EvalFunc, score_file
from ...evaluation.metrics.metric import Metric
from ...evaluation.performance.asked import Performance
from ...evaluation.performance.instance import Models
from ...evaluation.performance.measuring import performed
from ...evaluation.performance.performed import Performed
from ...evaluation.saved import (
    TIMING,
    asked,
    evaluate_file,
    made_up_fails,
    opened,
    predict_file,
    time_file,
    time_here,
)
from ...frameworks.protocol import LoadSaved, Outputs
from .slots import Slots

OpenNative = Callable[[Path], Any]
"""Opens a saved model as the framework's own object."""


@dataclass(frozen=True)
class Timing:
    """What is timed beside fp32.

    Attributes:
        load_saved: Opens the files.
        files: Name → what was saved.
        compiled: How to load a compiled package, and its path.
    """

    load_saved: LoadSaved
    files: Mapping[str, Path]
    clock: Clock
    compiled: tuple[LoadSaved, Path] | None = None


class Checks(Protocol):
    """Who opens what was saved."""

    @property
    def timed_where(self) -> str:
        """What is to be said of where things are timed, "" where that is usual."""
        ...

    @property
    def opened_in(self) -> str:
        """Where `score_whole` opens what was saved."""
        ...

    def score(
        self, slots: Slots, load: LoadSaved, path: Path, metric: Callable[[], Metric]
    ) -> Evaluation:
        """Score a saved model on all data.

        Raises:
            ModelError: It does not open, or fails where the converted one did not.
        """
        ...

    def score_whole(
        self, eval_func: EvalFunc, open_native: OpenNative, path: Path
    ) -> Evaluation:
        """Have a function score a saved model.

        Raises:
            ModelError: It does not open.
            MetricError: The function fails, or gives no finite number.
        """
        ...

    def first_outputs(self, slots: Slots, load: LoadSaved, path: Path) -> Outputs:
        """What a saved model gives for the first batch; as `score`."""
        ...

    def time(self, slots: Slots, model: Any, timing: Timing) -> dict[str, Latency]:
        """Time the model as loaded ("fp32") and what was saved, in turn."""
        ...

    def perform(
        self, slots: Slots, timing: Timing, asked: Performance
    ) -> Performed | None:
        """Measure their speed as the spec asks for it; None where that can't be."""
        ...


class Afresh:
    """Fresh processes, which call the script's own functions for model and data."""

    timed_where, opened_in = "", "a fresh process"

    def score(
        self, slots: Slots, load: LoadSaved, path: Path, metric: Callable[[], Metric]
    ) -> Evaluation:
        """As `Checks.score`."""
        return opened(evaluate_file, load, path, slots.batches, metric)

    def score_whole(
        self, eval_func: EvalFunc, open_native: OpenNative, path: Path
    ) -> Evaluation:
        """As `Checks.score_whole`."""
        return opened(score_file, open_native, path, eval_func)

    def first_outputs(self, slots: Slots, load: LoadSaved, path: Path) -> Outputs:
        """As `Checks.first_outputs`."""
        return opened(predict_file, load, path, slots.batches)

    def time(self, slots: Slots, model: Any, timing: Timing) -> dict[str, Latency]:
        """As `Checks.time`."""
        return TIMING.call(
            time_file,
            slots.load_model,
            slots.adapter.predictor,
            timing.load_saved,
            timing.files,
            slots.batches,
            slots.inputs,
            timing.clock,
            timing.compiled,
        )

    def perform(
        self, slots: Slots, timing: Timing, asked: Performance
    ) -> Performed | None:
        """As `Checks.perform`."""
        models = Models(
            slots.load_model,
            slots.adapter.predictor,
            timing.load_saved,
            timing.files,
            slots.batches,
            slots.inputs,
        )
        return performed(models, asked, timing.clock)


class Handed:
    """A fresh process for the saved model alone: it is handed the batches.

    Model, data and metric are objects of the user's, which only this process has: no
    workers can evaluate them either.
    """

    timed_where = "latencies were measured in the process that searched"
    opened_in = "this process"

    def score(
        self, slots: Slots, load: LoadSaved, path: Path, metric: Callable[[], Metric]
    ) -> Evaluation:
        """As `Checks.score`."""
        with asked(load, path) as predict:
            return evaluate(predict, slots.batches, metric)

    def score_whole(
        self, eval_func: EvalFunc, open_native: OpenNative, path: Path
    ) -> Evaluation:
        """As `Checks.score_whole`: the function is this process's, and so is the model."""
        return score_file(open_native, path, eval_func)

    def first_outputs(self, slots: Slots, load: LoadSaved, path: Path) -> Outputs:
        """As `Checks.first_outputs`."""
        inputs = first_inputs(slots.batches)
        with asked(load, path, made_up_fails) as predict:
            return predict(inputs)

    def time(self, slots: Slots, model: Any, timing: Timing) -> dict[str, Latency]:
        """As `Checks.time`."""
        return time_here(
            slots.adapter.predictor(model, slots.inputs),
            timing.load_saved,
            timing.files,
            slots.batches,
            timing.clock,
            timing.compiled,
        )

    def perform(
        self, slots: Slots, timing: Timing, asked: Performance
    ) -> Performed | None:
        """Nothing: processes of their own have neither the model nor the data."""
        return None
