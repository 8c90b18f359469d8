"""Statistics of every fp32 tensor on one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import tensorflow as tf

from ....graph.graph import Precision
from ....graph.rounding import Floats
from ...measuring.statistics import described, keep_worst
from ...protocol import Array, Inputs, Statistics
from ..ir.regions import Region
from ..running import eager
from ..running.interpreter import Observer, Value


def collect(
    main: Region, inputs: Inputs, weights: Mapping[str, Array], precision: Precision
) -> dict[str, Statistics]:
    """What rounding to `precision` would do to each tensor; name → statistics.

    Bodies that the batch skips are run aside; of a loop's iterations the worst counts.
    """
    found: dict[str, Statistics] = {}

    def see(name: str, value: Value) -> None:
        if value.dtype == tf.float32:
            floats = cast(Floats, eager.widened(value))
            keep_worst(found, name, described(floats, precision))

    observer = _Everywhere(main, weights, see=see)
    for name, value in observer.weights.items():
        see(name, value)
    observer.run(inputs)
    for (region, node), value in observer.constants.items():
        see(f"{region}/{node}" if region else node, value)
    return found


class _Everywhere(Observer):
    everywhere = True
