"""A program as inductor will run it: what costs time there, and what compiles well."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import torch
from torch import fx

from ...common.timing import Clock, Latency, interleaved
from ...graph.graph import Kind, Placement, Precision
from ..measuring.output_errors import OutputErrors
from ..protocol import Inputs, Probe, Timings
from ..quantizing.kernels import check_scaled, with_int8
from ..quantizing.quantization import Quantization, Scales
from .compiling.compiled import compile_saved, load_compiled
from .compiling.int8 import compiled_notes, eager_notes, int8_note, marked
from .forms.attention import attention_forms
from .forms.form import Form
from .measuring.probes import relative_error
from .opening.needs import with_quantized
from .program import Program
from .quantizing.calibrating import Calibrator
from .quantizing.errors import Int8Reruns
from .quantizing.stopwatch import Int8Stopwatch
from .running.low import DTYPES
from .writing.int8.nodes import in_int8
from .writing.int8.quantized import NOTHING, Quantized


@dataclass(frozen=True)
class InductorProgram(Program):
    """A program whose costs are those of compiled packages.

    Inductor calls the contractions' kernels as eager mode does, so they are timed as
    there; what lies between is fused, so it costs what its bytes cost (`costs.fused`).
    So does what came in int8, the same in every precision around it.

    Attributes:
        int8: Scales, and what ran with them.
    """

    int8: Quantized = NOTHING

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        """As `Program.error`; int8 as it is written, its outputs in 16 bits."""
        if precision is not Precision.INT8:
            return super().error(precision, ops)
        known = map(self.graph.by_id.__getitem__, ops)
        return self._int8_outputs.error(precision, known)

    def sketch(
        self, precision: Precision, ops: Iterable[str], probes: int = 4, seed: int = 0
    ) -> Mapping[str, float]:
        """As `Program.sketch`; none of int8, whose rounding is no format's."""
        if precision is Precision.INT8:
            return {}
        return super().sketch(precision, ops, probes, seed)

    def time(
        self, precision: Precision, ops: Set[str], clock: Clock, seconds: float
    ) -> Timings:
        """Time contractions on the batch, each distinct one once; no casts."""
        if precision is Precision.INT8:
            return self._int8_timings(ops, clock, seconds)
        by_id = self.graph.by_id
        heavy = {
            name
            for name in ops
            if by_id[name].kind is Kind.COMPUTE and not by_id[name].quantized
        }
        return Timings(super().time(precision, heavy, clock, seconds).ops, {})

    def time_whole(
        self, placements: Mapping[str, Placement], clock: Clock
    ) -> Mapping[str, Latency]:
        """Compile converted models and time them in turn; by their names."""
        with tempfile.TemporaryDirectory() as folder:
            packages = {
                name: self._compiled(placement, Path(folder) / name)
                for name, placement in placements.items()
            }
            calls = {
                name: partial(load_compiled(package), self.batch)
                for name, package in packages.items()
            }
            return interleaved(calls, clock)

    def _int8_timings(self, ops: Set[str], clock: Clock, seconds: float) -> Timings:
        watch = Int8Stopwatch(
            self.prepared.module,
            int8=self.int8,
            dtype=DTYPES[self._low],
            wanted=ops,
            clock=clock,
            seconds=seconds,
        )
        with torch.inference_mode():
            watch.run(*self.batch)
        return Timings(watch.found, {})

    def apply(self, placement: Placement) -> fx.GraphModule:
        """As `Program.apply`, with ops in int8 between quantize and dequantize.

        Raises:
            PlanError: An op is to be int8 that has no scales.
        """
        check_scaled(placement, self.int8.ops, self.int8.refusals)
        return super().apply(placement)

    @property
    def scales(self) -> Scales:
        """As `Quantizable.scales`."""
        return self.int8.scales

    @property
    def int8_probes(self) -> Mapping[str, Probe]:
        """Op id → what happened when its int8 kernel ran."""
        return self.int8.probes

    @property
    def int8_refusals(self) -> dict[str, str]:
        """As `Quantizable.int8_refusals`."""
        return dict(self.int8.refusals)

    def calibrated(self, batches: Iterable[Inputs], how: Quantization) -> Self:
        """As `Quantizable.calibrated`; errors as `Calibrator.calibrated`."""
        return self._in_int8(self._calibrator.calibrated(batches, how))

    def with_scales(self, scales: Scales, how: Quantization) -> Self:
        """As `Quantizable.with_scales`."""
        return self._in_int8(self._calibrator.with_scales(scales, how))

    def _in_int8(self, int8: Quantized) -> Self:
        graph = with_int8(self.graph, dict.fromkeys(int8.ops, self._low))
        if not int8.ops:
            return replace(self, graph=graph, int8=int8)
        needs = with_quantized(self.needs)
        notes = (*filter(None, [needs.note]), int8_note(len(int8.ops)))
        known = (*self.notes, *(note for note in notes if note not in self.notes))
        return replace(self, graph=graph, int8=int8, needs=needs, notes=known)

    def _with_forms(
        self, placement: Mapping[str, Precision]
    ) -> tuple[fx.GraphModule, dict[str, Precision]]:
        module, new = super()._with_forms(placement)
        keys = {node for node, p in placement.items() if p is Precision.INT8}
        ops = self.int8.of_nodes(keys)
        if not ops:
            return module, new
        module, owners = in_int8(module, self.int8, ops)
        return module, new | dict.fromkeys((*keys, *owners), self._low)

    @property
    def _low(self) -> Precision:
        """The 16-bit precision that the model was traced for."""
        kernels = (k for op in self.graph.ops for k in op.kernels)
        return next((k.input for k in kernels if k.input.bytes == 2), Precision.BF16)

    @property
    def _calibrator(self) -> Calibrator:
        return Calibrator(self.graph, self.prepared, self.batch, DTYPES[self._low])

    @cached_property
    def _int8_outputs(self) -> OutputErrors[torch.Tensor]:
        reruns = Int8Reruns(self._reruns, self.int8, self._low)
        return OutputErrors(reruns, self.int8.probes, relative_error)

    def _compiled(self, placement: Placement, folder: Path) -> Path:
        saved = self.save(self.apply(placement), folder / "model.pt2")
        return compile_saved(saved, folder / "model.compiled.pt2")

    @cached_property
    def _sites(self) -> tuple[Form, ...]:
        """Attention alone: inductor fuses activations and additions by itself."""
        return tuple(attention_forms(self.prepared.module.graph))


def under_inductor(program: Program) -> InductorProgram:
    """The same program, timed as a compiled package."""
    known = {field.name: getattr(program, field.name) for field in fields(program)}
    module = program.prepared.module
    eager = tuple(eager_notes(module))
    kept = tuple(note for note in program.notes if note not in eager)
    return InductorProgram(
        **known
        | {
            "graph": marked(program.graph, module),
            "notes": (*kept, *compiled_notes(module)),
        }
    )
