"""What the search costs besides running the model.

    python benchmarks/search/overhead.py

The minimum cut on a graph of 10 000 ops, and the search's own seconds (its wall time
without evaluations, errors, sketches and statistics) beside one evaluation of all of
Reuters R8's test documents by MiniLM, of which examples/minilm makes the files. The
criterion can't be met with anything low, so that every step of the search is taken, and
its trials see one batch only. Seconds are of CPU: with OMP_NUM_THREADS=1 what the clock
says on a quiet machine.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from spent import now

from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import (
    Evaluation,
    Watch,
    evaluate,
    to_the_end,
)
from narrowcast.runtime.evaluation.metrics.topk import TopK
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Placement,
    Precision,
    Slot,
)
from narrowcast.runtime.graph.graph import Tensor as Value
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import latency, low_compute
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts
from narrowcast.runtime.search import Budget, search

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "minilm"
BF16, FP32 = Precision.BF16, Precision.FP32
OPS, BATCH = 10_000, 50
KINDS = (Kind.COMPUTE, Kind.POINTWISE, Kind.MOVER, Kind.POINTWISE)


def large_graph() -> Graph:
    """Blocks of a contraction and what follows it; residuals join them."""
    kernels = (Kernel(FP32, FP32), Kernel(BF16, BF16))
    tensors = {"x": Value("x", "float32", (8, 64, 256))}
    ops: list[Op] = []
    for k in range(OPS):
        kind, name = KINDS[k % len(KINDS)], f"op{k}"
        last = ops[-1].id if ops else "x"
        taken = [last, ops[k - 7].id] if k % 8 == 7 else [last]
        slots = [Slot(each) for each in taken]
        tensors[name] = Value(name, "float32", (8, 64, 256 >> (k // 50 % 4)))
        flops = 10_000_000 if kind is Kind.COMPUTE else 0
        if kind is Kind.COMPUTE:
            tensors[f"w{k}"] = Value(f"w{k}", "float32", (256, 256), constant=True)
            slots.append(Slot(f"w{k}"))
        op = Op(name, kind.value, kind, tuple(slots), (name,), flops=flops)
        ops.append(replace(op, kernels=kernels))
    return Graph(tuple(ops), tensors, ("x",), (ops[-1].id,))


def cuts() -> Iterator[tuple[str, float]]:
    """Seconds of the cut by objective, with a hundredth of the ops pinned."""
    graph = large_graph()
    pins = {op.id for op in graph.ops[::100]}
    for objective in (low_compute, latency(StaticCosts(graph, X86_BF16))):
        objective(graph, BF16, pins)  # imports SciPy
        start = now().cpu
        objective(graph, BF16, pins)
        yield objective.name, now().cpu - start


class Timed:
    """Adds up the seconds spent in calls."""

    def __init__(self) -> None:
        self.seconds, self.calls = 0.0, 0

    def __call__(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            start = now().cpu
            try:
                return call(*args, **options)
            finally:
                self.seconds += now().cpu - start
                self.calls += 1

        return timed


class TimedModel:
    """A traced model whose passes are timed."""

    def __init__(self, traced: Any, timed: Timed) -> None:
        self.traced, self.timed = traced, timed

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.traced, name)
        return self.timed(value) if callable(value) else value


def own_seconds() -> tuple[float, float, int]:
    """Seconds of one evaluation and of the search alone, and its trials."""
    sys.path.append(str(EXAMPLE))
    from minilm import build  # type: ignore[import-not-found]
    from prepare import main, samples  # type: ignore[import-not-found]

    main(EXAMPLE / "data")
    model = build()
    pytorch.load_safetensors(model, EXAMPLE / "data" / "minilm_r8.safetensors")
    model.eval()
    ids, mask, labels = samples("test", sys.maxsize)

    def batches() -> Iterator[tuple[tuple[torch.Tensor, ...], np.ndarray]]:
        for start in range(0, len(labels), BATCH):
            part = slice(start, start + BATCH)
            yield (
                (torch.from_numpy(ids[part]), torch.from_numpy(mask[part])),
                labels[part],
            )

    start = now().cpu
    baseline = evaluate(pytorch.predictor(model), batches, TopK)
    one = now().cpu - start
    inputs = [Input(n, ("batch", 64), "int64") for n in ("input_ids", "attention_mask")]
    traced = pytorch.trace(model, next(batches())[0], low=BF16, inputs=inputs)
    elsewhere = Timed()

    def score(placement: Placement, watch: Watch = to_the_end) -> Evaluation:
        predict = pytorch.predictor(traced.apply(placement))
        found = evaluate(predict, lambda: [next(batches())], TopK, watch=watch)
        return Evaluation(found.metric, 0.0, found.samples, True)

    start = now().cpu
    found = search(
        TimedModel(traced, elsewhere),  # type: ignore[arg-type]
        elsewhere(score),
        low=BF16,
        objective=low_compute,
        pins=Pins(),
        criterion=Criterion(absolute=0.005),
        baseline=baseline,
        budget=Budget(max_trials=20),
        progress=Terminal(io.StringIO()),
        clock=time.perf_counter,
    )
    whole = now().cpu - start
    print(f"MiniLM, {len(traced.graph.ops)} ops, {len(labels)} documents of R8")
    print(
        f"  {len(found.trials)} trials, {elsewhere.calls} calls of the model, {whole:.1f} s"
    )
    return one, whole - elsewhere.seconds, len(found.trials)


def report() -> None:
    for name, seconds in cuts():
        met = "met" if seconds <= 1 else "NOT MET"
        print(
            f"minimum cut, {OPS} ops, {name}: {seconds:.2f} CPU s (target 1 s: {met})"
        )
    one, own, trials = own_seconds()
    met = "met" if own <= 0.05 * one else "NOT MET"
    print(
        f"  one evaluation {one:.1f} s; the search alone {own:.2f} s in {trials} trials"
    )
    print(f"  {100 * own / one:.1f} % of an evaluation (target 5 %: {met})")


if __name__ == "__main__":
    report()
