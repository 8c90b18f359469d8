"""Statistics of every fp32 tensor on one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import tensorflow as tf

from ....graph.graph import Precision
from ....graph.rounding import Floats
from ...measuring.statistics import described, keep_worst
from ...protocol import Array, Inputs, Statistics
from ..ir.references import flat
from ..ir.regions import Region
from ..running import eager
from ..running.interpreter import Interpreter, Value


def collect(
    main: Region, inputs: Inputs, weights: Mapping[str, Array], precision: Precision
) -> dict[str, Statistics]:
    """What rounding to `precision` would do to each tensor; name → statistics.

    Bodies that the batch skips are run aside; of a loop's iterations the worst counts.
    """
    seen = _Observer(main, weights, precision)
    seen.run(inputs)
    return seen.statistics


class _Observer(Interpreter):
    everywhere = True

    def __init__(
        self, main: Region, weights: Mapping[str, Array], precision: Precision
    ) -> None:
        super().__init__(main, weights)
        self.precision = precision
        self.statistics: dict[str, Statistics] = {}
        for name, value in self.weights.items():
            self._see(name, tf.convert_to_tensor(value))

    def made(self, region: Region, name: str, values: list[Value]) -> None:
        for index, value in enumerate(values):
            self._see(region.within(flat(name, index)), value)

    def _see(self, name: str, value: Value) -> None:
        if value.dtype == tf.float32:
            floats = cast(Floats, eager.widened(value))
            keep_worst(self.statistics, name, described(floats, self.precision))
