"""Small models through onnx.helper, and one way to trace, place and save."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import placements
import pytest
from onnx import TensorProto, helper, numpy_helper

from narrowcast.runtime.frameworks.onnx import openvino
from narrowcast.runtime.frameworks.onnx.program import Program
from narrowcast.runtime.graph.graph import Precision

os.environ.setdefault("OMP_NUM_THREADS", "1")

Array = npt.NDArray[Any]
FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


@dataclass(frozen=True)
class Case:
    """A model and a batch for it."""

    model: onnx.ModelProto
    batch: tuple[Array, ...]


class Builder:
    """Nodes and weights of one graph, written down in order."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, *shape: int, scale: float | None = None) -> str:
        """A random weight, scaled so that products keep their size."""
        size = scale or 1 / np.sqrt(max(np.prod(shape[1:]), 1))
        values = self.random.standard_normal(shape) * size
        return self.constant(name, values.astype(np.float32))

    def constant(self, name: str, value: Any, dtype: Any = None) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        output: str | Sequence[str],
        **kwargs: Any,
    ) -> str:
        outputs = [output] if isinstance(output, str) else list(output)
        self.nodes.append(helper.make_node(operator, list(inputs), outputs, **kwargs))
        return outputs[0]

    def graph(
        self,
        inputs: Sequence[tuple[str, int, Sequence[int | str] | None]],
        outputs: Sequence[tuple[str, int, Sequence[int | str] | None]],
        name: str = "graph",
    ) -> onnx.GraphProto:
        return helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(*each) for each in inputs],
            [helper.make_tensor_value_info(*each) for each in outputs],
            self.weights,
        )

    def model(
        self,
        inputs: Sequence[tuple[str, int, Sequence[int | str] | None]],
        outputs: Sequence[tuple[str, int, Sequence[int | str] | None]],
        opset: int = 22,
        functions: Sequence[onnx.FunctionProto] = (),
        domains: Sequence[str] = (),
    ) -> onnx.ModelProto:
        model = helper.make_model(
            self.graph(inputs, outputs),
            opset_imports=[
                helper.make_opsetid("", opset),
                *(helper.make_opsetid(domain, 1) for domain in domains),
            ],
            functions=functions,
            ir_version=10,
        )
        onnx.checker.check_model(model)
        return model

    def random_batch(self, *shapes: Sequence[int]) -> tuple[Array, ...]:
        return tuple(self.random.standard_normal(s).astype(np.float32) for s in shapes)


