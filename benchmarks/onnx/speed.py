"""Speed and error of converted models on OpenVINO, beside its own bf16.

    python benchmarks/pytorch/export.py FOLDER      (where torch is)
    python benchmarks/onnx/speed.py FOLDER [NAME ...]

Each model is converted under `objective: latency`, saved, and the saved file is timed in
turn with the model as exported in fp32 and under OpenVINO's own
`INFERENCE_PRECISION_HINT: bf16`, which its CPU plugin takes by default. Ratios are of
medians; errors are against fp64 in PyTorch, RMS over RMS.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from narrowcast.runtime import Pins, Precision
from narrowcast.runtime.common.timing import interleaved
from narrowcast.runtime.frameworks.onnx import openvino
from narrowcast.runtime.frameworks.onnx.opening.load import load_onnx
from narrowcast.runtime.graph.graph import casts
from narrowcast.runtime.placement import latency
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts
from narrowcast.runtime.placement.measured.measured import measured_costs
from narrowcast.runtime.search import everything_low

LOW = Precision.BF16
SECONDS = 12.0

Array = np.ndarray


def compiled(path: Path, batch: Sequence[Array], hint: str) -> Callable[[], Any]:
    """The file in OpenVINO, as anyone would run it."""
    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": hint}
    if threads := os.environ.get("OMP_NUM_THREADS"):
        options["INFERENCE_NUM_THREADS"] = int(threads)
    request = ov.Core().compile_model(path, "CPU", options).create_infer_request()
    given = dict(enumerate(batch))

    def call() -> Array:
        made: Array = next(iter(request.infer(given).values()))
        return made

    return call


def converted(path: Path, batch: tuple[Array, ...], folder: Path) -> tuple[Path, str]:
    """The saved model, and what is worth knowing of it."""
    model = load_onnx(path)
    traced = openvino.trace(model, batch, low=LOW, inputs=openvino.signature(model))
    static = StaticCosts(traced.graph, X86_BF16)
    costs = measured_costs(traced, LOW, static, time.perf_counter)
    (plan,) = everything_low(traced, low=LOW, objective=latency(costs), pins=Pins())
    saved = traced.save(traced.apply(plan.placement), folder / path.name)
    low = sum(op.flops for op in traced.graph.ops if plan.placement[op.id] == LOW)
    return saved, (
        f"{low / traced.graph.flops:.0%} of FLOPs in bf16, "
        f"{len(casts(traced.graph, plan.placement))} casts"
    )


def error(reference: Array, value: Array) -> float:
    difference = np.linalg.norm(value.astype(np.float64) - reference)
    return float(difference / np.linalg.norm(reference))


def main(folder: str, *names: str) -> None:
    """Print one row a model."""
    print(
        "| model | fp32 ms | hint ms | ours ms | vs fp32 | vs hint | error hint | error ours |"
    )
    print("|---|---|---|---|---|---|---|---|")
    ratios = []
    for path in sorted(Path(folder).glob("*.onnx")):
        if names and path.stem not in names:
            continue
        with np.load(path.with_suffix(".npz")) as stored:
            batch, exact = (stored["x"],), stored["exact"]
        with tempfile.TemporaryDirectory() as made:
            saved, known = converted(path, batch, Path(made))
            calls = {
                "fp32": compiled(path, batch, "f32"),
                "hint": compiled(path, batch, "bf16"),
                "ours": compiled(saved, batch, "f32"),
            }
            errors = {name: error(exact, call()) for name, call in calls.items()}
            timed = interleaved(calls, time.perf_counter, SECONDS)
        ms = {name: 1e3 * each.median for name, each in timed.items()}
        ratios.append(ms["hint"] / ms["ours"])
        print(f"{path.stem}: {known}", file=sys.stderr)
        print(
            f"| {path.stem} | {ms['fp32']:.1f} | {ms['hint']:.1f} | {ms['ours']:.1f} "
            f"| {ms['fp32'] / ms['ours']:.2f}x | {ratios[-1]:.2f}x "
            f"| {errors['hint']:.1e} | {errors['ours']:.1e} |",
            flush=True,
        )
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"\nGeometric mean over the hint: {mean:.2f}x")


if __name__ == "__main__":
    main(*sys.argv[1:])
