"""Peak memory and time of converting a model that is larger than protobuf allows.

    python benchmarks/onnx/large.py [GIGABYTES] [--inside]

A stack of square layers in fp32, its weights in a file of their own or, with `--inside`
(below 2 GB), in the model's. Converting is load, trace (the fp32 runs and the probes
among it), apply and save; it runs in a process of its own, whose largest resident set
counts, pages of mapped files included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from math import isqrt
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

LAYERS = 9


def make(path: Path, size: int, inside: bool) -> None:
    """Write a model of `size` bytes."""
    width = isqrt(size // 4 // LAYERS)
    nodes, weights, last = [], [], "x"
    data = path.with_suffix(".data")
    with data.open("wb") as file:
        for k in range(LAYERS):
            weight = np.random.default_rng(k).standard_normal((width, width), "f4")
            weight /= np.float32(width**0.5)
            tensor = TensorProto(
                name=f"w{k}", dims=weight.shape, data_type=TensorProto.FLOAT
            )
            if inside:
                tensor.raw_data = weight.tobytes()
            else:
                tensor.data_location = TensorProto.EXTERNAL
                where = {
                    "location": data.name,
                    "offset": file.tell(),
                    "length": weight.nbytes,
                }
                for key, value in where.items():
                    tensor.external_data.add(key=key, value=str(value))
                file.write(weight.tobytes())
            weights.append(tensor)
            nodes.append(helper.make_node("MatMul", [last, f"w{k}"], [f"m{k}"]))
            nodes.append(helper.make_node("Relu", [f"m{k}"], [f"r{k}"]))
            last = f"r{k}"
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "stack",
        [info("x", TensorProto.FLOAT, ["batch", width])],
        [info(last, TensorProto.FLOAT, ["batch", width])],
        weights,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    path.write_bytes(model.SerializeToString())


def convert(path: Path) -> dict[str, float]:
    """Convert everything that may be bf16; seconds, and GB at most and before."""
    from narrowcast.runtime.frameworks.onnx import openvino
    from narrowcast.runtime.frameworks.onnx.opening.load import load_onnx
    from narrowcast.runtime.graph.graph import Kernel, Precision

    low = Precision.BF16
    before, start = peak(), time.perf_counter()
    model = load_onnx(path)
    (declared,) = openvino.signature(model)
    width = declared.shape[1]
    assert isinstance(width, int)
    batch = np.random.default_rng(99).standard_normal((2, width), "f4")
    traced = openvino.trace(model, (batch,), low=low, inputs=[declared])
    kernel = Kernel(low, low)
    placement = {
        op.id: low if kernel in op.kernels else Precision.FP32
        for op in traced.graph.ops
    }
    saved = traced.save(traced.apply(placement), path.with_name("low") / path.name)
    files = sum(each.stat().st_size for each in saved.parent.iterdir())
    seconds = time.perf_counter() - start
    return {
        "seconds": round(seconds, 1),
        "peak": peak(),
        "before": before,
        "saved": files / 1e9,
        "low": sum(p is low for p in placement.values()) / len(placement),
    }


def peak() -> float:
    """Largest resident set of this process so far, GB.

    Linux's own count, not getrusage's, which a child has from its parent.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise RuntimeError("Linux says no VmHWM")


def measured(gigabytes: float, inside: bool) -> dict[str, float]:
    """Make a model, convert it in a fresh process, and say what that took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.onnx"
        make(path, int(gigabytes * 1e9), inside)
        size = sum(each.stat().st_size for each in Path(folder).iterdir())
        found = subprocess.run(
            [sys.executable, __file__, "--convert", str(path)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    result: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return {"size": size / 1e9, **result, "ratio": result["peak"] * 1e9 / size}


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("gigabytes", type=float, nargs="?", default=2.2)
    parser.add_argument("--inside", action="store_true")
    parser.add_argument("--convert", type=Path)
    given = parser.parse_args()
    if given.convert:
        print(json.dumps(convert(given.convert)))
    else:
        print(json.dumps(measured(given.gigabytes, given.inside)))


if __name__ == "__main__":
    main()
