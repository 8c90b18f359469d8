"""A program as inductor will run it: what costs time there, and what compiles well."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Set
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path

from ...common.timing import Clock, Latency, interleaved
from ...graph.graph import Kind, Placement, Precision
from ..protocol import Timings
from .compiling.compiled import compile_saved, load_compiled
from .compiling.int8 import compiled_notes, eager_notes, marked
from .forms.attention import attention_forms
from .forms.form import Form
from .program import Program


@dataclass(frozen=True)
class InductorProgram(Program):
    """A program whose costs are those of compiled packages.

    Inductor calls the contractions' kernels as eager mode does, so they are timed as
    there; what lies between is fused, so it costs what its bytes cost (`costs.fused`).
    So does what computes in int8, the same in every precision around it.
    """

    def time(
        self, precision: Precision, ops: Set[str], clock: Clock, seconds: float
    ) -> Timings:
        """Time contractions on the batch, each distinct one once; no casts."""
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
