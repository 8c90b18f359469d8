"""A traced MXNet model, behind the protocol of `frameworks/protocol.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ...common.timing import Clock, Latency, interleaved
from ...graph.graph import Graph, Placement, Precision
from ...graph.graph import held as held_precisions
from ..comparing import probed, relative_error
from ..inputs import Input, check_shapes, places
from ..measuring.output_errors import OutputErrors
from ..protocol import Array, Inputs, Probe, Statistics, Timings
from ..quantizing.kernels import with_int8
from ..quantizing.quantization import Quantization, Scales
from .ir.arrays import given
from .ir.naming import Names
from .ir.network import Entry, Network, in_order
from .ir.prepared import Prepared
from .ir.quantized.written import written
from .measuring.agreement import check_agreement
from .measuring.output_errors import Reruns
from .measuring.probes import probe
from .measuring.sketch import sketch as adjoint
from .measuring.statistics import collect
from .measuring.stopwatch import Stopwatch
from .picture import picture
from .preparation.prepare import prepare
from .quantizing.calibrating import NOTHING, Quantized, calibrated, with_scales
from .quantizing.timing import Int8Stopwatch
from .running.blocks import as_model, marked, network_of, positions
from .running.interpreter import Runner
from .running.predict import predictor
from .running.session import Predictor
from .running.switches import hold_fp32
from .writing import archive
from .writing.rewrite import rewrite

NOTES = (
    "MXNet strips the casts when the model is saved again, unless it is told not to: "
    "symbol.save(path, remove_amp_cast=False)",
    "run it with symbol.bind or mx.mod.Module, which fuse: Gluon's SymbolBlock does not, "
    "until block.optimize_for(x, backend='MKLDNN'), and may be slower than fp32",
)


@dataclass(frozen=True)
class Program:
    """One model, traced on one batch; what has no word here is said of `Traced`.

    Attributes:
        notes: What whoever runs the result, or saves it once more, must know.
        int8: Scales, and what ran with them.
    """

    graph: Graph
    probes: Mapping[str, Probe]
    switches: Mapping[str, str]
    prepared: Prepared
    batch: Inputs
    notes: tuple[str, ...] = NOTES
    int8: Quantized = NOTHING

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        """As `Traced.error`, at `compared_values`."""
        return self._outputs.error(precision, map(self.graph.by_id.__getitem__, ops))

    def sketch(
        self, precision: Precision, ops: Iterable[str], probes: int = 4, seed: int = 0
    ) -> Mapping[str, float]:
        """As `Traced.sketch`; only ops with a kernel are run, and none in int8."""
        if precision is Precision.INT8:
            return {}
        by_id = self.graph.by_id
        names = {self._key(n): n for n in ops if by_id[n].kernel(precision)}
        compared = self._reruns.compared
        found = adjoint(self._runner, compared, precision, names, probes, seed)
        return {names[key]: square for key, square in found.items()}

    def statistics(self, precision: Precision) -> Mapping[str, Statistics]:
        """As `Traced.statistics`."""
        return collect(self._runner, precision)

    def time(
        self, precision: Precision, ops: Set[str], clock: Clock, seconds: float
    ) -> Timings:
        """As `Traced.time`, in whole networks (`stopwatch`)."""
        network = self.prepared.network
        if precision is Precision.INT8:
            int8 = Int8Stopwatch(self.graph, self.batch, self.apply, ops, self.int8.ops)
            return int8.time(clock, seconds)
        watch = Stopwatch(self.graph, network, self.batch, self.apply, precision, ops)
        return watch.time(clock, seconds)

    def time_whole(
        self, placements: Mapping[str, Placement], clock: Clock
    ) -> Mapping[str, Latency]:
        """As `Traced.time_whole`."""
        calls = {
            name: partial(Predictor(self.apply(placement)), self.batch)
            for name, placement in placements.items()
        }
        return interleaved(calls, clock)

    def apply(self, placement: Placement) -> Network:
        """The converted model, its weights in the precision of the ops that use them.

        Raises:
            PlanError: An op is to be int8 that has no scales.
        """
        return self._applied(placement, self.prepared.network)

    def _applied(self, placement: Placement, network: Network) -> Network:
        names = Names(network)
        taken = self.int8.taken(placement)
        made = held_precisions(self.graph, placement)
        entries = {
            (index, k): names.tensor((index, k))
            for index, node in enumerate(network.nodes)
            for k in range(node.outputs)
        }
        tensors = self.graph.tensors
        floating = {
            e: n for e, n in entries.items() if n in made and tensors[n].floating
        }
        floats = rewrite(
            network,
            {
                self._key(name): Precision.FP32 if name in taken else precision
                for name, precision in placement.items()
            },
            {entry: made[name] for entry, name in floating.items()},
            {e: len(tensors[n].shape) for e, n in entries.items() if n in tensors},
        )
        return written(floats, taken, self.int8.scales)

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
        """As `Quantizable.calibrated`."""
        own = self.prepared.network, self.graph, self.batch
        return self._in_int8(calibrated(*own, batches, how))

    def with_scales(self, scales: Scales, how: Quantization) -> Program:
        """As `Quantizable.with_scales`."""
        own = self.prepared.network, self.graph, self.batch
        return self._in_int8(with_scales(*own, scales, how))

    def _in_int8(self, int8: Quantized) -> Program:
        return replace(
            self,
            graph=with_int8(self.graph, dict.fromkeys(int8.ops, Precision.FP32)),
            int8=int8,
        )

    def _showing(self, low: Placement, shown: Sequence[Entry]) -> Network:
        """These ops low and all others fp32, with other outputs."""
        placement = {op.id: low.get(op.id, Precision.FP32) for op in self.graph.ops}
        network = replace(self.prepared.network, heads=tuple(shown))
        return self._applied(placement, network)

    def save(self, model: Network, path: Path) -> Path:
        """Write a model that `apply` made, parameters beside it; the same bytes each time."""
        return archive.save(model, path)

    @cached_property
    def _runner(self) -> Runner:
        return Runner(self.prepared.network, self.batch)

    @cached_property
    def _reruns(self) -> Reruns:
        return Reruns(self._runner, self._showing)

    @cached_property
    def _outputs(self) -> OutputErrors[Array]:
        return OutputErrors(self._reruns, self.probes, relative_error)

    def _key(self, name: str) -> int:
        key = self.graph.by_id[name].key
        assert isinstance(key, int)
        return key


def trace(
    model: Any,
    batch: Inputs,
    *,
    low: Precision,
    inputs: Sequence[Input] = (),
    outputs: Sequence[str] = (),
) -> Program:
    """As `Adapter.trace`.

    Args:
        model: What `load_symbol` returned, or a HybridBlock.
        inputs: Named after the symbol's inputs or the block's arguments.
    """
    switches = hold_fp32()
    arrays = tuple(given(value) for value in batch)
    if inputs:
        check_shapes(inputs, [value.shape for value in arrays])
    network = _network(model, arrays, inputs)
    prepared = prepare(network)
    loaded = predictor(model, inputs)
    check_agreement(loaded, network, prepared, arrays, outputs)
    graph = picture(prepared, arrays)
    graph, probes = probed(graph, low, partial(probe, prepared.network, arrays, low))
    return Program(graph, probes, switches, prepared, arrays)


def _network(model: Any, batch: Inputs, inputs: Sequence[Input]) -> Network:
    """The model as a network that takes batches as they come."""
    names, known = [one.name for one in inputs], as_model(model)
    if isinstance(known, Network):
        own = [known.nodes[index].name for index in known.inputs]
        return in_order(known, places(own, names))
    order = positions(known.block, names) or list(range(len(batch)))
    taken = tuple(batch[k] for k in order)
    return in_order(marked(network_of(known, taken)), order)
