"""How many groups of low ops are judged in a second, beside converting each.

    python benchmarks/onnx/passes.py [NAME ...]

The nets of the onnx wheel (`light_NAME.onnx`), whose weights are all alike there, with
random ones and without their softmax, at batch 1. A pass is what `Program.error` does:
the output error of one group on the calibration batch. Groups are random, half of the
ops each; the first pass, which compiles, is told apart.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from narrowcast.runtime import Precision
from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino, portable
from narrowcast.runtime.graph.graph import Op

NAMES = ("resnet50", "densenet121", "squeezenet")
RUNS = (
    (openvino, Precision.BF16),
    (onnxruntime, Precision.FP16),
    (portable, Precision.BF16),
)
SECONDS = 5.0


def net(name: str) -> tuple[onnx.ModelProto, np.ndarray]:
    """A net with random weights, and an image for it."""
    folder = Path(str(files(onnx))) / "backend/test/data/light"
    model, random = onnx.load(folder / f"light_{name}.onnx"), np.random.default_rng(0)
    graph = model.graph
    shapes = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    places = {
        value: (node.op_type, k)
        for node in graph.node
        for k, value in enumerate(node.input)
    }
    kept = []
    for node in graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = shapes[node.input[0]]
        value = random.standard_normal(shape) * 0.1
        if len(shape) > 1:
            value *= 10 * np.prod(shape[1:]) ** -0.5
        elif places.get(node.output[0]) in (
            ("BatchNormalization", 1),
            ("BatchNormalization", 4),
        ):
            value = 1 + np.abs(value)
        graph.initializer.append(
            numpy_helper.from_array(value.astype("f4"), node.output[0])
        )
    if kept[-1].op_type == "Softmax":
        graph.output[0].name = kept.pop().input[0]
    (given,) = [each for each in graph.input if each.name not in shapes]
    del graph.node[:], graph.input[:]
    graph.node.extend(kept)
    graph.input.append(given)
    model.ir_version = 10  # initializers are no inputs there
    sizes = [each.dim_value for each in given.type.tensor_type.shape.dim]
    return model, random.standard_normal(sizes).astype("f4")


def timed(error: Callable[[list[Op]], float], ops: list[Op]) -> tuple[float, float]:
    """Seconds of the first pass, and passes in a second after it."""
    random = np.random.default_rng(0)

    def one() -> None:
        chosen = random.choice(len(ops), len(ops) // 2, replace=False)
        error([ops[k] for k in chosen])

    start = time.perf_counter()
    one()
    first, passes = time.perf_counter() - start, 0
    start = time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        one()
        passes += 1
    return first, passes / (time.perf_counter() - start)


def main(names: Any) -> None:
    print("net          runtime      ops  first pass  passes/s  converting each")
    for name in names:
        model, image = net(name)
        for runtime, low in RUNS:
            traced = runtime.trace(model, (image,), low=low, inputs=())
            ops = [op for op in traced.graph.ops if op.kernel(low)]
            first, now = timed(partial(traced._outputs.error, low), ops)
            anew = replace(traced._outputs, most=0, passes={})
            _, before = timed(partial(anew.error, low), ops)
            title = runtime.__name__.rpartition(".")[2]
            print(
                f"{name:12} {title:11} {len(ops):4} {first:9.2f} s {now:9.1f} "
                f"{before:9.2f}  ({now / before:.1f} times)",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
