"""A run's scores: of the model as loaded, of trials, of what was saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..common.delivery import candidate, candidate_hash, discard, temporary
from ..evaluation.baseline import (
    baseline_data,
    baseline_of,
    carries_state,
    measured_baseline,
)
from ..evaluation.evaluation import (
    Batches,
    Beside,
    Evaluation,
    Watch,
    evaluate,
    evaluation,
    evaluation_data,
    held_to,
    rounded,
)
from ..evaluation.metrics.metric import Metric
from ..evaluation.sharding import Job, LoadedModel, Predictor, Save, SavedModel
from ..frameworks.inputs import Input
from ..frameworks.protocol import LoadSaved, Predict
from .finish import checked, compiled_package, saved_drift, saved_evaluation
from .start import Start


@dataclass
class Scoring(Start):
    """The steps that score a model, by workers if there are any."""

    def evaluate(
        self,
        predictor: Callable[[Any], Predict],
        model: Any,
        batches: Batches,
        metric: Callable[[], Metric],
        watch: Watch | None = None,
        *,
        saved: tuple[str, Save, LoadSaved] | None = None,
    ) -> Evaluation:
        """Score a model on all batches, or on as many as `watch` wants to see.

        Args:
            saved: How workers get the model: a file's name, what writes it, what
                opens it. Without, it is scored in this process.
        """
        if self.workers is None or saved is None or self.stateful:
            tick = self.progress.batch
            return evaluate(predictor(model), batches, metric, tick, watch)
        name, save, load_saved = saved
        with temporary(self.output) as folder:
            opens = SavedModel(load_saved, save(model, folder / name))
            job = Job(opens, batches, metric)
            return self.workers.evaluate(job, self.progress.batch, watch)

    def baseline(
        self,
        predict: Predict,
        batches: Batches,
        metric: Callable[[], Metric],
        inputs: Sequence[Input] = (),
        *,
        loading: tuple[Callable[[], Any], Predictor] | None = None,
    ) -> Evaluation:
        """Score the model as loaded.

        Args:
            inputs: If given, every batch is held against what is declared here.
            loading: How workers get the model. Without, it is scored in this process.

        Raises:
            ModelError: It fails on the data.
            DataError: Its outputs or its metric are not finite.
        """
        self.progress.live("baseline", "the model as loaded")
        data = held_to(batches, inputs) if inputs else batches
        self.stateful = self.workers is not None and carries_state(predict, data)
        if self.stateful:
            text = "the model carries state from batch to batch: one process scores it"
            self.progress.line("workers", text)

        def scored(beside: Beside) -> Evaluation:
            tick = self.progress.batch
            if self.workers is None or loading is None or self.stateful:
                return evaluate(predict, data, metric, tick, beside=beside)
            model = LoadedModel(*loading, inputs)
            job = Job(model, batches, metric, inputs, zeros=True)
            return self.workers.evaluate(job, tick, beside=beside)

        def make() -> dict[str, Any]:
            return baseline_data(
                measured_baseline(predict, data, metric, scored, self.clock)
            )

        self.judged_by = baseline_of(self.history.remember("baseline", make))
        self.evaluation = self.judged_by.seconds
        found, again = self.judged_by.found, self.judged_by.again
        value = rounded(found.value)
        if again is not None:
            self.warn(
                "the model is not deterministic: two passes over the data gave "
                f"{found.metric} {value} and {rounded(again)}"
            )
        self.progress.line("baseline", f"{found.metric} {value}")
        return found

    def candidate(self, name: str) -> Path:
        """Where a model is saved before it is judged: what is there stays till then."""
        number = 1 + sum(path.name == name for path in self.unjudged)
        path = candidate(self.output, name, number)
        self.unjudged.append(path)
        return path

    def discard(self) -> None:
        """Remove the models that were saved and never judged; end the workers."""
        if self.workers is not None:
            self.workers.close()
        for path in self.unjudged:
            discard(path)

    def compile(
        self, compile_saved: Callable[[Path, Path], Path], saved: Path, package: Path
    ) -> Path:
        """Compile a saved model, in a process of its own."""
        return compiled_package(self.progress, compile_saved, saved, package)

    def evaluate_saved(
        self,
        load_saved: LoadSaved,
        path: Path,
        batches: Batches,
        metric: Callable[[], Metric],
    ) -> Evaluation:
        """Score a saved model in fresh processes, exactly and in full."""

        def make() -> dict[str, Any]:
            if self.workers is None or self.stateful:
                found = saved_evaluation(
                    self.progress, load_saved, path, batches, metric
                )
            else:
                self.progress.live("check", f"{path.name} in fresh processes")
                self.workers.close()
                job = Job(SavedModel(load_saved, path), batches, metric)
                found = self.workers.evaluate(job, self.progress.batch)
                self.progress.line("check", checked(found, path, "the workers"))
            return evaluation_data(found)

        step = f"check {path.name} {candidate_hash(path)}"
        return evaluation(self.history.remember(step, make))

    def drift(
        self, fp32: Predict, load_saved: LoadSaved, path: Path, batches: Batches
    ) -> float:
        """Output error of a saved model on the first batch, in a fresh process.

        RMS of the difference over the RMS of fp32's output, the largest over outputs.
        """
        return saved_drift(self.progress, fp32, load_saved, path, batches)
