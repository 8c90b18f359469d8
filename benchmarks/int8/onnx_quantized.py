"""Speed of quantized ONNX models on OpenVINO: converted against as loaded.

    python benchmarks/int8/onnx_quantized.py [SECONDS]

Random networks, quantized by ONNX Runtime's quantizer; each is converted with all that
may be in bf16, saved, and the file timed in turn with the quantized model as loaded, with
the same once more (what is noise) and with the fp32 model. Ratios are of medians, over
the model as loaded; one thread. QOperator models, which OpenVINO does not open, are
compared with fp32 alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from narrowcast.runtime import Pins, Precision
from narrowcast.runtime.common.timing import interleaved
from narrowcast.runtime.frameworks.onnx import openvino
from narrowcast.runtime.frameworks.onnx.openvino.session import compiled
from narrowcast.runtime.graph.graph import casts
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search.limits.movers import with_movers
from narrowcast.runtime.search.limits.reasons import hard_pins

LOW = Precision.BF16
SYMMETRIC = {"ActivationSymmetric": True}
LAYERS = ["Conv", "MatMul"]
FORMS: dict[str, dict[str, Any]] = {
    "QDQ": {},
    "QDQ, symmetric": {
        "activation_type": QuantType.QInt8,
        "extra_options": SYMMETRIC,
    },
    "QDQ, layers alone": {"op_types_to_quantize": LAYERS},
    "QDQ, no attention": {
        "op_types_to_quantize": LAYERS,
        "nodes_to_exclude": ["scores", "mixed"],
    },
    "QOperator": {"quant_format": QuantFormat.QOperator},
    "dynamic": {},
}

Network = tuple[onnx.ModelProto, np.ndarray]


class Builder:
    """Nodes and random weights of one graph."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, *shape: int) -> str:
        size = np.sqrt(max(np.prod(shape[1:]), 1))
        return self.constant(name, self.random.standard_normal(shape) / size, "f4")

    def constant(self, name: str, value: Any, dtype: str) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(
        self, operator: str, inputs: Sequence[str], made: str, **given: Any
    ) -> str:
        self.nodes.append(
            helper.make_node(operator, inputs, [made], name=made, **given)
        )
        return made

    def network(self, shape: Sequence[int], classes: int) -> Network:
        border = [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0], classes]),
        ]
        graph = helper.make_graph(
            self.nodes, "net", border[:1], border[1:], self.weights
        )
        opset = helper.make_opsetid("", 21)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
        return model, self.random.standard_normal(shape).astype(np.float32)


def convolutions(channels: int = 64, blocks: int = 4) -> Network:
    """Residual blocks on 32 x 32, four samples."""
    b = Builder()
    stem = [b.weight("w", channels, 3, 3, 3), b.weight("b", channels)]
    h = b.node("Relu", [b.node("Conv", ["x", *stem], "stem", pads=[1] * 4)], "relu")
    for k in range(blocks):
        given = h
        for part in "ab":
            kernel = b.weight(f"w{part}{k}", channels, channels, 3, 3)
            bias = b.weight(f"b{part}{k}", channels)
            h = b.node("Conv", [h, kernel, bias], f"c{part}{k}", pads=[1] * 4)
            if part == "b":
                h = b.node("Add", [h, given], f"sum{k}")
            h = b.node("Relu", [h], f"r{part}{k}")
    flat = b.node("Flatten", [b.node("GlobalAveragePool", [h], "mean")], "flat")
    last = [b.weight("wl", 10, channels), b.weight("bl", 10)]
    b.node("Gemm", [flat, *last], "y", transB=1)
    return b.network((4, 3, 32, 32), 10)


