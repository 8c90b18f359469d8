"""A traced ONNX model, behind the protocol of `frameworks/protocol.py`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import onnx_ir as ir

from ...common.timing import Clock, Latency, interleaved
from ...graph.graph import Graph, Placement, Precision
from ..comparing import relative_error, with_kernels
from ..inputs import Input
from ..measuring.output_errors import OutputErrors
from ..measuring.timings import timings
from ..protocol import Array, Inputs, Probe, Statistics, Timings
from ..quantizing.quantization import Quantization, Scales
from .ir.inline import Calls, plain
from .ir.naming import Names, name_all
from .ir.prepared import Prepared
from .ir.quantized.parts import parts
from .measuring.agreement import check_agreement
from .measuring.extremes import Extremes, extremes
from .measuring.observing import observed
from .measuring.output_errors import Reruns
from .measuring.probes import probe
from .measuring.statistics import collect
from .opening.noted import notes
from .opening.signature import check_batch
from .picture import picture
from .preparation.prepare import prepare
from .quantizing.alone import Int8Stopwatch
from .quantizing.calibrating import Calibrator
from .quantizing.sums import with_int8
from .running.given import arrays, model_of, order, record_order
from .running.interpreter import Observed, observe
from .running.low import Singles
from .running.session import Executor
from .writing import archive
from .writing.int8.quantized import NOTHING, Quantized
from .writing.rewrite import rewrite


@dataclass(frozen=True)
class Program:
    """One model, traced on one batch; what has no word here is said of `Traced`.

    Attributes:
        prepared: The fp32 model that is converted.
        batch: In the order of the model's inputs.
        skipped: Regions that the batch does not go into.
        longest: The most iterations that any body took.
        beyond: `extremes`, found once.
        places: Where the model's inputs are in a batch as it comes.
        int8: Scales, and what ran with them.
    """

    graph: Graph
    probes: Mapping[str, Probe]
    switches: Mapping[str, str]
    prepared: Prepared
    calls: Calls
    batch: tuple[Array, ...]
    executor: Executor
    skipped: frozenset[str]
    places: tuple[int, ...]
    longest: int
    beyond: dict[Precision, Extremes] = field(default_factory=dict)
    int8: Quantized = NOTHING

    @property
    def notes(self) -> tuple[str, ...]:
        """What preparation did, and what those who run the result must know."""
        return (*self.prepared.notes, *self.executor.notes)

    @property
    def own_outputs(self) -> Mapping[str, str]:
        """As `Freeable.own_outputs`."""
        outputs, names = self.prepared.model.graph.outputs, self._names.tensors
        return {str(each.name): names[each] for each in outputs}

    def freed(self, graph: Graph) -> Program:
        """As `Freeable.freed`."""
        return replace(self, graph=graph)

    def statistics(self, precision: Precision) -> Mapping[str, Statistics]:
        """As `Traced.statistics`."""
        return collect(
            self.prepared.model,
            self._names,
            self.batch,
            precision,
            self.graph,
            self.extremes(precision),
        )

    def sketch(
        self, precision: Precision, ops: Iterable[str], probes: int = 4, seed: int = 0
    ) -> Mapping[str, float]:
        """As `Traced.sketch`: nothing is differentiated here."""
        return {}

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        """As `Traced.error`, at `showing_tails`.

        Infinite for ops that some row, which the batch need not have, would break.
        """
        ops = tuple(ops)
        if not self.extremes(precision).unsafe.keys().isdisjoint(ops):
            return math.inf
        return self._outputs.error(precision, map(self.graph.by_id.__getitem__, ops))

    def time(
        self, precision: Precision, ops: Set[str], clock: Clock, seconds: float
    ) -> Timings:
        """As `Traced.time`; int8 as `Int8Stopwatch` says."""
        watch = Int8Stopwatch(self._singles, self.executor, clock, seconds, self.int8)
        if precision is Precision.INT8:
            return watch.timings(ops)
        pairs = watch.time_ops(precision, ops)
        return timings(self.graph, precision, pairs, watch.time_casts)

    def time_whole(
        self, placements: Mapping[str, Placement], clock: Clock
    ) -> Mapping[str, Latency]:
        """As `Traced.time_whole`."""
        calls = {
            name: partial(self.executor.compile(self.apply(placement)), self.batch)
            for name, placement in placements.items()
        }
        return interleaved(calls, clock)

    def apply(self, placement: Placement) -> ir.Model:
        """The converted model: constants cast offline, casts inserted.

        Raises:
            PlanError: An op is to be int8 that has no scales.
            ModelError: Rounding keeps a loop from ending on the batch.
        """
        used = {p for p in placement.values() if p.bytes == 2}
        far = {name for low in used for name in self.extremes(low).reaches}
        model = rewrite(
            self.prepared.model, self.calls, self.graph, placement, far, self.int8
        )
        self._reruns.check_it_ends(model)
        record_order(model, self.places)
        return model

    def save(self, model: ir.Model, path: Path) -> Path:
        """Write a model that `apply` made as `.onnx`: the same bytes each time.

        Raises:
            ModelError: The runtime dies of it.
        """
        self.executor.survive(model)
        return archive.write(model, path, self.switches)

    @property
    def scales(self) -> Scales:
        """As `Quantizable.scales`."""
        return self.int8.scales

    @property
    def int8_probes(self) -> Mapping[str, Probe]:
        """Op id → what happened when it ran in int8; its output is fp32."""
        return self.int8.probes

    @property
    def int8_refusals(self) -> dict[str, str]:
        """As `Quantizable.int8_refusals`."""
        return dict(self.int8.refusals)

    def calibrated(self, batches: Iterable[Inputs], how: Quantization) -> Program:
        """As `Quantizable.calibrated`; errors as `Calibrator.calibrated`."""
        return self._in_int8(self._calibrator.calibrated(batches, how))

    def with_scales(self, scales: Scales, how: Quantization) -> Program:
        """As `Quantizable.with_scales`."""
        return self._in_int8(self._calibrator.with_scales(scales, how))

    @property
    def _calibrator(self) -> Calibrator:
        model, names = self.prepared.model, self._names
        return Calibrator(model, names, self.places, self._singles, self.executor)

    def _in_int8(self, int8: Quantized) -> Program:
        return replace(self, graph=with_int8(self.graph, int8.ops), int8=int8)

    def clipped(self, precision: Precision) -> frozenset[str]:
        """As `Clipping.clipped`."""
        return frozenset(self.extremes(precision).reaches)

    def extremes(self, precision: Precision) -> Extremes:
        """What lies beyond a precision on rows that the batch need not have.

        Nothing lies beyond int8: what is quantized stays within.
        """
        if precision is Precision.INT8:
            return Extremes({}, {})
        if precision not in self.beyond:
            nodes = {site.id: site.node for site in self._names.ops}
            values = {name: value for value, name in self._names.tensors.items()}
            self.beyond[precision] = extremes(self.graph, nodes, values, precision)
        return self.beyond[precision]

    @cached_property
    def _names(self) -> Names:
        return name_all(self.prepared.model, self.calls)

    @cached_property
    def _singles(self) -> Singles:
        seen = observe(self.prepared.model, self._names, self.batch)
        return _singles(self.prepared.model, self._names, self.graph, seen)

    @cached_property
    def _reruns(self) -> Reruns:
        return Reruns(
            self.prepared.model,
            self.calls,
            self.graph,
            self.batch,
            self.executor.judge,
            self.skipped,
            self.longest,
            lambda precision: self.extremes(precision).reaches,
            self.int8,
        )

    @cached_property
    def _outputs(self) -> OutputErrors[Array]:
        return OutputErrors(self._reruns, self.probes, relative_error)


def trace(
    model: object,
    batch: Inputs,
    *,
    low: Precision,
    inputs: Sequence[Input],
    outputs: Sequence[str] = (),
    executor: Executor,
) -> Program:
    """As `Adapter.trace`.

    Args:
        model: As loaded (onnx-ir), or an `onnx.ModelProto`.
        inputs: None: those that the model declares, in its order.
        executor: The runtime that the model is converted for.
    """
    executor.check(low)
    loaded = model_of(model)
    check_batch(batch, inputs)
    places = order(loaded, inputs)
    given = arrays(loaded, batch, places)
    flat, calls = plain(loaded)
    prepared = prepare(flat, calls, low=low, int8=executor.int8)
    prepared = replace(prepared, notes=(*prepared.notes, *notes(loaded, flat)))
    prepared.model.meta.update(loaded.meta)
    prepared.model.meta[archive.TYPED] = archive.states_types(loaded)
    check_agreement(loaded, flat, prepared, calls, given, executor, outputs)
    names = name_all(prepared.model, calls)
    seen = observed(prepared.model, names, given)
    graph = picture(prepared, names, seen, low, executor)
    singles = _singles(prepared.model, names, graph, seen)
    values = {name: value for value, name in names.tensors.items()}
    beyond = extremes(graph, singles.nodes, values, low)
    singles = replace(singles, far=beyond.reaches)
    rounded = parts(prepared.model, executor.int8).rounded
    probes = probe(singles, executor, low, seen.failed, rounded)
    graph = with_kernels(graph, low, probes)
    return Program(
        graph,
        {name: _on_any_row(name, each, beyond) for name, each in probes.items()},
        executor.switches,
        prepared,
        calls,
        given,
        executor,
        seen.skipped,
        tuple(places),
        max(seen.runs.values()),
        {low: beyond},
    )


def _on_any_row(name: str, found: Probe, beyond: Extremes) -> Probe:
    """What a probe says, or would say on rows that the batch need not have."""
    if name in beyond.unsafe and found.output is not None:
        return replace(found, error=math.inf)
    return found


def _singles(model: ir.Model, names: Names, graph: Graph, seen: Observed) -> Singles:
    nodes = {site.id: site.node for site in names.ops}
    return Singles(model, graph, nodes, seen.values)
