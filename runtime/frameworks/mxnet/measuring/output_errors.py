"""What low ops do to the outputs on the calibration batch."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import cached_property

from ....graph.graph import Precision
from ...comparing import relative_error
from ...protocol import Outputs
from ..ir.arrays import PRECISIONS, cast, name_of, widened
from ..ir.library import mx
from ..ir.network import Entry
from ..running.interpreter import Arrays, Runner
from .tails import compared_values


class OutputErrors:
    """The errors of one network on one batch."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    @cached_property
    def compared(self) -> tuple[Entry, ...]:
        """Where the errors are measured (`compared_values`)."""
        return compared_values(self.runner)

    def error(self, precision: Precision, keys: Collection[int]) -> float:
        """The largest over the outputs when these nodes are low, the rest in fp32.

        Where an output is no float, the last floats that feed it are compared.
        """
        values = self._values(precision, frozenset(keys))
        if values is None:
            return math.inf
        return max(map(relative_error, self._reference, values), default=0.0)

    @cached_property
    def _reference(self) -> Outputs:
        found = self._values(Precision.FP32, frozenset())
        assert found is not None
        return found

    def _values(self, precision: Precision, keys: frozenset[int]) -> Outputs | None:
        """The wanted values, None where a kernel fails beside others that it ran with."""
        seen: dict[Entry, Arrays] = {}
        try:
            for step in self.runner.steps():
                if step.index in keys:
                    low = self.runner.low(step.index, step.inputs, precision)
                    step.outputs[:] = [self._up(each) for each in low]
                for k, value in enumerate(step.outputs):
                    if (step.index, k) in self.compared:
                        seen[step.index, k] = value
            return tuple(
                widened(seen[entry]) for entry in self.compared if entry in seen
            )
        except mx.base.MXNetError:
            if keys:
                return None
            raise

    @staticmethod
    def _up(array: object) -> object:
        low = PRECISIONS.get(name_of(getattr(array, "dtype")))  # noqa: B009
        if low in (Precision.BF16, Precision.FP16):
            return cast(array, Precision.FP32)
        return array
