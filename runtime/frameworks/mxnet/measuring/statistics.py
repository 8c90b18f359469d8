"""Statistics of every fp32 tensor on one batch."""

from __future__ import annotations

from typing import Any

from ....graph.graph import Precision
from ...measuring.statistics import described
from ...protocol import Statistics
from ..ir.arrays import name_of, widened
from ..ir.naming import Names
from ..ir.network import Entry
from ..running.interpreter import Runner


def collect(runner: Runner, precision: Precision) -> dict[str, Statistics]:
    """What rounding to `precision` would do to each tensor; name → statistics."""
    network, names = runner.network, Names(runner.network)
    found = {
        name: described(values, precision)
        for name, values in network.parameters.items()
        if values.dtype == "float32"
    }

    def see(entry: Entry, value: Any) -> None:
        if name_of(value.dtype) == "float32":
            found[names.tensor(entry)] = described(widened(value), precision)

    for index, value in zip(network.inputs, runner.batch, strict=True):
        see((index, 0), value)
    for step in runner.steps():
        for k, value in enumerate(step.outputs):
            see((step.index, k), value)
    return found