class Tools:
    """Tracing, placing and saving as a generated script does, in one line each."""

    Case = Case
    Builder = Builder

    @staticmethod
    def trace(
        case: Case, runtime: ModuleType = openvino, low: Precision = Precision.BF16
    ) -> Program:
        found: Program = runtime.trace(case.model, case.batch, low=low, inputs=())
        return found

    all_low = staticmethod(placements.all_low)

    @staticmethod
    def fresh(path: Path, batch: Sequence[Array], code: str) -> Any:
        """What a new Python process says, as JSON, of a file and a batch."""
        data = path.with_suffix(".npz")
        np.savez(data, *batch)
        program = f"""
import json, sys
import numpy as np
path = sys.argv[1]
saved = np.load(sys.argv[2])
batch = [saved[f"arr_{{k}}"] for k in range(len(saved.files))]
{code}
"""
        done = subprocess.run(
            [sys.executable, "-c", program, str(path), str(data)],
            capture_output=True,
            text=True,
            check=False,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def tools() -> type[Tools]:
    return Tools


@pytest.fixture
def zoo() -> dict[str, Callable[[], Case]]:
    """Name → a small model with a batch."""
    return dict(_zoo())


def _zoo() -> Iterator[tuple[str, Callable[[], Case]]]:
    yield "conv_bn_residual", conv_bn_residual
    yield "depthwise", depthwise
    yield "attention", attention
    yield "lstm", lstm
    yield "gru", gru
    yield "embedding", embedding
    yield "multi_output", multi_output
    yield "shared_weight", shared_weight
    yield "branch", branch
    yield "loop", loop
    yield "scan", scan
    yield "function", function


def conv_bn_residual() -> Case:
    b = Builder()
    b.node(
        "Conv", ["x", b.weight("w1", 8, 8, 3, 3), b.weight("b1", 8)], "c1", pads=[1] * 4
    )
    norm = [b.weight("scale", 8, scale=1.0), b.weight("shift", 8), b.weight("mean", 8)]
    b.node(
        "BatchNormalization",
        ["c1", *norm, b.constant("var", np.full(8, 0.5, "f4"))],
        "n1",
    )
    b.node("Add", ["n1", "x"], "a1")
    b.node("Relu", ["a1"], "r1")
    b.node("GlobalAveragePool", ["r1"], "g")
    b.node("Flatten", ["g"], "f")
    b.node("Gemm", ["f", b.weight("w2", 10, 8), b.weight("b2", 10)], "y", transB=1)
    model = b.model(
        [("x", FLOAT, ["n", 8, 16, 16])], [("y", FLOAT, ["n", 10])], opset=13
    )
    return Case(model, b.random_batch((4, 8, 16, 16)))


def depthwise() -> Case:
    b = Builder()
    b.node("Conv", ["x", b.weight("w1", 16, 1, 3, 3)], "d", group=16, pads=[1] * 4)
    b.node(
        "Clip", ["d", b.constant("zero", 0.0, "f4"), b.constant("six", 6.0, "f4")], "c"
    )
    b.node("Conv", ["c", b.weight("w2", 24, 16, 1, 1)], "y")
    model = b.model(
        [("x", FLOAT, ["n", 16, 12, 12])], [("y", FLOAT, ["n", 24, 12, 12])]
    )
    return Case(model, b.random_batch((2, 16, 12, 12)))


def attention() -> Case:
    """One head over 12 positions of 32, those beyond the eighth masked by -1e9."""
    b = Builder()
    for name in "qkv":
        b.node("MatMul", ["x", b.weight(f"w{name}", 32, 32)], name)
    b.node("Transpose", ["k"], "kt", perm=[0, 2, 1])
    b.node("MatMul", ["q", "kt"], "scores")
    b.node("Mul", ["scores", b.constant("scale", 32**-0.5, "f4")], "scaled")
    mask = np.where(np.arange(12) < 8, 0.0, -1e9).astype("f4").reshape(1, 1, 12)
    b.node("Add", ["scaled", b.constant("mask", mask)], "masked")
    b.node("Softmax", ["masked"], "weights", axis=-1)
    b.node("MatMul", ["weights", "v"], "mixed")
    b.node("MatMul", ["mixed", b.weight("wo", 32, 32)], "y")
    model = b.model([("x", FLOAT, ["n", 12, 32])], [("y", FLOAT, ["n", 12, 32])])
    return Case(model, b.random_batch((3, 12, 32)))


def lstm() -> Case:
    """Input 8, hidden 16, one direction; lengths of 6 and 4 of at most 6."""
    b = Builder()
    weights = [b.weight("w", 1, 64, 8), b.weight("r", 1, 64, 16), b.weight("b", 1, 128)]
    lengths = b.constant("lengths", [6, 4], "i4")
    b.node("LSTM", ["x", *weights, lengths], ["states", "last"], hidden_size=16)
    b.node("Squeeze", ["last", b.constant("axis", [0], "i8")], "squeezed")
    b.node("MatMul", ["squeezed", b.weight("wo", 16, 5)], "y")
    model = b.model([("x", FLOAT, [6, 2, 8])], [("y", FLOAT, [2, 5])])
    return Case(model, b.random_batch((6, 2, 8)))


def gru() -> Case:
    b = Builder()
    weights = [b.weight("w", 2, 48, 8), b.weight("r", 2, 48, 16), b.weight("b", 2, 96)]
    b.node(
        "GRU", ["x", *weights], ["y", "last"], hidden_size=16, direction="bidirectional"
    )
    model = b.model([("x", FLOAT, [5, 2, 8])], [("y", FLOAT, [5, 2, 2, 16])])
    return Case(model, b.random_batch((5, 2, 8)))


def embedding() -> Case:
    b = Builder()
    b.node("Gather", [b.weight("table", 50, 16), "ids"], "e")
    b.node("ReduceMean", ["e", b.constant("axes", [1], "i8")], "mean", keepdims=0)
    b.node("Gemm", ["mean", b.weight("w", 16, 4), b.weight("bias", 4)], "y")
    model = b.model([("ids", INT64, ["n", 7])], [("y", FLOAT, ["n", 4])])
    return Case(model, (b.random.integers(0, 50, (3, 7)),))


def multi_output() -> Case:
    """A feature that is returned and used on, scores, and their largest."""
    b = Builder()
    b.node("MatMul", ["x", b.weight("w1", 16, 32)], "h")
    b.node("Relu", ["h"], "feature")
    b.node("MatMul", ["feature", b.weight("w2", 32, 6)], "scores")
    b.node("ArgMax", ["scores"], "best", axis=1, keepdims=0)
    model = b.model(
        [("x", FLOAT, ["n", 16])],
        [
            ("feature", FLOAT, ["n", 32]),
            ("scores", FLOAT, ["n", 6]),
            ("best", INT64, ["n"]),
        ],
    )
    return Case(model, b.random_batch((5, 16)))


def shared_weight() -> Case:
    b = Builder()
    w = b.weight("w", 16, 16)
    b.node("MatMul", ["x", w], "m1")
    b.node("Tanh", ["m1"], "t")
    b.node("MatMul", ["t", w], "y")
    model = b.model([("x", FLOAT, ["n", 16])], [("y", FLOAT, ["n", 16])])
    return Case(model, b.random_batch((5, 16)))


def branch() -> Case:
    """An If whose branches have weights and read a tensor outside."""
    b = Builder()
    b.node("MatMul", ["x", b.weight("w", 16, 16)], "h")
    b.node("ReduceSum", ["x"], "sum", keepdims=0)
    b.node("Greater", ["sum", b.constant("zero", 0.0, "f4")], "positive")
    branches = {}
    for k, (name, output) in enumerate((("then_branch", "t"), ("else_branch", "e"))):
        inner = Builder(seed=k + 1)
        inner.node("MatMul", ["h", inner.weight("v", 16, 16)], f"{output}1")
        inner.node("Tanh" if k else "Relu", [f"{output}1"], output)
        branches[name] = inner.graph([], [(output, FLOAT, None)], name)
    b.node("If", ["positive"], "z", **branches)
    b.node("MatMul", ["z", b.weight("wo", 16, 4)], "y")
    model = b.model([("x", FLOAT, ["n", 16])], [("y", FLOAT, ["n", 4])])
    return Case(model, (np.abs(b.random_batch((5, 16))[0]),))


def loop() -> Case:
    """Three times a product with a weight that stands outside, and a weight inside."""
    b = Builder()
    b.weight("w", 16, 16)
    inner = Builder(seed=1)
    inner.node("MatMul", ["state", "w"], "m")
    inner.node("Add", ["m", inner.weight("bias", 16)], "a")
    inner.node("Tanh", ["a"], "next")
    inner.node("Identity", ["go"], "again")
    inner.node("Identity", ["next"], "seen")
    body = inner.graph(
        [("i", INT64, []), ("go", BOOL, []), ("state", FLOAT, ["n", 16])],
        [("again", BOOL, []), ("next", FLOAT, ["n", 16]), ("seen", FLOAT, ["n", 16])],
        "body",
    )
    three, true = b.constant("three", 3, "i8"), b.constant("true", True)
    b.node("Loop", [three, true, "x"], ["last", "all"], body=body)
    b.node("ReduceMean", ["all", b.constant("axes", [0], "i8")], "mean", keepdims=0)
    b.node("Add", ["last", "mean"], "y")
    model = b.model([("x", FLOAT, ["n", 16])], [("y", FLOAT, ["n", 16])])
    return Case(model, b.random_batch((5, 16)))


def scan() -> Case:
    b = Builder()
    inner = Builder(seed=1)
    inner.node("MatMul", ["state", inner.weight("r", 8, 8)], "m")
    inner.node("Add", ["m", "step"], "a")
    inner.node("Tanh", ["a"], "next")
    inner.node("Identity", ["next"], "seen")
    body = inner.graph(
        [("state", FLOAT, [2, 8]), ("step", FLOAT, [2, 8])],
        [("next", FLOAT, [2, 8]), ("seen", FLOAT, [2, 8])],
        "body",
    )
    b.constant("start", np.zeros((2, 8), "f4"))
    b.node("Scan", ["start", "x"], ["last", "y"], body=body, num_scan_inputs=1)
    model = b.model([("x", FLOAT, [5, 2, 8])], [("y", FLOAT, [5, 2, 8])])
    return Case(model, b.random_batch((5, 2, 8)))


def function() -> Case:
    """A function called twice, which calls another, with an attribute of its own."""
    opset = [helper.make_opsetid("", 22), helper.make_opsetid("local", 1)]
    activate = helper.make_function(
        "local", "Activate", ["a"], ["b"],
        [_with_reference("LeakyRelu", ["a"], ["b"], "alpha", "slope")],
        opset, attributes=["slope"],
    )  # fmt: skip
    layer = helper.make_function(
        "local", "Layer", ["a", "w"], ["c"],
        [
            helper.make_node("MatMul", ["a", "w"], ["m"]),
            helper.make_node("Activate", ["m"], ["c"], domain="local", slope=0.2),
        ],
        opset,
    )  # fmt: skip
    b = Builder()
    b.node("Layer", ["x", b.weight("w1", 16, 16)], "h", domain="local")
    b.node("Layer", ["h", b.weight("w2", 16, 4)], "y", domain="local")
    model = b.model(
        [("x", FLOAT, ["n", 16])],
        [("y", FLOAT, ["n", 4])],
        functions=[activate, layer],
        domains=["local"],
    )
    return Case(model, b.random_batch((5, 16)))


def _with_reference(
    operator: str, inputs: list[str], outputs: list[str], name: str, parameter: str
) -> onnx.NodeProto:
    node = helper.make_node(operator, inputs, outputs)
    node.attribute.add(
        name=name, ref_attr_name=parameter, type=onnx.AttributeProto.FLOAT
    )
    return node
