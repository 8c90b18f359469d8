"""The adjoint sketch: how much each op's rounding changes the outputs, all at once.

One run of the fp32 graph under a tape gives each op's local error δ, from its low
kernel on the same inputs. One backward pass for a random v of the outputs gives vᵀJδ
of every op, whose mean square is the square of the output error that the op causes
alone (Hutchinson's estimator). Where samples don't see each other, each has its own v, J
and δ: the sum of their squares is as good as that many probes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.python.eager import record

from ....graph.graph import Precision
from ...protocol import Array, Inputs
from ..ir.regions import Region
from ..running.gradients import recorded
from ..running.interpreter import Key, Value
from ..running.low import Observed, wide
from ..running.reasons import FAILURES
from .extremes import extremes
from .samples import axis_of, by_sample, count, over, square

Half = npt.NDArray[np.bool_]


def sketch(
    main: Region,
    inputs: Inputs,
    weights: Mapping[str, Array],
    precision: Precision,
    keys: Set[Key],
    wanted: Sequence[str],
    probes: int,
    seed: int,
) -> dict[Key, float]:
    """Key → mean of (vᵀJδ)² over random v.

    Ops that no gradient reaches are missing, as are those with one that is not finite.
    Infinite where fp32 is finite and the low kernel is not.

    Args:
        wanted: The floats of the main graph by which outputs are compared.
        probes: How many v: signs over the norm of each output.
    """
    runner = _Recorder(
        main,
        weights,
        precision=precision,
        keys=keys,
        wanted=wanted,
        clipped=extremes(main, precision, weights).tensors,
    )
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(runner.change)
        runner.run(inputs)
    targets = [runner.found[reference] for reference in wanted]
    outputs = [target.numpy() for target in targets]
    generator = np.random.default_rng(seed)

    def go_back(half: Half | None = None) -> None:
        runner.half = half
        runner.parts.clear()
        signs = [_signs(each, generator) for each in outputs]
        if half is not None:
            signs = [over(each, half) for each in signs]
        directions = [tf.constant(each, tf.float32) for each in signs]
        tape.gradient(targets, [runner.change], directions)

    samples = count(outputs)
    if samples > 1:
        go_back(generator.permutation(samples) < samples // 2)
    total: dict[Key, float] = {}
    for _ in range(probes):
        go_back()
        for key, parts in runner.parts.items():
            total[key] = total.get(key, 0.0) + square(parts) / probes
    found = {key: each for key, each in total.items() if math.isfinite(each)}
    return found | dict.fromkeys(runner.broken & total.keys(), math.inf)


def _signs(output: Array, generator: np.random.Generator) -> Array:
    """±1 over the norm of an output, where that is finite."""
    finite = np.isfinite(output)
    norm = float(np.linalg.norm(output[finite].astype(np.float64)))
    signs = generator.integers(0, 2, output.shape, np.int8) * 2.0 - 1.0
    return np.where(finite, signs / (norm or math.inf), 0.0)


@dataclass(eq=False, kw_only=True)
class _Recorder(Observed):
    """Runs the fp32 graph so that a tape can go back through it.

    Attributes:
        change: Stands for what any op is off by; it is what the tape watches.
        half: In the pass that looks for axes of samples, those it goes back from.
        parts: Key → vᵀJδ of this pass, by sample where they are apart; one for each
            output and iteration.
        broken: Ops that are not finite where fp32 is.
    """

    change: Value = field(default_factory=lambda: tf.zeros(()))
    half: Half | None = None
    parts: dict[Key, list[Array]] = field(default_factory=partial(defaultdict, list))
    broken: set[Key] = field(default_factory=set)

    def run_op(self, region: Region, node: Any, values: list[Value]) -> list[Value]:
        made = super().run_op(region, node, values)
        recorded(node, values, made)
        key = (region.id, node.name)
        if key not in self.keys:
            return made
        try:
            low = self.run_low(region, node, values)
        except FAILURES:
            return made
        return [self._changed(key, *pair) for pair in zip(made, low, strict=True)]

    def _changed(self, key: Key, fp32: Value, low: Value) -> Value:
        """The fp32 value; what comes back to it on a tape is held against δ."""
        if fp32.dtype != tf.float32 or not low.dtype.is_floating:
            return fp32
        off = wide(low) - fp32
        expected = tf.math.is_finite(fp32)
        if not bool(tf.reduce_all(tf.math.is_finite(off) | ~expected)):
            self.broken.add(key)
        # Kept until the last probe: in 16 bits, half of what the activations take.
        off = tf.cast(tf.where(tf.math.is_finite(off), off, 0.0), tf.bfloat16)

        samples: list[tuple[int, int]] = []

        def backward(gradient: Value) -> list[Value | None]:
            if self.half is not None:
                axis = axis_of(gradient.numpy(), self.half)
                samples[:] = [] if axis is None else [(axis, len(self.half))]
                return [gradient, None]
            product = (gradient * tf.cast(off, tf.float32)).numpy()
            for axis, many in samples:
                product = by_sample(product, axis, many)
            last = -1 if samples else None
            self.parts[key].append(np.asarray(product.sum(last, dtype=np.float64)))
            return [gradient, None]

        with record.stop_recording():
            same = tf.identity(fp32)
        record.record_operation("Change", [same], [fp32, self.change], backward)
        return same
