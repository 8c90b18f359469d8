"""How tracing, rewriting and saving grow with the ops of a model in a framework.

    python benchmarks/scale/rewriting.py FRAMEWORK [SIZE ...]

Seconds of CPU of each step on a row of small ops with weights of their own (`rows.py`),
probes' children included, and the exponent that fits them: 1 is linear growth. ONNX is
for any runtime.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from growth import table
from rows import FRAMEWORKS, WIDTH, weights

from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.placement import low_compute

SIZES = (300, 1_000, 3_000)
BF16 = Precision.BF16
SAVED = {
    "onnx": "row.onnx",
    "pytorch": "row.pt2",
    "tensorflow": "row",
    "mxnet": "row-symbol.json",
}


def elapsed(step: Callable[[], Any]) -> float:
    """Seconds of the clock: children work too."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def steps(framework: str, size: int) -> Iterator[tuple[str, float]]:
    """Step → seconds."""
    name, build = FRAMEWORKS[framework]
    adapter = import_module(f"narrowcast.runtime.frameworks.{name}")
    inputs = [Input("x", ("batch", WIDTH), "float32")]
    array = np.ones((4, WIDTH), np.float32)
    tensor = import_module("torch").from_numpy if framework == "pytorch" else np.asarray
    batch = (tensor(array),)
    source = build(weights(size))
    kept: dict[str, Any] = {}

    def opened() -> None:
        kept["model"] = adapter.open_supplied(source)

    def traced() -> None:
        kept["traced"] = adapter.trace(kept["model"], batch, low=BF16, inputs=inputs)

    def applied() -> None:
        kept["converted"] = kept["traced"].apply(placement)

    yield "open", elapsed(opened)
    yield "trace", elapsed(traced)
    trace = kept["traced"]
    placement = low_compute(trace.graph, BF16, set()).placement
    some = [op.id for op in trace.graph.ops][: size // 2]
    yield "statistics", elapsed(lambda: trace.statistics(BF16))
    yield "error", elapsed(lambda: trace.error(BF16, some))
    yield "sketch", elapsed(lambda: trace.sketch(BF16, some))
    yield "apply", elapsed(applied)
    with TemporaryDirectory() as folder:
        path = Path(folder) / SAVED[framework]
        yield "save", elapsed(lambda: trace.save(kept["converted"], path))


def main() -> None:
    framework, *said = sys.argv[1:]
    sizes = tuple(map(int, said)) or SIZES
    rows: dict[str, list[float]] = {}
    for size in sizes:
        for name, seconds in steps(framework, size):
            rows.setdefault(name, []).append(seconds)
            print(f"{size} {name}: {seconds:.2f}", file=sys.stderr)
    print("\n".join(table(sizes, rows)))


if __name__ == "__main__":
    main()
