"""What low ops do to the outputs on the calibration batch."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import cached_property

from ...graph import Precision
from ..comparing import relative_error
from ..protocol import Outputs
from .arrays import PRECISIONS, cast, name_of, widened
from .library import mx
from .network import Entry
from .operators import CONTROL_FLOW
from .running import Arrays, Runner


class OutputErrors:
    """The errors of one network on one batch."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

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
                    if (step.index, k) in self._wanted:
                        seen[step.index, k] = value
            return tuple(
                widened(seen[entry]) for entry in self._wanted if entry in seen
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

    @cached_property
    def _wanted(self) -> Mapping[Entry, None]:
        """Float outputs, and in place of others the floats that they depend on."""
        network, floats = self.runner.network, self._floats
        waiting, found = list(network.heads), dict[Entry, None]()
        seen: set[Entry] = set()
        while waiting:
            entry = waiting.pop()
            if entry in seen:
                continue
            seen.add(entry)
            if entry in floats:
                found[entry] = None
            else:
                waiting += network.nodes[entry[0]].inputs
        return dict.fromkeys(sorted(found))

    @cached_property
    def _floats(self) -> frozenset[Entry]:
        """Outputs of ops whose values are more than numbers of places."""
        found = set()
        for step in self.runner.steps():
            for k, value in enumerate(step.outputs):
                if name_of(value.dtype) == "float32" and not counts(step.node.op):
                    found.add((step.index, k))
        return frozenset(found)


def counts(op: str) -> bool:
    """Whether the op makes indices or truths, which MXNet holds as floats."""
    return op not in CONTROL_FLOW and op.startswith(
        ("argmax", "argmin", "argsort", "one_hot", "topk")
    )
