"""Speed of Gluon's ResNet-50 in int8, bf16 and fp32 on MXNet.

    python benchmarks/int8/mxnet_quantizing.py [BATCH] [SIDE] [SECONDS]

The network has random weights and is quantized on random images. Each converted
network is bound as anyone would bind it and timed in turn with the others; ratios are
of medians, over bf16's. Errors are of the outputs, RMS over RMS.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from narrowcast.runtime import Precision
from narrowcast.runtime.common.timing import interleaved
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.program import Program
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization
from narrowcast.runtime.graph.graph import Kind, Placement, casts

FP32, BF16, INT8 = Precision.FP32, Precision.BF16, Precision.INT8


def placements(program: Program) -> dict[str, Placement]:
    """The same network in one precision, or contractions in int8 and the rest not."""
    ops = program.graph.ops

    def mixed(working: Precision, rest: Precision) -> Placement:
        wanted = {op.id: working if op.kind is Kind.COMPUTE else rest for op in ops}
        return {
            op.id: wanted[op.id]
            if op.kind is not Kind.FIXED and op.kernel(wanted[op.id])
            else FP32
            for op in ops
        }

    return {
        "fp32": mixed(FP32, FP32),
        "bf16": mixed(BF16, BF16),
        "int8, rest fp32": mixed(INT8, FP32),
        "int8, rest bf16": mixed(INT8, BF16),
    }


def main(batch: int, side: int, seconds: float) -> None:
    """Print a line for each form."""
    mx.random.seed(0)
    block = mx.gluon.model_zoo.vision.resnet50_v1()
    block.initialize(mx.init.MSRAPrelu())
    random = np.random.default_rng(0)
    images = (random.standard_normal((batch, 3, side, side)).astype(np.float32),)
    traced = adapter.trace(block, images, low=BF16)
    program = traced.calibrated([images], Quantization())
    for why in sorted(set(program.int8_refusals.values())):
        print(f"refused: {why}")
    calls, facts = {}, {}
    for name, placement in placements(program).items():
        calls[name] = partial(adapter.predictor(program.apply(placement)), images)
        graph = program.graph
        share = graph.flops_int8(placement) / graph.flops
        facts[name] = f"{share:4.0%} int8  {len(casts(graph, placement))} casts"
    reference = calls["fp32"]()[0]
    errors = {n: relative_error(reference, call()[0]) for n, call in calls.items()}
    found = interleaved(calls, time.perf_counter, seconds)
    for name, latency in found.items():
        print(
            f"{name:16} {latency.median * 1e3:8.2f} ms "
            f"{found['bf16'].median / latency.median:5.2f}x of bf16  "
            f"error {errors[name]:.4f}  {facts[name]}"
            f"{'  (noisy)' if latency.noisy else ''}"
        )


if __name__ == "__main__":
    given = [*sys.argv[1:], *("2", "224", "60")[len(sys.argv) - 1 :]]
    main(int(given[0]), int(given[1]), float(given[2]))
