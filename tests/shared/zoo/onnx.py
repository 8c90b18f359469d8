"""The zoo as ONNX files: a step is the node and its output of its name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

from narrowcast.runtime.frameworks.onnx import load_onnx
from zoo import EPSILON, MODELS, SMALL, TURNS, Array, Contents, Weights

FILE = "model.onnx"
LACKS = {"state": "an ONNX model has no state"}
OPSET, IR = 17, 9
FLOATS = {
    TensorProto.FLOAT: "float32",
    TensorProto.BFLOAT16: "bfloat16",
    TensorProto.FLOAT16: "float16",
}


class Writer:
    """Writes nodes one after the other; each method gives its output's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}

    def node(self, op: str, name: str, *taken: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, taken, [name], name, **attributes))
        return name

    def constant(self, name: str, value: Any) -> str:
        self.constants[name] = np.asarray(value)
        return name

    def dense(self, name: str, x: str, weights: Weights) -> str:
        if f"{name}.bias" not in weights:
            return self.node("MatMul", name, x, f"{name}.weight")
        return self.node("Gemm", name, x, f"{name}.weight", f"{name}.bias")

    def graph(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
    ) -> onnx.GraphProto:
        weights = [numpy_helper.from_array(v, k) for k, v in self.constants.items()]
        return helper.make_graph(self.nodes, name, inputs, outputs, weights)


def _residual(w: Writer, weights: Weights) -> None:
    pads = [1, 1, 1, 1]
    w.node("Conv", "stem", "x", "stem.weight", "stem.bias", pads=pads)
    w.node("Conv", "conv", "stem", "conv.weight", pads=pads)
    parts = [f"norm.{part}" for part in ("scale", "shift", "mean", "variance")]
    w.node("BatchNormalization", "norm", "conv", *parts, epsilon=EPSILON)
    w.node("Add", "plus", "norm", "stem")
    w.node("Relu", "relu", "plus")
    w.node("ReduceMean", "pool", "relu", axes=[2, 3], keepdims=0)
    w.dense("head", "pool", weights)


def _mlp(w: Writer, weights: Weights) -> None:
    w.dense("first", "x", weights)
    w.node("Relu", "relu", "first")
    w.node("Dropout", "drop", "relu")
    w.dense("last", "drop", weights)


def _outputs(w: Writer, weights: Weights) -> None:
    w.dense("first", "x", weights)
    w.node("Relu", "feature", "first")
    w.dense("scores", "feature", _renamed(weights, "last", "scores"))
    w.node("ArgMax", "best", "scores", axis=1, keepdims=0)


def _renamed(weights: Weights, old: str, new: str) -> Weights:
    return {name.replace(old, new): value for name, value in weights.items()}


def _embedding(w: Writer, weights: Weights) -> None:
    w.node("Gather", "table", "table.weight", "ids")
    w.node("ReduceMean", "pool", "table", axes=[1], keepdims=0)
    w.dense("last", "pool", weights)


def _shared(w: Writer, weights: Weights) -> None:
    w.node("MatMul", "once", "x", "both.weight")
    w.node("Tanh", "tanh", "once")
    w.node("MatMul", "twice", "tanh", "both.weight")


def _three(w: Writer, weights: Weights) -> None:
    w.dense("first", "a", weights)
    w.node("Mul", "times", "first", "b")
    w.node("Add", "plus", "times", "c")


def _waves(w: Writer, weights: Weights) -> None:
    w.dense("first", "x", weights)
    w.node("Cast", "time", "t", to=TensorProto.FLOAT)
    w.node("Mul", "angle", "time", "turns.weight")
    w.node("Sin", "wave", "angle")
    w.node("Mul", "times", "first", "wave")
    w.dense("last", "times", weights)


def _edge(w: Writer, weights: Weights) -> None:
    w.node("Relu", "relu", "x")
    w.node("Mul", "times", "relu", w.constant("small", np.float32(SMALL)))


def _branch(w: Writer, weights: Weights) -> None:
    w.dense("first", "x", weights)
    w.node("ReduceSum", "sum", "first", keepdims=0)
    w.node("Greater", "positive", "sum", w.constant("zero", np.float32(0)))
    branches = {}
    for name, op in (("then", "Relu"), ("else", "Tanh")):
        inner = Writer()
        inner.constant(f"{name}.weight", weights[f"{name}.weight"])
        inner.node("MatMul", name, "first", f"{name}.weight")
        made = inner.node(op, f"{name}.made", name)
        branches[f"{name}_branch"] = inner.graph(name, [], [_info(made, None)])
    w.node("If", "chosen", "positive", **branches)
    w.dense("last", "chosen", weights)


