"""From a traced fp32 model to one with scales, and ops that ran in int8."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ....common.errors import DataError, PlanError
from ....graph.graph import Graph, Kernel, Op, Precision
from ...protocol import Inputs
from ...quantizing.quantization import Integers, Quantization, Scale, Scales
from ...quantizing.ranges import Histogram
from ...quantizing.scaling import scale_of
from ..ir.frozen import Frozen
from ..ir.int8.candidate import Candidate, Quantized
from ..ir.naming import flat
from ..ir.regions import Region
from ..running.interpreter import Interpreter, Value
from .candidates import Candidates, candidates
from .probing import probed
from .sums import tied

FP32, INT8 = Precision.FP32, Precision.INT8


@dataclass(frozen=True)
class Calibrator:
    """One model that is to be quantized, traced on one batch."""

    frozen: Frozen
    main: Region
    graph: Graph
    batch: Inputs

    def calibrated(self, batches: Iterable[Inputs], how: Quantization) -> Quantized:
        """Scales from ranges over batches, and what ran with them.

        Raises:
            DataError: There is no batch.
        """
        found = self._candidates(how)
        wanted = {**self._candidates(how, found.ops).tensors, **found.tensors}
        counted = {name for name, each in wanted.items() if each.algorithm == "kl"}
        runner = _Ranges(self.main, self.frozen.weights, set(wanted), counted)
        left = how.samples
        for batch in batches:
            if left <= 0:
                break
            own = len(self.frozen.inputs)
            runner.run((*batch[:own], *self.batch[own:]))
            left -= max((len(each) for each in batch if len(each.shape)), default=1)
        if wanted and left == how.samples:
            raise DataError(
                "there is no batch to take ranges from",
                "Give data in quantization.calibration.dataloader.",
            )
        alone: set[str] = set()
        while True:
            scales = {
                name: _scale(runner.found[name], each)
                for name, each in found.tensors.items()
                if name in runner.found
            }
            failed = _not_added(found, scales)
            if not failed:
                int8 = self._probed(found, scales)
                failed = {n for n, op in found.ops.items() if op.sum} - {*int8.ops}
            if not failed:
                return int8
            alone |= failed
            found = self._candidates(how, alone)

    def _candidates(self, how: Quantization, alone: Collection[str] = ()) -> Candidates:
        return candidates(self.main, self.frozen, self.graph, how, alone)

    def with_scales(self, scales: Scales, how: Quantization) -> Quantized:
        """What runs with these scales.

        Raises:
            PlanError: A tensor has none that an op would take as integers.
        """
        plain = self._candidates(how, self._candidates(how).ops)
        alone = [n for n, op in plain.ops.items() if op.rounded and op.end in scales]
        found = self._candidates(how, alone)
        for name in found.tensors:
            if name not in scales:
                raise PlanError(
                    f"the plan has no int8 scale of tensor {name}",
                    "Search anew: it is of another model, or of another version.",
                )
        return self._probed(found, {name: scales[name] for name in found.tensors})

    def _probed(self, found: Candidates, scales: Scales) -> Quantized:
        refusals = dict(found.refusals)
        ops: dict[str, Candidate] = {}
        for name, op in found.ops.items():
            named = {*op.tensors} - found.shifted
            if any(scales[each].zero_point for each in named):
                refusals[name] = (
                    "oneDNN's kernels take activations without a zero point"
                )
            else:
                ops[name] = op
        int8 = Quantized(ops, scales, refusals=refusals)
        return probed(self.main, self.batch, self.frozen.weights, int8)


def _not_added(found: Candidates, scales: Scales) -> set[str]:
    """Convolutions that can't add what they would: it is negative, or was not seen."""
    return {
        name
        for name, op in found.ops.items()
        if op.sum
        and any(
            each not in scales or scales[each].dtype != "uint8"
            for each in (op.added, op.end)
        )
    }


def _scale(seen: Histogram, wanted: Integers) -> Scale:
    """uint8 for what is never negative, int8 around 0 for the rest, unless said."""
    low, high = seen.kl if wanted.algorithm == "kl" else seen.minmax
    if wanted.dtype == "uint8":
        return scale_of(low, high, replace(wanted, scheme="asym"))
    if wanted.dtype or not wanted.scheme:
        wanted = replace(wanted, scheme=wanted.scheme or "sym")
    return scale_of(low, high, wanted)


@dataclass(eq=False)
class _Ranges(Interpreter):
    """Looks at tensors of the main graph over batches."""

    wanted: set[str] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)
    found: dict[str, Histogram] = field(default_factory=dict)

    def __init__(
        self, main: Region, weights: Any, wanted: set[str], counted: set[str]
    ) -> None:
        super().__init__(main, weights)
        self.wanted, self.counted, self.found = wanted, counted, {}

    def made(self, region: Region, name: str, values: list[Value]) -> None:
        if region.id:
            return
        for index, value in enumerate(values):
            reference = flat(name, index)
            if reference in self.wanted:
                known = self.found.get(reference, Histogram())
                array = np.asarray(value.numpy(), np.float32)
                self.found[reference] = known.with_values(
                    array, reference in self.counted
                )


def with_int8(graph: Graph, int8: Quantized) -> Graph:
    """The graph whose ops have int8's kernel where it ran.

    A bias and a sum are part of the kernel, and int8 with it: what is between is never
    written.
    """
    makes: dict[str, Precision] = {}
    for each in int8.ops.values():
        biased = bool(each.bias)
        parts = [*each.chain[: 1 + biased], *([each.sum] if each.sum else [])]
        makes |= {**dict.fromkeys(parts, INT8), parts[-1]: FP32}

    def known(op: Op) -> Op:
        own = tuple(each for each in op.kernels if each.input is not INT8)
        made = makes.get(op.id)
        return replace(op, kernels=own if made is None else (*own, Kernel(INT8, made)))

    equal = (*graph.equal, *tied(int8.ops))
    return replace(graph, ops=tuple(map(known, graph.ops)), equal=equal)
