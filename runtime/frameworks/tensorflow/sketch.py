"""The adjoint sketch: how much each op's rounding changes the outputs, all at once.

One run of the fp32 graph under a tape gives each op's local error δ, from its low
kernel on the same inputs. One backward pass for a random v of the outputs gives vᵀJδ
of every op, whose mean square is the square of the output error that the op causes
alone (Hutchinson's estimator).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record

from ...graph import Precision
from ..protocol import Array, Inputs
from .gradients import recorded
from .interpreter import Key, Value
from .kernels import FAILURES
from .partly import Observed, wide
from .regions import Region


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
    runner = _Recorder(main, weights, precision, keys, wanted)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(runner.change)
        runner.run(inputs)
    targets = [runner.found[reference] for reference in wanted]
    generator = np.random.default_rng(seed)
    total: dict[Key, float] = {}
    for _ in range(probes):
        runner.changes.clear()
        signs = [_signs(each, generator) for each in targets]
        tape.gradient(targets, [runner.change], signs)
        for key, change in runner.changes.items():
            total[key] = total.get(key, 0.0) + change**2 / probes
    found = {key: each for key, each in total.items() if math.isfinite(each)}
    return found | dict.fromkeys(runner.broken & total.keys(), math.inf)


def _signs(value: Value, generator: np.random.Generator) -> Value:
    """±1 over the norm of an output, where that is finite."""
    array = value.numpy()
    finite = np.isfinite(array)
    norm = float(np.linalg.norm(array[finite].astype(np.float64)))
    signs = generator.integers(0, 2, array.shape, np.int8) * 2.0 - 1.0
    return tf.constant(np.where(finite, signs / (norm or math.inf), 0.0), tf.float32)


class _Recorder(Observed):
    """Runs the fp32 graph so that a tape can go back through it.

    Attributes:
        change: Stands for what any op is off by; it is what the tape watches.
        changes: Key → vᵀJδ of this backward pass, summed over a loop's iterations.
        broken: Ops that are not finite where fp32 is.
    """

    def __init__(
        self,
        main: Region,
        weights: Mapping[str, Array],
        precision: Precision,
        keys: Set[Key],
        wanted: Sequence[str],
    ) -> None:
        super().__init__(main, weights, precision, keys, wanted)
        self.change = tf.zeros(())
        self.changes: dict[Key, float] = {}
        self.broken: set[Key] = set()

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

        def backward(gradient: Value) -> list[Value | None]:
            share = float(tf.reduce_sum(gradient * tf.cast(off, tf.float32)))
            self.changes[key] = self.changes.get(key, 0.0) + share
            return [gradient, None]

        with record.stop_recording():
            same = tf.identity(fp32)
        record.record_operation("Change", [same], [fp32, self.change], backward)
        return same