def _loop(w: Writer, weights: Weights) -> None:
    inner = Writer()
    inner.node("MatMul", "times", "state", "turn.weight")
    inner.node("Add", "plus", "times", "turn.bias")
    inner.node("Tanh", "next", "plus")
    inner.node("Identity", "again", "go")
    shape = ["batch", 16]
    given = [_info("k", [], "int64"), _info("go", [], "bool"), _info("state", shape)]
    made = [_info("again", [], "bool"), _info("next", shape)]
    turns, true = w.constant("turns", np.int64(TURNS)), w.constant("true", np.True_)
    w.node("Loop", "loop", turns, true, "x", body=inner.graph("body", given, made))
    w.dense("last", "loop", weights)


WRITERS = {
    "residual": (_residual, ("head",)),
    "mlp": (_mlp, ("last",)),
    "outputs": (_outputs, ("feature", "scores", "best")),
    "embedding": (_embedding, ("last",)),
    "shared": (_shared, ("twice",)),
    "three": (_three, ("plus",)),
    "waves": (_waves, ("last",)),
    "edge": (_edge, ("times",)),
    "branch": (_branch, ("last",)),
    "loop": (_loop, ("last",)),
}
"""Name → how it is written, and the tensors that it returns."""


def _info(
    name: str, shape: Sequence[int | str] | None, dtype: str = "float32"
) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, kind, shape)


def build(name: str, folder: Path) -> Any:
    path = folder / f"{name}.onnx"
    if not path.exists():
        onnx.save(proto(name), path)
    return load_onnx(path)


def proto(name: str) -> onnx.ModelProto:
    model, writer = MODELS[name], Writer()
    write, outputs = WRITERS[name]
    weights: Mapping[str, Array] = model.weights
    if name == "outputs":
        weights = _renamed(weights, "last", "scores")
    write(writer, model.weights)
    read = {taken for node in writer.nodes for taken in node.input}
    inside = _names_in_bodies(writer.nodes)
    for key, value in weights.items():
        if key in read | inside:
            writer.constant(key, value)
    graph = writer.graph(
        name,
        [
            _info(n, ["batch", *v.shape[1:]], v.dtype.name)
            for n, v in model.inputs.items()
        ],
        [
            _info(n, ["batch", *v.shape[1:]], v.dtype.name)
            for n, v in zip(outputs, model.expected, strict=True)
        ],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=IR)
    onnx.checker.check_model(made, full_check=True)
    return made


def _names_in_bodies(nodes: Sequence[onnx.NodeProto]) -> set[str]:
    """What bodies take from the graph around them."""
    found = set()
    for graph in _bodies(nodes):
        made = {each.name for each in graph.initializer}
        found |= {taken for node in graph.node for taken in node.input} - made
    return found


def _bodies(nodes: Sequence[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield attribute.g
                yield from _bodies(attribute.g.node)


def called(name: str, native: Any, batch: tuple[Array, ...]) -> tuple[Array, ...]:
    """In a session of ONNX Runtime, which has no bfloat16: in OpenVINO then."""
    data = native.SerializeToString()
    weights = {each.data_type for each in native.graph.initializer}
    to = {a.i for node in native.graph.node for a in node.attribute if a.name == "to"}
    if TensorProto.BFLOAT16 in weights | to:
        core = openvino.Core()
        hint = {"INFERENCE_PRECISION_HINT": "f32"}
        model = core.compile_model(core.read_model(data), "CPU", hint)
        return tuple(np.array(each) for each in model(list(batch)).values())
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    feeds = dict(zip(MODELS[name].inputs, batch, strict=True))
    return tuple(session.run(None, feeds))


def tensor(array: Array) -> Array:
    return array


def unchanged(model: Any) -> object:
    from onnx_ir import to_proto

    return to_proto(model).SerializeToString(deterministic=True)


def pattern(step: str) -> str:
    return re.escape(step)


def _dtype(value: onnx.ValueInfoProto) -> int:
    return int(value.type.tensor_type.elem_type)


def contents(path: Path) -> Contents:
    model = onnx.load(path)
    casts, weights = [], []
    whole = {i.name for i in model.graph.input if _dtype(i) not in FLOATS}
    for graph in (model.graph, *_bodies(model.graph.node)):
        for node in graph.node:
            kind = next((a.i for a in node.attribute if a.name == "to"), None)
            if node.op_type == "Cast" and kind in FLOATS and node.input[0] not in whole:
                casts.append((f"{graph.name}/{node.input[0]}", FLOATS[kind]))
        weights += [
            (tuple(each.dims), FLOATS[each.data_type])
            for each in graph.initializer
            if each.data_type in FLOATS
        ]
    return Contents(tuple(casts), tuple(weights))
