"""A traced PyTorch model, behind the protocol of `frameworks/protocol.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import torch
from torch import fx

from ...common.errors import NEW, PlanError
from ...common.timing import Clock, Latency, interleaved
from ...graph.graph import Graph, Kernel, Placement, Precision
from ..absorbed import remembered
from ..comparing import probed
from ..inputs import Input
from ..measuring.output_errors import OutputErrors
from ..measuring.timings import timings
from ..protocol import Inputs, LoadSaved, Probe, Statistics, Timings
from .capturing import capture
from .capturing.as_loaded import explained
from .compiling.int8 import eager_notes
from .forms import sites
from .forms.form import Form, substituted
from .forms.timing import by_op, fastest_forms, time_forms
from .ir.naming import tensor_names
from .ir.prepared import Prepared
from .ir.values.extremes import extremes
from .measuring.agreement import check_agreement
from .measuring.output_errors import Reruns
from .measuring.probes import probe, relative_error
from .measuring.sketch import sketch as adjoint
from .measuring.statistics import collect
from .measuring.stopwatch import Stopwatch
from .opening.needs import NOTHING, Needs, needs
from .picture import picture
from .preparation.absorbed import untraced
from .preparation.prepare import prepare
from .running.calling import by_name, recorded
from .running.device import finished, of_batch, release
from .running.given import evaluating, module_of
from .running.low import DTYPES
from .running.private import anew
from .running.state import reset
from .running.switches import hold_fp32
from .writing import archive
from .writing.borders import borders, own_outputs
from .writing.rewrite import rewrite

UNFELT = 2.0**-6
"""Output error up to which values at the end of the range stand for larger ones."""


@dataclass(frozen=True)
class Program:
    """One model, traced on one batch; what has no word here is said of `Traced`.

    Attributes:
        prepared: The fp32 graph that is converted.
        dynamic: Dimensions that vary, for each input.
        formed: The forms that are used where their ops are low together.
        stated: Symbol → the largest size that a saved model takes.
        notes: What deployers must import first; else a `.pt2` runs as it was judged.
        needs: What the model's own operators need.
    """

    graph: Graph
    probes: Mapping[str, Probe]
    switches: Mapping[str, str]
    prepared: Prepared
    batch: Inputs
    dynamic: capture.Dynamic
    formed: tuple[Form, ...] = ()
    notes: tuple[str, ...] = ()
    stated: Mapping[str, int] = field(default_factory=dict)
    needs: Needs = NOTHING

    @property
    def load_saved(self) -> LoadSaved:
        """As `Opener.load_saved`."""
        return partial(archive.load_saved, needs=self.needs)

    @property
    def open_native(self) -> Callable[[Path], torch.nn.Module]:
        """As `Opener.open_native`."""
        return partial(archive.open_native, needs=self.needs)

    @property
    def own_outputs(self) -> Mapping[str, str]:
        """As `Freeable.own_outputs`: the keys of a dict."""
        return own_outputs(self.prepared, self._names)

    def freed(self, graph: Graph) -> Self:
        """As `Freeable.freed`."""
        return replace(self, graph=graph)

    @property
    def forms(self) -> Mapping[str, str]:
        """As `Formable.forms`."""
        return self._recorded(self.formed)

    def forms_in_use(self, placement: Placement) -> Mapping[str, str]:
        """As `Formable.forms_in_use`."""
        keys = {str(op.key): placement[op.id] for op in self.graph.ops}
        return self._recorded(self._in_use(keys))

    def with_forms(self, forms: Mapping[str, str]) -> Self:
        """As `Formable.with_forms`."""
        known = {(self._ids[form.anchor], form.name): form for form in self._sites}
        for op, name in forms.items():
            if (op, name) not in known:
                said = f"the plan computes {op} as {name}, which is unknown"
                raise PlanError(said, NEW)
        return replace(self, formed=tuple(known[item] for item in forms.items()))

    def with_fastest_forms(
        self, precision: Precision, clock: Clock, seconds: float
    ) -> Self:
        """As `Formable.with_fastest_forms`; on CPUs alone."""
        whole = Kernel(precision, precision)
        if of_batch(self.batch).type != "cpu":
            return self
        lowable = {str(op.key) for op in self.graph.ops if whole in op.kernels}
        able = [form for form in self._sites if lowable.issuperset(form.nodes)]
        module = self.prepared.module
        timed = time_forms(module, self.batch, precision, able, clock, seconds)
        return replace(self, formed=fastest_forms(timed))

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        """As `Traced.error`, at `float_tails`."""
        return self._outputs.error(precision, map(self.graph.by_id.__getitem__, ops))

    def sketch(
        self, precision: Precision, ops: Iterable[str], probes: int = 4, seed: int = 0
    ) -> Mapping[str, float]:
        """As `Traced.sketch`; where the low kernel is not finite, `_beyond`."""
        keys = {str(self.graph.by_id[name].key): name for name in ops}
        module = self.prepared.module
        found = adjoint(module, self.batch, precision, keys, probes, seed)
        return {
            keys[key]: each
            if math.isfinite(each)
            else self._beyond(precision, keys[key]) ** 2
            for key, each in found.items()
        }

    def _beyond(self, precision: Precision, op: str) -> float:
        """The error of an op that leaves the range; infinite where outputs feel it."""
        error = self.error(precision, (op,))
        return error if error <= UNFELT else math.inf

    def statistics(self, precision: Precision) -> Mapping[str, Statistics]:
        """As `Traced.statistics`."""
        found = collect(self.prepared.module, self.batch, precision)
        return {self._names[n]: each for n, each in found.items() if n in self._names}

    def clipped(self, precision: Precision) -> Set[str]:
        """As `Clipping.clipped`: what may lie at the end of the format."""
        found = extremes(self.prepared.module, DTYPES[precision])
        return {self._names[node] for node in found if node in self._names}

    def time(
        self, precision: Precision, ops: Set[str], clock: Clock, seconds: float
    ) -> Timings:
        """As `Traced.time`."""
        keys = {str(self.graph.by_id[name].key): name for name in ops}
        module = self.prepared.module
        watch = Stopwatch(
            module,
            precision=precision,
            keys=keys.keys(),
            device=of_batch(self.batch),
            clock=clock,
            seconds=seconds,
        )
        with torch.inference_mode():
            watch.run(*self.batch)
        pairs = {keys[key]: pair for key, pair in watch.pairs.items()}
        plain = timings(self.graph, precision, pairs, watch.time_casts)
        timed = time_forms(module, self.batch, precision, self.formed, clock, seconds)
        formed = by_op(timed, self._ids, precision)
        return replace(plain, ops={**plain.ops, **formed})

    def time_whole(
        self, placements: Mapping[str, Placement], clock: Clock
    ) -> Mapping[str, Latency]:
        """As `Traced.time_whole`."""
        args, kwargs = recorded(self.prepared.module)(self.batch)
        calls = {
            name: anew(self.apply(placement), args, kwargs)
            for name, placement in placements.items()
        }
        with torch.inference_mode():
            return interleaved(finished(calls, of_batch(self.batch)), clock)

    def apply(self, placement: Placement) -> fx.GraphModule:
        """The converted model, its weights in the precision of the ops that use them.

        Raises:
            ModelError: Rounding keeps a loop from ending on the batch.
        """
        keys = {str(op.key): placement[op.id] for op in self.graph.ops}
        held, returned = borders(self.graph, self.prepared, self._names, placement)
        module, low = self._with_forms(keys)
        converted = rewrite(module, keys | low, held | low, returned)
        self._reruns.check_it_ends(converted)
        return converted

    def _with_forms(
        self, placement: Mapping[str, Precision]
    ) -> tuple[fx.GraphModule, dict[str, Precision]]:
        """The graph with forms for ops that are low together, and their new nodes."""
        low = self._in_use(placement)
        if not low:
            return self.prepared.module, {}
        module, new = substituted(self.prepared.module, low)
        return module, dict.fromkeys(new, placement[low[0].anchor])

    def _in_use(self, placement: Mapping[str, Precision]) -> list[Form]:
        fp32 = {name for name, each in placement.items() if each is Precision.FP32}
        return [form for form in self.formed if fp32.isdisjoint(form.nodes)]

    def _recorded(self, formed: Iterable[Form]) -> dict[str, str]:
        return {self._ids[form.anchor]: form.name for form in formed}

    def save(self, model: fx.GraphModule, path: Path) -> Path:
        """Write a model that `apply` made as `.pt2`: the same bytes each time."""
        reset(model, self.prepared.module)
        bind = recorded(model)
        given = bind, bind.narrowed(self.batch), self.dynamic
        exported = capture.export(model, *given, stated=self.stated)
        written = archive.write(exported, path)
        release(of_batch(self.batch))
        return written

    @cached_property
    def _ids(self) -> dict[str, str]:
        return {str(op.key): op.id for op in self.graph.ops}

    @cached_property
    def _names(self) -> dict[fx.Node, str]:
        return tensor_names(self.prepared)

    @cached_property
    def _reruns(self) -> Reruns:
        return Reruns(self.prepared, self.batch)

    @cached_property
    def _outputs(self) -> OutputErrors[torch.Tensor]:
        return OutputErrors(self._reruns, self.probes, relative_error)

    @cached_property
    def _sites(self) -> tuple[Form, ...]:
        return sites(self.prepared.module.graph)


def trace(
    model: torch.nn.Module,
    batch: Inputs,
    *,
    low: Precision,
    inputs: Sequence[Input],
    outputs: Sequence[str] = (),
) -> Program:
    """As `Adapter.trace`.

    Args:
        model: The trained module (`given.module_of`), converted as in evaluation mode.
        inputs: Named after arguments of forward(); their symbols may vary.
    """
    switches = hold_fp32(of_batch(batch))
    capture.check_batch(batch, inputs)
    module, dynamic = module_of(model), [one.dynamic for one in inputs]
    names = [one.name for one in inputs]
    stated = {symbol: most for one in inputs for symbol, most in one.largest.items()}
    bind = by_name(module, names)
    with evaluating(module), explained(module, bind, batch, names):
        exported = capture.export(module, bind, batch, dynamic, names, stated)
        captured = capture.unlifted(exported)
        prepared = prepare(captured)
        check_agreement(module, prepared, batch, outputs)
    graph = picture(prepared, batch)
    graph = replace(graph, dropped=graph.dropped + remembered(untraced(module, graph)))
    graph, probes = probed(graph, low, partial(probe, prepared.module, batch, low))
    own = needs(module, captured)
    return Program(
        graph=graph,
        probes=probes,
        switches=switches,
        prepared=prepared,
        batch=batch,
        dynamic=dynamic,
        notes=(*filter(None, [own.note]), *eager_notes(prepared.module)),
        needs=own,
        stated=stated,
    )
