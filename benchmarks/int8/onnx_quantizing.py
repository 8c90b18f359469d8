"""Speed of a convolutional network in int8, 16 bits and fp32 on OpenVINO.

    python benchmarks/int8/onnx_quantizing.py [BLOCKS] [CHANNELS]

The network has random weights: residual blocks of two convolutions, behind each a gate that
has no int8 kernel. It is quantized on random data, and each
saved file is timed in turn with the others as anyone would run it; ratios are of
medians, over fp32's. Errors are of the outputs, RMS over RMS.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import openvino as ov
from onnx import TensorProto, helper, numpy_helper

from narrowcast.runtime import Precision
from narrowcast.runtime.common.timing import interleaved
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.onnx import openvino
from narrowcast.runtime.frameworks.onnx.program import Program
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization
from narrowcast.runtime.graph.graph import Kind, Placement, casts

FP32, BF16, INT8 = Precision.FP32, Precision.BF16, Precision.INT8
SIZE, BATCH = 28, 4
SECONDS = 30.0

Array = npt.NDArray[np.float32]


def network(blocks: int, channels: int) -> onnx.ModelProto:
    """Residual blocks, behind each a gate of Tanh and Sigmoid."""
    random = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def convolved(x: str, name: str) -> str:
        shape = (channels, channels, 3, 3)
        values = random.standard_normal(shape) / np.sqrt(channels * 9)
        bias = random.standard_normal(channels) * 0.1
        for label, array in ((f"{name}.w", values), (f"{name}.b", bias)):
            weights.append(numpy_helper.from_array(array.astype(np.float32), label))
        inputs = [x, f"{name}.w", f"{name}.b"]
        nodes.append(helper.make_node("Conv", inputs, [name], pads=[1] * 4))
        return name

    def made(operator: str, inputs: list[str], name: str) -> str:
        nodes.append(helper.make_node(operator, inputs, [name]))
        return name

    x = "x"
    for k in range(blocks):
        first = made("Relu", [convolved(x, f"c{k}a")], f"r{k}a")
        summed = made("Add", [convolved(first, f"c{k}b"), x], f"s{k}")
        x = made("Relu", [summed], f"r{k}b")
        gate = made("Sigmoid", [made("Tanh", [x], f"t{k}")], f"g{k}")
        x = made("Mul", [x, gate], f"m{k}")
    made("GlobalAveragePool", [x], "y")
    shape = (BATCH, channels, SIZE, SIZE)
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        weights,
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def placements(program: Program) -> dict[str, Placement]:
    """The same network in one precision, or contractions in int8 and the rest not."""
    ops = program.graph.ops

    def mixed(working: Precision, rest: Precision) -> Placement:
        wanted = {op.id: working if op.kind is Kind.COMPUTE else rest for op in ops}
        return {
            op.id: wanted[op.id] if op.kernel(wanted[op.id]) else FP32 for op in ops
        }

    return {
        "fp32": mixed(FP32, FP32),
        "bf16": mixed(BF16, BF16),
        "int8, rest fp32": mixed(INT8, FP32),
        "int8, rest bf16": mixed(INT8, BF16),
    }


def compiled(path: Path, batch: Sequence[Array], hint: str) -> Callable[[], Array]:
    """The file in OpenVINO, as anyone would run it."""
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    options = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads}
    request = ov.Core().compile_model(path, "CPU", options).create_infer_request()
    given = dict(enumerate(batch))

    def call() -> Array:
        made: Array = next(iter(request.infer(given).values()))
        return made

    return call


def main(blocks: int, channels: int) -> None:
    """Print a line for each form."""
    model = network(blocks, channels)
    shape = (BATCH, channels, SIZE, SIZE)
    random = np.random.default_rng(1)
    batch = (random.standard_normal(shape).astype(np.float32),)
    traced = openvino.trace(model, batch, low=BF16, inputs=openvino.signature(model))
    program = traced.calibrated([batch], Quantization())
    able = sum(op.kernel(INT8) is not None for op in program.graph.ops)
    print(f"{able} of {2 * blocks} convolutions have an int8 kernel")
    with tempfile.TemporaryDirectory() as folder:
        calls, facts = {}, {}
        for name, placement in placements(program).items():
            path = Path(folder) / f"{name}.onnx"
            program.save(program.apply(placement), path)
            hints = {name: "f32"}
            if name == "int8, rest fp32":
                hints[f"{name}, hint bf16"] = "bf16"
            for label, hint in hints.items():
                calls[label] = compiled(path, batch, hint)
                facts[label] = len(casts(program.graph, placement))
        reference = calls["fp32"]()
        errors = {n: relative_error(reference, call()) for n, call in calls.items()}
        found = interleaved(calls, time.perf_counter, SECONDS)
    for name, latency in found.items():
        print(
            f"{name:28} {found['fp32'].median / latency.median:5.2f}x of fp32  "
            f"error {errors[name]:.4f}  {facts[name]} casts"
            f"{'  (noisy)' if latency.noisy else ''}"
        )


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    main(*(given or (4, 128)))
