"""Seconds that rewriting alone takes, by number of nodes: it is to be linear.

python benchmarks/onnx/rewrite.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from narrowcast.runtime.frameworks.onnx.ir.inline import plain
from narrowcast.runtime.frameworks.onnx.ir.naming import name_all
from narrowcast.runtime.frameworks.onnx.ir.prepared import Prepared
from narrowcast.runtime.frameworks.onnx.picture import picture
from narrowcast.runtime.frameworks.onnx.portable.executor import EXECUTOR
from narrowcast.runtime.frameworks.onnx.running.given import model_of
from narrowcast.runtime.frameworks.onnx.running.interpreter import Observed
from narrowcast.runtime.frameworks.onnx.writing.rewrite import rewrite
from narrowcast.runtime.graph.graph import Kernel, Precision

FP32, LOW = Precision.FP32, Precision.BF16


def chain(length: int) -> onnx.ModelProto:
    """MatMul, Add and Relu in turn, each with weights of its own where it has some."""
    random, nodes, weights, last = np.random.default_rng(0), [], [], "x"
    for k in range(length):
        operator = ("MatMul", "Add", "Relu")[k % 3]
        inputs = [last]
        if operator != "Relu":
            values = random.standard_normal((8, 8)).astype(np.float32) / 4
            weights.append(numpy_helper.from_array(values, f"w{k}"))
            inputs.append(f"w{k}")
        last = f"t{k}"
        nodes.append(helper.make_node(operator, inputs, [last]))
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [8, 8])
    made = helper.make_tensor_value_info(last, TensorProto.FLOAT, [8, 8])
    graph = helper.make_graph(nodes, "chain", [given], [made], weights)
    opset = [helper.make_opsetid("", 22)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10)


def prepared(length: int) -> Callable[[], object]:
    """Rewrites such a chain so that casts stand around every third node."""
    model, calls = plain(model_of(chain(length)))
    names = name_all(model, calls)
    made = np.ones((8, 8), np.float32)
    seen = Observed({names.tensors[v]: made for v in names.tensors}, {"": 1})
    graph = picture(Prepared(model), names, seen, LOW, EXECUTOR)
    both = (Kernel(FP32, FP32), Kernel(LOW, LOW))
    graph = replace(graph, ops=tuple(replace(op, kernels=both) for op in graph.ops))
    placement = {op.id: FP32 if op.type == "Add" else LOW for op in graph.ops}
    return partial(rewrite, model, calls, graph, placement)


def seconds(call: Callable[[], object]) -> float:
    """That one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    for length in (1_000, 3_000, 10_000, 30_000):
        taken = seconds(prepared(length))
        print(f"{length:6d} nodes: {taken:.2f} s, {1e6 * taken / length:.0f} µs a node")
