"""How evaluating grows with the samples, and what trials leave with their number.

    python benchmarks/scale/samples.py [SIZE ...]

Seconds of CPU of an evaluation that sees all samples, 64 at a time, with top-1, the
digests of the data and a watch that never has seen enough; then those of writing a
history of as many thousandths of trials over a graph of 1 000 ops, of taking it up, and
of the report that shows them. The exponent fits them: 1 is linear growth.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from graphs import BF16, FP32, tower
from growth import table, taken

from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.data.arrays import Arrays
from narrowcast.runtime.evaluation.evaluation import Evaluation, Watch, evaluate
from narrowcast.runtime.evaluation.metrics.topk import TopK
from narrowcast.runtime.evaluation.sequential import paired_watch
from narrowcast.runtime.graph.pins import Reason, Why
from narrowcast.runtime.record.recorded import Recorded, resumed
from narrowcast.runtime.search.history import Attempt, Outcome

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
BATCH, CLASSES, RATE = 64, 10, 1e-300
HEADER = {"format": 3, "name": "net", "spec": "", "script": ""}


def evaluations(size: int) -> Iterator[tuple[str, float]]:
    """Step → seconds of CPU, over this many samples."""
    random = np.random.default_rng(0)
    labels = random.integers(CLASSES, size=size)
    logits = random.standard_normal((size, CLASSES)).astype(np.float32)
    logits[np.arange(size), labels] += 2
    data = Arrays((logits,), labels)

    def scored(watch: Watch | None = None) -> Evaluation:
        def predict(inputs: Any) -> Any:
            return inputs

        return evaluate(predict, lambda: data.batches(BATCH), TopK, watch=watch)

    baseline = scored()
    yield "evaluation", taken(scored)
    watch = paired_watch(baseline, Criterion(absolute=0.001), RATE)
    yield "watched", taken(lambda: scored(watch))


def histories(trials: int) -> Iterator[tuple[str, float]]:
    """Step → seconds of CPU, of this many trials."""
    graph = tower(1_000)
    names = [op.id for op in graph.ops]
    ended = Outcome(Evaluation("top-1", 0.9, 500, True))
    with TemporaryDirectory() as folder:
        history = Recorded(Path(folder) / "net.trials.jsonl", HEADER)

        def written() -> None:
            for k in range(trials):
                few = {names[k % len(names)]: FP32, names[7 * k % len(names)]: FP32}
                placement = {**dict.fromkeys(names, BF16), **few}
                pins = {name: Reason(Why.ACCURACY, "off") for name in few}
                history.trial(Attempt(k + 1, BF16, pins, placement), lambda: ended)

        yield "history written", taken(written)
        yield "history taken up", taken(lambda: resumed(history.path, HEADER))


def main() -> None:
    sizes = tuple(map(int, sys.argv[1:])) or SIZES
    rows: dict[str, list[float]] = {}
    for size in sizes:
        for step in (evaluations(size), histories(size // 1_000)):
            for name, seconds in step:
                rows.setdefault(name, []).append(seconds)
                print(f"{size} {name}: {seconds:.2f}", file=sys.stderr)
    print("\n".join(table(sizes, rows)))


if __name__ == "__main__":
    main()
