"""The model as loaded, ready to be judged and traced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ..common.delivery import check_deliverable
from ..common.errors import DataError
from ..common.telling.progress import step
from ..evaluation.batches import DATASET, MADE_UP, first_inputs
from ..evaluation.criterion import Criterion
from ..evaluation.drift.demanded import Drift
from ..evaluation.metrics.eval_func import EvalFunc, score_model
from ..evaluation.metrics.metric import Metric
from ..evaluation.sizes import Judged, sizes
from ..frameworks.adapter import Callee, Compiler, Naming
from ..frameworks.protocol import Inputs
from ..graph.graph import Precision
from ..graph.pins import Pins
from ..hardware.requirements import Machine
from ..search.sensitivity.worst import TOLERATED
from .context import Context
from .conversion import Conversion
from .scoring import scored_as_loaded, scored_by_function
from .slots.binding import first_sizes, judged_of, settled
from .slots.filling import check_fed, seen
from .slots.freeing import freed
from .slots.indices import indices_told
from .slots.slots import Slots, Standard

GIVEN = {"data": "--data", "metric": "--metric", "eval_func": "--eval-func"}
"""What may be supplied → by which option."""


@dataclass(frozen=True)
class Subject:
    """What is converted.

    Attributes:
        machines: What `Run.require` found, by precision.
        model: The model as `load_model` returned it.
        standard: What results are held against, None without an evaluation.
        tolerated: Output error that is not warned of without one.
    """

    context: Context
    slots: Slots
    machines: Mapping[Precision, Machine]
    model: Any
    standard: Standard | None = None
    tolerated: float = TOLERATED

    @step("evaluating fp32")
    def judged_by(
        self,
        metric: Callable[[], Metric] | None,
        criterion: Criterion | tuple[Criterion, ...],
        drift: Drift | None = None,
    ) -> Subject:
        """Score the model as loaded: what all trials and the result are held against.

        Without data, or without metric and drift, nothing is judged, and that is said.

        Args:
            criterion: Of `Several` metrics, one for each.
            drift: What is demanded of outputs beside fp32's own; labels are not needed.

        Raises:
            ModelError: It fails on the data.
            DataError: Its outputs or its metric are not finite; or nothing is judged,
                and one of two precisions would have to be chosen.
        """
        if self.slots.made_up:
            if drift is None or not drift.on_random_inputs or self.slots.unfed:
                return self._unjudged("data", drift)
            metric = None  # there are no labels
            self.context.note(
                "drift is judged on random inputs, which show ranges of nothing real"
            )
        if metric is None and drift is None:
            return self._unjudged("metric")
        drift = self._named(drift)
        predict = self.slots.adapter.predictor(self.model, self.slots.inputs)
        with indices_told(self.slots, self.model):
            standard = scored_as_loaded(
                self.context, self.slots, predict, metric, criterion, drift
            )
        return replace(self, standard=standard)

    def _named(self, drift: Drift | None) -> Drift | None:
        """What is demanded, by the model's own names where the spec has none."""
        adapter = self.slots.adapter
        if drift is None or not drift.asks_names or not isinstance(adapter, Naming):
            return drift
        return replace(drift, names=adapter.output_names(self.model))

    @step("evaluating fp32")
    def scored_by(self, eval_func: EvalFunc | None, criterion: Criterion) -> Subject:
        """As `judged_by`, by a function that scores whole models.

        Without it nothing is judged, and that is said.

        Raises:
            MetricError: It fails, or gives no finite number.
            ModelError: The framework has no object of the model to give to it.
        """
        if eval_func is None:
            return self._unjudged("eval_func")
        context, slots, model = self.context, self.slots, self.model
        if not slots.unfed:
            standard = scored_by_function(context, slots, model, eval_func, criterion)
            return replace(self, standard=standard)
        assert isinstance(slots.adapter, Callee)
        with slots.adapter.watched(model) as calls:
            standard = scored_by_function(context, slots, model, eval_func, criterion)
            if not calls.first:  # an earlier run had it scored
                score_model(eval_func, slots.adapter.native(model))
        slots, sizes = seen(slots, model, calls)
        return replace(self, slots=slots, standard=replace(standard, sizes=sizes))

    def _unjudged(self, absent: str, drift: Drift | None = None) -> Subject:
        """The same: the static rules will do."""
        lows = self.context.lows
        if len(lows) > 1:
            raise DataError(
                f"{' and '.join(lows)} without {absent}: nothing says which is better",
                f"Give {GIVEN[absent]}, or write one of them in "
                "mixed_precision.precisions.",
            )
        placed = f"ops go to {lows[0]} by the static rules"
        if self.context.replays:
            placed = "ops are placed as the plan says"
        asked = ""
        if drift is not None:
            asked = (
                "; what tuning.accuracy_criterion.drift demands is not judged: give "
            )
            asked += "--data, or write on_random_inputs: true in it"
        self.context.note(
            f"no {absent} was given ({GIVEN[absent]}): nothing is judged, {placed}{asked}"
        )
        stated = None if drift is None else drift.relative_error
        return self if stated is None else replace(self, tolerated=stated)

    @step("tracing the model")
    def trace(
        self,
        low: Precision,
        file: str,
        *,
        pins: Pins,
        outputs: Sequence[str] = (),
        package: str = "",
        freed_inputs: Sequence[str] = (),
        freed_outputs: Sequence[str] = (),
    ) -> Conversion:
        """Prepare the model's graph on the first batch and probe its kernels.

        Args:
            low: The precision to convert to.
            file: Name of the converted model, beside the plan.
            pins: What the spec keeps in fp32.
            outputs: Names of the outputs in the spec, for messages.
            package: Name of the package that it is compiled to, "" for none.
            freed_inputs: Names of the inputs that the result takes in `low`.
            freed_outputs: Those of `outputs` that it returns in `low`.

        Raises:
            UsageError: Something else than a model stands where it goes.
            DataError: The batch is not what the inputs declare.
            ModelError: The model can't be traced, or its graph computes something else.
        """
        for name in filter(None, (file, package)):
            # What is no folder has an ending of its format.
            is_folder = name.endswith(f".{low}")
            check_deliverable(self.context.options.output, name, is_folder)
        check_fed(self.slots, self.model)
        adapter = self.slots.adapter
        source = MADE_UP if self.slots.made_up else DATASET
        batch = first_inputs(self.slots.batches, source)
        self.context.tell_of_data()
        slots, judged = self._settled(batch)
        with indices_told(self.slots, self.model), self._made_up_told():
            traced = adapter.trace(
                self.model, batch, low=low, inputs=slots.inputs, outputs=outputs
            )
        if package:
            assert isinstance(adapter, Compiler)
            traced = adapter.under_inductor(traced)
        if freed_inputs or freed_outputs:
            places = {name: outputs.index(name) for name in freed_outputs}
            traced = freed(traced, low, slots.inputs, freed_inputs, places, outputs)
        return Conversion(
            self.context,
            slots,
            self.model,
            self.machines.get(low),
            traced,
            low,
            file,
            pins,
            package,
            self.standard,
            sizes(slots.inputs, batch, judged),
            tolerated=self.tolerated,
        )

    @contextmanager
    def _made_up_told(self) -> Iterator[None]:
        """What is wrong with a batch, and that it was made up if it was."""
        try:
            yield
        except DataError as error:
            if not self.slots.drawn:
                raise
            drawn = ", ".join(f"{n} {values}" for n, values in self.slots.drawn.items())
            raise DataError(
                f"{error.message}; without data its inputs are random: {drawn}",
                "Give data (--data), or say under model.inputs what they are: shape, "
                "dtype, range, values.",
            ) from error

    def _settled(self, batch: Inputs) -> tuple[Slots, Judged]:
        """The slots, and what was judged of the sizes that vary in them."""
        judged = {} if self.standard is None else self.standard.sizes
        if not self.slots.bound:
            return self.slots, judged
        judged = judged or first_sizes(self.slots.inputs, self.slots.batches)
        inputs = settled(self.slots.inputs, batch, judged)
        return replace(self.slots, inputs=inputs), judged_of(inputs, judged)
