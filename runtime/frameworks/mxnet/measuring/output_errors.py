"""A network run with some ops low: what its output errors are measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from ....common.errors import ModelError
from ....graph.graph import Op, Placement, Precision
from ...measuring.output_errors import Skipped
from ...protocol import Outputs
from ..ir.arrays import PRECISIONS, cast, name_of, widened
from ..ir.library import mx
from ..ir.network import Entry, Network
from ..running.interpreter import Arrays, Runner
from ..running.session import Predictor
from .tails import compared_values


class Reruns:
    """One network on one batch, each time with other ops low."""

    skipped: Skipped = frozenset()

    def __init__(
        self, runner: Runner, in_int8: Callable[[Placement, Sequence[Entry]], Network]
    ) -> None:
        self.runner, self.in_int8 = runner, in_int8

    @cached_property
    def compared(self) -> tuple[Entry, ...]:
        """Where the errors are measured (`compared_values`)."""
        return compared_values(self.runner)

    def values(
        self, route: Skipped, precision: Precision, ops: Sequence[Op]
    ) -> Outputs | None:
        """The compared values, None where a kernel fails beside others that it ran with."""
        keys, compared = {op.key for op in ops}, self.compared
        if precision is Precision.INT8 and ops:
            return self._in_int8(ops)
        seen: dict[Entry, Arrays] = {}
        try:
            for step in self.runner.steps():
                if step.index in keys:
                    low = self.runner.low(step.index, step.inputs, precision)
                    step.outputs[:] = map(_up, low)
                for k, value in enumerate(step.outputs):
                    if (step.index, k) in compared:
                        seen[step.index, k] = value
            return tuple(widened(seen[entry]) for entry in compared if entry in seen)
        except mx.base.MXNetError:
            if keys:
                return None
            raise

    def _in_int8(self, ops: Sequence[Op]) -> Outputs | None:
        """As executors run it: what int8 kernels fuse is rounded once."""
        placement = {op.id: Precision.INT8 for op in ops}
        network = self.in_int8(placement, self.compared)
        try:
            return Predictor(network)(tuple(self.runner.batch))
        except ModelError:
            return None


def _up(array: object) -> object:
    low = PRECISIONS.get(name_of(getattr(array, "dtype")))  # noqa: B009
    if low in (Precision.BF16, Precision.FP16):
        return cast(array, Precision.FP32)
    return array
