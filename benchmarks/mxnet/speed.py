"""Speed and error of converted models beside MXNet's own conversion, in one run.

    python benchmarks/mxnet/speed.py [MODEL ...]

Each network of Gluon's zoo gets random weights, is converted under `objective: latency`,
saved, loaded again and timed in turn with fp32 and `amp.convert_model`, as it is and with
its weights in bf16 (`cast_optional_params`), all as executors run them. Ratios are of
medians; errors are relative RMS against fp32.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")

import mxnet as mx
import numpy as np
from mxnet.contrib import amp

from narrowcast.runtime import Pins, Precision
from narrowcast.runtime.common.timing import Latency, interleaved
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.graph.graph import casts
from narrowcast.runtime.placement import latency
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts
from narrowcast.runtime.placement.measured.measured import measured_costs
from narrowcast.runtime.search import everything_low

LOW = Precision.BF16
SECONDS = 12.0
BATCH = 8
MODELS = {"resnet50_v1": "resnet50_v1", "mobilenetv2_1.0": "mobilenet_v2_1_0"}

Call = Callable[[], np.ndarray[Any, Any]]


def exported(name: str, folder: Path) -> tuple[str, Any]:
    """Prefix of the saved fp32 model, and a batch."""
    mx.random.seed(0)
    np.random.seed(0)
    model = getattr(mx.gluon.model_zoo.vision, MODELS[name])()
    model.initialize(mx.init.Xavier())
    batch = mx.nd.array(np.random.standard_normal((BATCH, 3, 224, 224)))
    model.hybridize()
    model(batch)
    prefix = str(folder / name)
    model.export(prefix)
    return prefix, batch


def bound(
    symbol: Any, arguments: Mapping[str, Any], states: Mapping[str, Any], batch: Any
) -> Call:
    """The network as an executor, which fuses."""
    executor = symbol.bind(
        mx.cpu(), {**arguments, "data": batch}, aux_states=states, grad_req="null"
    )

    def call() -> np.ndarray[Any, Any]:
        (output,) = executor.forward(is_train=False)
        found: np.ndarray[Any, Any] = output.asnumpy()
        return found

    return call


def by_amp(prefix: str, batch: Any, cast_weights: bool) -> Call:
    """What `amp.convert_model` makes of the model."""
    symbol, arguments, states = mx.model.load_checkpoint(prefix, 0)
    converted = amp.convert_model(
        symbol, arguments, states, "bfloat16", cast_optional_params=cast_weights
    )
    return bound(*converted, batch)


def by_narrowcast(prefix: str, batch: Any, folder: Path) -> tuple[Call, str]:
    """The saved and reloaded model, in plain MXNet, and what is worth knowing of it."""
    files = Path(f"{prefix}-symbol.json"), Path(f"{prefix}-0000.params")
    traced = adapter.trace(adapter.load_symbol(*files), (batch,), low=LOW)
    static = StaticCosts(traced.graph, X86_BF16)
    costs = measured_costs(traced, LOW, static, time.perf_counter)
    (plan,) = everything_low(traced, low=LOW, objective=latency(costs), pins=Pins())
    path = folder / "converted.bf16-symbol.json"
    traced.save(traced.apply(plan.placement), path)
    saved = str(path).removesuffix("-symbol.json")
    low = sum(op.flops for op in traced.graph.ops if plan.placement[op.id] == LOW)
    size = Path(f"{saved}-0000.params").stat().st_size / files[1].stat().st_size
    known = (
        f"{low / traced.graph.flops:.0%} of FLOPs in bf16, "
        f"{len(casts(traced.graph, plan.placement))} casts, file {size:.3f} of fp32"
    )
    return bound(*mx.model.load_checkpoint(saved, 0), batch), known


def compared(name: str) -> tuple[dict[str, Latency], dict[str, float]]:
    """Latency and error by alternative."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        prefix, batch = exported(name, folder)
        ours, known = by_narrowcast(prefix, batch, folder)
        calls: dict[str, Call] = {
            "fp32": bound(*mx.model.load_checkpoint(prefix, 0), batch),
            "amp": by_amp(prefix, batch, cast_weights=False),
            "amp, bf16 weights": by_amp(prefix, batch, cast_weights=True),
            "narrowcast": ours,
        }
        print(f"{name}: {known}", file=sys.stderr)
        expected = calls["fp32"]()
        scale = np.linalg.norm(expected)
        errors = {
            each: float(np.linalg.norm(call() - expected) / scale)
            for each, call in calls.items()
        }
        timed = interleaved(calls, time.perf_counter, SECONDS)
    return timed, errors


def main(names: list[str]) -> None:
    """Print one row a model: milliseconds, errors, how many times as fast we are."""
    columns = ("fp32", "amp", "amp, bf16 weights", "narrowcast")
    print(f"| model | {' | '.join(columns)} | vs fp32 | vs best amp |")
    print("|---|" + "---|" * (len(columns) + 2))
    for name in names:
        timed, errors = compared(name)
        cells = [f"{timed[c].median * 1e3:.1f} ms, {errors[c]:.1e}" for c in columns]
        ours = timed["narrowcast"].median
        best = min(timed[c].median for c in columns if c.startswith("amp"))
        ratios = [f"{timed['fp32'].median / ours:.2f}×", f"{best / ours:.2f}×"]
        print(f"| {name} | {' | '.join([*cells, *ratios])} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(MODELS))
