"""Speed of converted models beside what else a user of TensorFlow could do, in one run.

    python benchmarks/tensorflow/speed.py [MODEL ...]

Models of keras.applications, and transformers, with random weights, norms included (an
untrained norm adds zero, which TensorFlow folds away), batch 8. Each is exported as a SavedModel, converted
under `objective: latency`, saved, and timed in turn, each in a session of its own, with
fp32, grappler's auto_mixed_precision_onednn_bfloat16 (on the SavedModel, and on its graph
frozen: the better counts) and the same model under Keras' mixed_bfloat16.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import networks
import numpy as np
import tensorflow as tf

from narrowcast.runtime import Pins, Precision
from narrowcast.runtime.common.timing import interleaved
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.graph.graph import Kind, casts
from narrowcast.runtime.placement import latency
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts
from narrowcast.runtime.placement.measured.measured import measured_costs
from narrowcast.runtime.search import everything_low

LOW = Precision.BF16
SECONDS = 10.0
MODELS = ("ResNet50", "MobileNetV2", "EfficientNetB0", *networks.MODELS)
ON, OFF = 1, 2
"""RewriterConfig.Toggle."""

Call = Callable[[], object]


def made(name: str, policy: str = "float32") -> keras.Model:
    """The network, its norms as if trained."""
    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_global_policy(policy)
    known = networks.MODELS.get(name)
    model = known() if known else getattr(keras.applications, name)(weights=None)
    keras.mixed_precision.set_global_policy("float32")
    generator = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            base = (1.0, 0.0, 0.0, 1.0)
            noise = (0.1 * generator.normal(size=w.shape) for w in layer.get_weights())
            layer.set_weights([b + n for b, n in zip(base, noise, strict=True)])
    return model


def session(bf16: bool) -> Any:
    """A session with grappler's bf16 on or off, in a graph of its own."""
    config = tf.compat.v1.ConfigProto()
    rewrite = config.graph_options.rewrite_options
    rewrite.auto_mixed_precision_onednn_bfloat16 = ON if bf16 else OFF
    return tf.compat.v1.Session(graph=tf.Graph(), config=config)


def saved(path: Path, batch: Any, bf16: bool = False) -> Call:
    """A SavedModel's first signature on a batch."""
    own = session(bf16)
    with own.graph.as_default():
        meta = tf.compat.v1.saved_model.load(own, ["serve"], str(path))
    signature = meta.signature_def["serving_default"]
    (taken,), (given,) = signature.inputs.values(), signature.outputs.values()
    return called(own, taken.name, given.name, batch)


def frozen(graph_def: Any, taken: str, given: str, batch: Any) -> Call:
    """The frozen graph under grappler's bf16."""
    own = session(True)
    with own.graph.as_default():
        tf.graph_util.import_graph_def(graph_def, name="")
    return called(own, taken, given, batch)


def called(own: Any, taken: str, given: str, batch: Any) -> Call:
    graph = own.graph.get_tensor_by_name
    run = own.make_callable(graph(_output(given)), [graph(_output(taken))])
    return lambda: run(batch)


def _output(tensor: str) -> str:
    return tensor if ":" in tensor else f"{tensor}:0"


def converted(model: Any, batch: Any, folder: Path) -> tuple[Path, str]:
    """The saved model, and what is worth knowing of it."""
    traced = adapter.trace(model, (batch,), low=LOW, inputs=())
    static = StaticCosts(traced.graph, X86_BF16)
    costs = measured_costs(traced, LOW, static, time.perf_counter)
    (plan,) = everything_low(traced, low=LOW, objective=latency(costs), pins=Pins())
    path = traced.save(traced.apply(plan.placement), folder / "model.bf16")
    compute = [op for op in traced.graph.ops if op.kind is Kind.COMPUTE]
    total = sum(op.flops for op in compute)
    low = sum(op.flops for op in compute if plan.placement[op.id] == LOW)
    off = ", ".join(f"{p} {e:+.0%}" for p, e in costs.errors.items())
    known = (
        f"{low / total:.0%} of Conv/MatMul FLOPs in bf16, "
        f"{len(casts(traced.graph, plan.placement))} casts, sum of costs off by {off}"
    )
    return path, known


def compared(name: str) -> dict[str, float]:
    """Seconds per batch by alternative, the better form of each."""
    generator = np.random.default_rng(1)
    batch: Any = generator.normal(size=(8, 224, 224, 3)).astype(np.float32)
    if name == "MiniLM":
        batch = generator.integers(0, 30_522, (8, 128), np.int32)
    with tempfile.TemporaryDirectory() as folder:
        exported, mixed = Path(folder) / "fp32", Path(folder) / "mixed"
        made(name).export(exported, verbose=False)
        made(name, "mixed_bfloat16").export(mixed, verbose=False)
        model = adapter.load_saved_model(exported)
        ours, known = converted(model, batch, Path(folder))
        graph = model.freeze()
        ends = graph.inputs[0].tensor, graph.outputs[0].tensor
        calls = {
            "fp32": saved(exported, batch),
            "grappler": saved(exported, batch, bf16=True),
            "grappler/frozen": frozen(graph.graph_def, *ends, batch),
            "mixed_bfloat16": saved(mixed, batch),
            "narrowcast": saved(ours, batch),
        }
        timed = interleaved(calls, time.perf_counter, SECONDS)
    print(f"{name}: {known}", file=sys.stderr)
    best: dict[str, float] = {}
    for each, found in timed.items():
        print(f"  {each}: {found.median * 1e3:.1f} ms", file=sys.stderr)
        kind = each.removesuffix("/frozen")
        best[kind] = min(best.get(kind, math.inf), found.median)
    return best


def main(names: list[str]) -> None:
    """Print one row a model: milliseconds, and how many times as fast we are."""
    print(
        "| model | fp32 | grappler bf16 | mixed_bfloat16 | narrowcast | vs fp32 | vs grappler | vs mixed_bfloat16 |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in names or MODELS:
        best = compared(name)
        ours = best["narrowcast"]
        cells = [f"{seconds * 1e3:.1f}" for seconds in best.values()]
        others = ("fp32", "grappler", "mixed_bfloat16")
        gains = [f"{best[each] / ours:.2f}x" for each in others]
        print("|", " | ".join([name, *cells, *gains]), "|", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
