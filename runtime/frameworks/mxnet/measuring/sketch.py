"""The adjoint sketch: every op's share of the output error from a few backward passes.

For each op the mean over random signs v of (vᵀ J δ)²: δ is what its low kernel does to
its outputs on the fp32 run's inputs, J what that does to the model's (docs/search.md, step 4).
Every op has a tape of its own, so that one without a gradient cuts no path but its own.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ....graph.graph import Precision
from ..ir.arrays import name_of, on_device, widened
from ..ir.library import mx
from ..ir.network import Entry, Node
from ..ir.slots import castable
from ..running.interpreter import Arrays, Runner, Step, invoke
from .derivatives import depends, differentiable, keeps_when_training

Floats = npt.NDArray[np.float32]
Deltas = Mapping[int, Floats]
"""Output of an op → how far the low kernel's is from fp32's, where that is finite."""


def sketch(
    runner: Runner,
    compared: Sequence[Entry],
    precision: Precision,
    keys: Collection[int],
    probes: int,
    seed: int,
) -> dict[int, float]:
    """Node → the square of the output error that it causes when it alone is low.

    Infinite where the low kernel overflows. Nodes are missing that no finite gradient
    reaches, or not on all ways from the compared values: the rest would look small.

    Args:
        compared: Where errors are measured (`compared_values`).
        keys: Nodes that have a kernel in `precision`.
        probes: How many v.
    """
    if not compared:
        return {}
    run = _Recorded(runner, compared, precision, frozenset(keys))
    random = np.random.default_rng(seed)
    rounds = [run.squares(random) for _ in range(probes)]
    means = {key: float(np.mean([each[key] for each in rounds])) for key in rounds[0]}
    return {key: mean for key, mean in means.items() if not math.isnan(mean)}


@dataclass(frozen=True)
class _Tape:
    """One op as it was recorded.

    Attributes:
        takes: The entries that it depends on.
        inputs: Those with a derivative → the tape's beginning.
        outputs: The tape's end, by output.
    """

    index: int
    takes: frozenset[Entry]
    inputs: Mapping[Entry, Any]
    outputs: Mapping[int, Any]


class _Recorded:
    """The fp32 run of a network on a batch, and what low kernels do in its place."""

    def __init__(
        self,
        runner: Runner,
        compared: Sequence[Entry],
        precision: Precision,
        keys: Collection[int],
    ) -> None:
        self.tapes: list[_Tape] = []
        self.deltas: dict[int, Deltas | None] = {}
        self.weights: dict[Entry, Floats] = {}
        self._begins: dict[Entry, Any] = {}
        self._unused = mx.nd.zeros((1,))  # gradients are returned, not written
        with mx.autograd.record(train_mode=False):
            for step in runner.steps():
                with mx.autograd.pause():
                    if step.index in keys:
                        self.deltas[step.index] = _deltas(runner, step, precision)
                    self._weigh(step, compared)
                self._record(step)

    def _weigh(self, step: Step, compared: Sequence[Entry]) -> None:
        """Each output counts alike: over the norm of what is finite in it."""
        for k, output in enumerate(step.outputs):
            if (step.index, k) in compared:
                value = widened(output)
                finite = np.isfinite(value)
                norm = float(np.linalg.norm(value[finite].astype(np.float64)))
                weight = finite / (norm or math.inf)
                self.weights[step.index, k] = weight.astype(np.float32)

    def _record(self, step: Step) -> None:
        """Keep the op's tape, and let the ops after it begin theirs at its outputs."""
        node = step.node
        alike = differentiable(node, step.inputs[0].ndim) if step.inputs else None
        takes = {
            entry
            for slot, entry in enumerate(node.inputs)
            if entry in self._begins and depends(node, slot)
        }
        inputs = {
            entry: self._begins[entry]
            for slot, entry in enumerate(node.inputs)
            if alike is not None and castable(node, slot) and entry in takes
        }
        outputs = dict(enumerate(_end(step, alike)))
        self.tapes.append(_Tape(step.index, frozenset(takes), inputs, outputs))
        for k, output in enumerate(step.outputs):
            step.outputs[k] = output.detach()
            if name_of(output.dtype) == "float32":
                mx.autograd.mark_variables([step.outputs[k]], [self._unused])
                self._begins[step.index, k] = step.outputs[k]

    def squares(self, random: np.random.Generator) -> dict[int, float]:
        """Node → (vᵀ J δ)² for one v, of all nodes that gradients reach."""
        adjoints: dict[Entry, Any] = {}
        for entry, weight in self.weights.items():
            signs = random.integers(0, 2, weight.shape, np.int8) * 2 - 1
            adjoints[entry] = on_device((signs * weight).astype(np.float32))
        unknown = set[Entry]()
        found: dict[int, float] = {}
        for tape in reversed(self.tapes):
            made = [(tape.index, k) for k in tape.outputs]
            reached = {e[1]: adjoints.pop(e) for e in made if e in adjoints}
            if not unknown.isdisjoint(made):
                unknown |= tape.takes
            elif reached:
                if tape.index in self.deltas:
                    found[tape.index] = _square(self.deltas[tape.index], reached)
                gradients = _backward(tape, reached)
                unknown |= tape.takes - gradients.keys()
                for entry, gradient in gradients.items():
                    known = adjoints.get(entry)
                    adjoints[entry] = gradient if known is None else known + gradient
        return found


def _end(step: Step, alike: Node | None) -> Arrays:
    """The tape's end: what the op made, or what computes the same made, recorded."""
    if alike is not None and alike is not step.node:
        return invoke(alike, step.inputs[:1])
    if keeps_when_training(step.node):
        with mx.autograd.train_mode():
            return invoke(step.node, step.inputs)
    return list(step.outputs)


def _deltas(runner: Runner, step: Step, precision: Precision) -> Deltas | None:
    """None where the low kernel's outputs are not finite and fp32's are."""
    low = map(widened, runner.low(step.index, step.inputs, precision))
    found: dict[int, Floats] = {}
    for k, (output, narrow) in enumerate(zip(step.outputs, low, strict=True)):
        if name_of(output.dtype) == "float32":
            wide = widened(output)
            finite = np.isfinite(wide)
            if not np.isfinite(narrow[finite]).all():
                return None
            found[k] = np.subtract(narrow, wide, out=np.zeros_like(wide), where=finite)
    return found


def _square(deltas: Deltas | None, adjoints: Mapping[int, Any]) -> float:
    if deltas is None:
        return math.inf
    moved = sum(
        float(np.vdot(deltas[k], widened(adjoint))) for k, adjoint in adjoints.items()
    )
    return moved * moved if math.isfinite(moved) else math.nan


def _backward(tape: _Tape, reached: Mapping[int, Any]) -> dict[Entry, Any]:
    """The gradients of an op's inputs; none where MXNet has none."""
    if not tape.inputs:
        return {}
    try:
        gradients = mx.autograd.grad(
            [tape.outputs[k] for k in reached],
            list(tape.inputs.values()),
            list(reached.values()),
            retain_graph=True,
            train_mode=False,
        )
        for gradient in gradients:
            gradient.wait_to_read()
    except mx.base.MXNetError:
        return {}
    return dict(zip(tape.inputs, gradients, strict=True))