def transformer(size: int = 256, heads: int = 4, length: int = 128) -> Network:
    """Two blocks, four sequences."""
    b = Builder()
    split = b.constant("split", [0, length, heads, size // heads], "i8")
    join = b.constant("join", [0, length, size], "i8")
    factor = b.constant("factor", (size // heads) ** -0.5, "f4")
    h = "x"
    for k in range(2):
        normed = _norm(b, h, f"n{k}", size)
        for name, order in (
            ("q", (0, 2, 1, 3)),
            ("k", (0, 2, 3, 1)),
            ("v", (0, 2, 1, 3)),
        ):
            made = _linear(b, normed, f"{name}{k}", size, size)
            parts = b.node("Reshape", [made, split], f"{name}{k}_split")
            b.node("Transpose", [parts], f"{name}{k}_heads", perm=order)
        name = "scores" if not k else f"scores{k}"
        scores = b.node("MatMul", [f"q{k}_heads", f"k{k}_heads"], name)
        scaled = b.node("Mul", [scores, factor], f"scaled{k}")
        weights = b.node("Softmax", [scaled], f"weights{k}", axis=-1)
        name = "mixed" if not k else f"mixed{k}"
        mixed = b.node("MatMul", [weights, f"v{k}_heads"], name)
        back = b.node("Transpose", [mixed], f"back{k}", perm=[0, 2, 1, 3])
        joined = b.node("Reshape", [back, join], f"joined{k}")
        made = _linear(b, joined, f"o{k}", size, size)
        h = b.node("Add", [made, h], f"residual{k}")
        up = _linear(b, _norm(b, h, f"m{k}", size), f"up{k}", size, 4 * size)
        down = _linear(b, b.node("Gelu", [up], f"gelu{k}"), f"down{k}", 4 * size, size)
        h = b.node("Add", [down, h], f"sum{k}")
    mean = b.node("ReduceMean", [h, b.constant("axes", [1], "i8")], "mean", keepdims=0)
    last = [b.weight("wl", 10, size), b.weight("bl", 10)]
    b.node("Gemm", [mean, *last], "y", transB=1)
    return b.network((4, length, size), 10)


def _norm(b: Builder, given: str, name: str, size: int) -> str:
    gamma = b.constant(f"{name}_gamma", np.ones(size), "f4")
    beta = b.constant(f"{name}_beta", np.zeros(size), "f4")
    return b.node("LayerNormalization", [given, gamma, beta], name)


def _linear(b: Builder, given: str, name: str, size: int, made: int) -> str:
    product = b.node("MatMul", [given, b.weight(f"{name}_w", size, made)], name)
    return b.node("Add", [product, b.weight(f"{name}_b", made)], f"{name}_sum")


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """One batch."""

    def __init__(self, batch: np.ndarray) -> None:
        self.left: Iterator[dict[str, np.ndarray]] = iter([{"x": batch}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.left, None)


def quantized(network: Network, form: str, folder: Path) -> onnx.ModelProto:
    model, batch = network
    source, made = folder / "fp32.onnx", folder / "int8.onnx"
    onnx.save(model, source)
    if form == "dynamic":
        quantize_dynamic(source, made, weight_type=QuantType.QInt8)
    else:
        given = {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt8}
        given |= {"weight_type": QuantType.QInt8, "per_channel": True, **FORMS[form]}
        quantize_static(source, made, Reader(batch), **given)
    return onnx.load(made)


def converted(model: onnx.ModelProto, batch: np.ndarray, path: Path) -> str:
    """Save it with all that may be in bf16; the shares of FLOPs, in words."""
    traced = openvino.trace(model, (batch,), low=LOW, inputs=())
    ranges = hard_pins(traced, LOW, Pins())
    graph = ranges.within(traced.graph)
    held = {*with_movers(graph, ranges.pins)}
    placement = low_compute(graph, LOW, held).placement
    traced.save(traced.apply(placement), path)
    low = graph.flops_in(placement, LOW) / graph.flops
    needed = len(casts(graph, placement))
    return f"{graph.flops_int8({}) / graph.flops:.0%} | {low:.0%} | {needed}"


def session(source: bytes, batch: np.ndarray) -> Callable[[], Any]:
    request = compiled(source).create_infer_request()
    return lambda: request.infer({0: batch})


def main(seconds: float = 12.0) -> None:
    """Print one row a network and form."""
    print("| network | form | int8 | bf16 | casts | converted | again | fp32 |")
    print("|---|---|---|---|---|---|---|---|")
    for title, network in (("conv", convolutions()), ("transformer", transformer())):
        model, batch = network
        for form in FORMS:
            if form == "QDQ, no attention" and title == "conv":
                continue
            with tempfile.TemporaryDirectory() as made:
                loaded = quantized(network, form, Path(made))
                path = Path(made) / "converted.onnx"
                known = converted(loaded, batch, path)
                calls = {"converted": session(path.read_bytes(), batch)}
            calls["fp32"] = session(model.SerializeToString(), batch)
            if form != "QOperator":
                for name in ("loaded", "again"):
                    calls[name] = session(loaded.SerializeToString(), batch)
            times = {
                name: each.median
                for name, each in interleaved(calls, time.perf_counter, seconds).items()
            }
            base = times.get("loaded", times["fp32"])
            cells = [
                f"{base / times[name]:.2f}" if name in times else "–"
                for name in ("converted", "again", "fp32")
            ]
            print(f"| {title} | {form} | {known} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
