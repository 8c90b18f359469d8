"""A traced TensorFlow model, behind the protocol of `frameworks/protocol.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import tensorflow as tf

from ...common.timing import Clock, Latency, interleaved
from ...graph.graph import Graph, Op, Placement, Precision
from ...graph.graph import held as held_precisions
from ..comparing import probed, relative_error
from ..inputs import Input, check_shapes, places
from ..measuring.output_errors import OutputErrors
from ..measuring.timings import timings
from ..protocol import Array, Inputs, Probe, Statistics, Timings, first_call
from ..quantizing.quantization import Quantization, Scales
from .ir.frozen import Frozen, Model
from .ir.int8.candidate import NOTHING, Quantized
from .ir.regions import Region, every, regions
from .measuring.agreement import check_agreement
from .measuring.extremes import Extremes, extremes
from .measuring.other_signatures import Others, prepared_with_others
from .measuring.output_errors import Reruns
from .measuring.probes import probe
from .measuring.sketch import sketch as adjoint
from .measuring.statistics import collect
from .measuring.stopwatch import Stopwatch
from .measuring.tails import float_tails
from .picture import picture
from .quantizing.calibrating import Calibrator, with_int8
from .quantizing.timing import int8_timings
from .running.interpreter import key_of
from .running.predict import Whole, given, predictor
from .running.switches import hold_fp32
from .writing import archive
from .writing.rewrite import rewrite


@dataclass(frozen=True)
class Program:
    """One model, traced on one batch; what has no word here is said of `Traced`.

    Attributes:
        frozen: The prepared model; `main` holds its regions.
        batch: Tensors in the order of all that its signatures take.
        known: Precision → what may lie at its end, once it was asked for.
    """

    graph: Graph
    probes: Mapping[str, Probe]
    switches: Mapping[str, str]
    frozen: Frozen
    main: Region
    batch: Inputs
    others: Others
    known: dict[Precision, Extremes] = field(default_factory=dict)
    int8: Quantized = NOTHING

    @property
    def notes(self) -> tuple[str, ...]:
        """Which signatures were not judged, or not converted."""
        return self.others.notes

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        """As `Traced.error`, at `float_tails`."""
        return self._outputs.error(precision, map(self._op, ops))

    def sketch(
        self, precision: Precision, ops: Iterable[str], probes: int = 4, seed: int = 0
    ) -> Mapping[str, float]:
        """As `Traced.sketch`; ops in bodies that the batch skips are missing too.

        None of int8, whose rounding is no format's.
        """
        if precision is Precision.INT8:
            return {}
        keys = {key_of(op): op.id for op in map(self._op, ops)}
        squares = adjoint(
            self.main,
            self.batch,
            self.frozen.weights,
            precision,
            keys.keys(),
            float_tails(self.main),
            probes,
            seed,
        )
        return {keys[key]: square for key, square in squares.items()}

    def statistics(self, precision: Precision) -> Mapping[str, Statistics]:
        """As `Traced.statistics`."""
        found = collect(self.main, self.batch, self.frozen.weights, precision)
        return {
            name: each for name, each in found.items() if name in self.graph.tensors
        }

    def time(
        self, precision: Precision, ops: Set[str], clock: Clock, seconds: float
    ) -> Timings:
        """As `Traced.time`; int8 as `int8_timings` says."""
        if precision is Precision.INT8:
            weights = self.frozen.weights
            return int8_timings(
                self.graph,
                self.main,
                self.batch,
                weights,
                self.int8,
                ops,
                clock,
                seconds,
            )
        keys = {key_of(self._op(name)): name for name in ops}
        watch = Stopwatch(
            self.main,
            self.frozen.weights,
            precision=precision,
            keys=keys.keys(),
            clock=clock,
            seconds=seconds,
        )
        watch.run(self.batch)
        pairs = {keys[key]: pair for key, pair in watch.pairs.items()}
        return timings(self.graph, precision, pairs, watch.time_casts)

    def time_whole(
        self, placements: Mapping[str, Placement], clock: Clock
    ) -> Mapping[str, Latency]:
        """As `Traced.time_whole`."""
        arrays = tuple(value.numpy() for value in self.batch)
        calls = {
            name: partial(first_call, Whole(self.apply(placement)), arrays)
            for name, placement in placements.items()
        }
        return interleaved(calls, clock)

    def apply(self, placement: Placement) -> Frozen:
        """The converted model, its weights in the precision of the ops that use them.

        Raises:
            PlanError: An op is to be int8 that has no scales.
            ModelError: Rounding keeps a loop from ending on the batch, or makes a
                signature that is not evaluated infinite.
        """
        self.int8.check(placement)
        keys = {key_of(op): placement[op.id] for op in self.graph.ops}
        held = held_precisions(self.graph, placement)
        narrow = {each for each in keys.values() if each.bytes == 2}
        clipped = {each: self._extremes(each).tensors for each in narrow}
        converted = rewrite(self.frozen, self.main, keys, held, clipped, self.int8)
        self._reruns.check_it_ends(converted)
        self.others.check(converted)
        return converted

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
        return Calibrator(self.frozen, self.main, self.graph, self.batch)

    def _in_int8(self, int8: Quantized) -> Program:
        return replace(self, graph=with_int8(self.graph, int8), int8=int8)

    def clipped(self, precision: Precision) -> Set[str]:
        """As `Clipping.clipped`: what may lie at the end of the format."""
        if precision is Precision.INT8:
            return frozenset()
        within = {region.id: region.within for region in every(self.main)}
        found = self._extremes(precision).tensors
        return {within[region](reference) for region, reference in found}

    def _extremes(self, precision: Precision) -> Extremes:
        if precision not in self.known:
            self.known[precision] = extremes(self.main, precision, self.frozen.weights)
        return self.known[precision]

    def save(self, model: Frozen, path: Path) -> Path:
        """Write a model that `apply` made as a SavedModel: the same bytes each time."""
        return archive.save(model, path)

    @cached_property
    def _reruns(self) -> Reruns:
        return Reruns(self.main, self.batch, self.frozen.weights, int8=self.int8)

    @cached_property
    def _outputs(self) -> OutputErrors[Array]:
        return OutputErrors(self._reruns, self.probes, relative_error)

    def _op(self, name: str) -> Op:
        return self.graph.by_id[name]


def trace(
    model: Model,
    batch: Inputs,
    *,
    low: Precision,
    inputs: Sequence[Input] = (),
    outputs: Sequence[str] = (),
) -> Program:
    """As `Adapter.trace`.

    Args:
        inputs: By the model's names; none for the model's own order.
    """
    switches = hold_fp32()
    if inputs:
        check_shapes(inputs, [tuple(value.shape) for value in batch])
    frozen = _in_order(model.freeze(), inputs)
    own = tuple(map(tf.convert_to_tensor, given(frozen.inputs, batch)))
    prepared, all_, aside = prepared_with_others(model, frozen, own)
    values = tuple(map(tf.convert_to_tensor, all_))
    main = regions(prepared)
    loaded = predictor(model, inputs)
    check_agreement(loaded, frozen, prepared, main, own, values, outputs)
    graph = picture(main, values, prepared)
    unsafe = extremes(main, low, prepared.weights).unsafe
    run = partial(probe, main, values, prepared.weights, low, unsafe=unsafe)
    graph, probes = probed(graph, low, run)
    others = Others(prepared, main, values, aside)
    return Program(graph, probes, switches, prepared, main, values, others)


def _in_order(frozen: Frozen, inputs: Sequence[Input]) -> Frozen:
    """The model whose inputs come in the order of the batch."""
    first, *others = frozen.signatures
    own = [each.name for each in first.inputs]
    order = places(own, [one.name for one in inputs])
    taken = sorted(range(len(order)), key=order.__getitem__)
    ordered = replace(first, inputs=tuple(first.inputs[place] for place in taken))
    return replace(frozen, signatures=(ordered, *others))
