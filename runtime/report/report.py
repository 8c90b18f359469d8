"""What a run has to say for itself, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..common.timing import Latency
from ..evaluation.judgement import Judgement, Package
from ..evaluation.performance.performed import Performed
from ..graph.graph import Precision
from ..search.sensitivity.worst import Worst
from .comparison import RuleBased


@dataclass(frozen=True)
class Report:
    """The outcome of a run.

    Attributes:
        flops, flops_low: FLOPs of the graph, and those in 16 bits.
        flops_int8, ops_int8: Those in int8.
        quantized: Whether the model came with ops in int8.
        ops, ops_low: Ops that could carry a precision at all, and those in 16 bits.
        fp32_bytes: Size of the weights as loaded: fp32, but for those that came in int8.
        saved_bytes: Size of the converted file.
        judgement: Accuracy before and after; None where nothing was judged.
        drift: Without one, the relative RMS error of the outputs on random inputs.
        worst: The op that adds most to it, where it is warned of.
        kernels: The faster kernels that stand for ops, "" if there are none.
        fp32: Op id → reason, without the ops that no precision applies to.
        package: Under `execution: compile`, the compiled package.
        notes: What `Traced.notes` says.
        ended: What of the budget ended the search early, "" if nothing did.
        weights: Under objective memory, bytes of the weights in fp32 and as placed.
        rules: What converters that go by lists of op types would make of the model.
        drawn: Without data, input → which random values it had.
        rebuilt: The trial of an earlier search that was rebuilt, if one was.
        performed: Percentiles, throughput, memory and size, where the spec asks for them.
        page: The report for people, None where it could not be written.
    """

    name: str
    low: Precision
    objective: str
    flops: int
    flops_low: int
    ops: int
    ops_low: int
    casts: int
    fp32_bytes: int
    saved_bytes: int
    judgement: Judgement | None
    drift: float | None
    latency: dict[str, Latency] | None
    trials: int
    replayed: bool
    interrupted: bool
    is_target: bool
    kernels: str
    fp32: dict[str, str]
    script: Path
    model: Path
    plan: Path
    warnings: tuple[str, ...]
    package: Package | None = None
    ended: str = ""
    notes: tuple[str, ...] = ()
    weights: tuple[int, int] | None = None
    rules: RuleBased | None = None
    rebuilt: int | None = None
    performed: Performed | None = None
    page: Path | None = None
    worst: Worst | None = None
    drawn: Mapping[str, str] = field(default_factory=dict)
    flops_int8: int = 0
    ops_int8: int = 0
    quantized: bool = False

    @property
    def changed(self) -> bool:
        """Whether any op computes in other bits than it came in."""
        return bool(self.ops_low or (self.ops_int8 and not self.quantized))

    @property
    def exit_code(self) -> int:
        """0 done, 1 criterion not met, 130 interrupted."""
        if self.interrupted:
            return 130
        judged = (self.judgement, self.package.judgement if self.package else None)
        return int(any(judgement and not judgement.holds for judgement in judged))
