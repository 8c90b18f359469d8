"""Constant nodes become initializers; ops of constants alone are computed once."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
import onnx
import onnx_ir as ir

from ...listing import listed
from ..ir.rewriting.editing import constant_of
from ..ir.weights import register
from .opsets import own_opset

FOLDABLE = listed(
    """
    Abs Add And Cast Ceil Concat ConstantOfShape Div Equal Exp Expand Flatten Floor
    Gather Greater Less Log Max Min Mod Mul Neg Not Or Pow Range Reciprocal ReduceMax
    ReduceMin ReduceProd ReduceSum Reshape Shape Size Slice Split Sqrt Squeeze Sub Tile
    Transpose Unsqueeze Where
    """
)
"""Ops that compute shapes and rearrange weights. What quantises is none: a weight and
its scale stay apart."""

NATIVE = frozenset(
    ir.DataType[name]
    for name in listed(
        "FLOAT DOUBLE BOOL INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64"
    )
)
"""Types that NumPy computes in as a runtime does."""

NARROW = frozenset({ir.DataType.FLOAT16, ir.DataType.BFLOAT16})
"""Types that are only moved and cast here: of arithmetic each runtime rounds its way."""

MOVES = listed(
    "Cast Concat Expand Flatten Gather Reshape Slice Split Squeeze Tile Transpose Unsqueeze"
)

Given = Mapping[ir.Value, ir.TensorProtocol]
"""What a node takes, all of it constant."""

ANYWAY = 1 << 12
"""Bytes of a result that is always worth having."""

MOST = 1 << 28
"""Bytes of a result that is never made here: what is larger is computed at run time."""


def lift_constants(model: ir.Model) -> None:
    """Let all tensors in Constant nodes be initializers, but what a graph returns."""
    for graph in model.graphs():
        for node in list(graph):
            if node.domain or node.op_type != "Constant":
                continue
            (value,) = node.outputs
            tensor = _tensor_of(node)
            if tensor is None or value.is_graph_output():
                continue
            tensor.name, value.name = str(value.name), None
            value.replace_all_uses_with(register(graph, tensor))
            graph.remove(node, safe=True)


def _tensor_of(node: ir.Node) -> ir.TensorProtocol | None:
    for name, attribute in node.attributes.items():
        if attribute.is_ref():
            return None
        match name:
            case "value":
                given = attribute.as_tensor()
                if given.dtype == ir.DataType.STRING or given.dtype.bitwidth < 8:
                    return None
                # Not the tensor itself: it is the loaded model's, and has a name there.
                return ir.Tensor(given.numpy(), given.dtype)
            case "value_float" | "value_floats":
                return ir.Tensor(np.asarray(attribute.value, np.float32))
            case "value_int" | "value_ints":
                return ir.Tensor(np.asarray(attribute.value, np.int64))
    return None


def fold_constants(model: ir.Model) -> None:
    """Compute ops whose inputs are all constants, within `MOST` bytes each.

    A large result is made only where it takes the place of what it is made from.
    """
    opset = own_opset(model)
    for graph in model.graphs():
        for node in list(graph):
            if node.domain or node.op_type not in FOLDABLE:
                continue
            given = _inputs(node)
            if given is None or not _worth(node, given, opset, model.ir_version):
                continue
            results = _computed(node, given, opset)
            if results is not None:
                _replace(graph, node, results)


def _inputs(node: ir.Node) -> Given | None:
    """What the node takes, None where that depends on the input or is no number."""
    if any(output.is_graph_output() for output in node.outputs):
        return None
    given: dict[ir.Value, ir.TensorProtocol] = {}
    for value in filter(None, node.inputs):
        tensor = constant_of(value)
        if tensor is None or not _computes(node, tensor.dtype):
            return None
        given[value] = tensor
    return given


def _computes(node: ir.Node, dtype: ir.DataType) -> bool:
    """Whether a node of this type is computed here as a runtime computes it."""
    return dtype in NATIVE or (dtype in NARROW and node.op_type in MOVES)


def _worth(node: ir.Node, given: Given, opset: int, ir_version: int) -> bool:
    """Whether the results are small, or no larger than what they replace."""
    size = _result_bytes(node, given, opset, ir_version)
    if size is None or size <= ANYWAY or size > MOST:
        return size is not None and size <= ANYWAY
    alone = [tensor for value, tensor in given.items() if len(value.uses()) == 1]
    replaced = sum(tensor.nbytes for tensor in alone)
    if node.op_type == "Cast" and all(tensor.dtype in NARROW for tensor in alone):
        replaced *= 2  # a weight that was rounded before: it may be so again
    return bool(size <= replaced)


def _result_bytes(
    node: ir.Node, given: Given, opset: int, ir_version: int
) -> int | None:
    """Bytes that the node would make, by ONNX's inference; None if it can't say."""
    proto = ir.to_proto(node)
    try:
        inferred = onnx.shape_inference.infer_node_outputs(
            onnx.defs.get_schema(node.op_type, opset, ""),
            proto,
            {str(value.name): _type_of(tensor) for value, tensor in given.items()},
            {
                str(value.name): onnx.numpy_helper.from_array(
                    tensor.numpy(), value.name
                )
                for value, tensor in given.items()
                if tensor.nbytes <= ANYWAY
            },
            opset_imports=[onnx.helper.make_opsetid("", opset)],
            ir_version=ir_version,
        )
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        return None
    sizes = [_bytes(inferred.get(name)) for name in proto.output if name]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _type_of(tensor: ir.TensorProtocol) -> onnx.TypeProto:
    sizes = tensor.shape.numpy()
    return onnx.helper.make_tensor_type_proto(int(tensor.dtype), sizes)


def _bytes(inferred: onnx.TypeProto | None) -> int | None:
    """Bytes of an output of a known shape, None if that, or the type, is not known."""
    if inferred is None or not inferred.tensor_type.HasField("shape"):
        return None
    type_ = inferred.tensor_type
    sizes = [d.dim_value if d.HasField("dim_value") else -1 for d in type_.shape.dim]
    dtype = ir.DataType(type_.elem_type)
    if min(sizes, default=0) < 0 or dtype not in NATIVE | NARROW:
        return None
    return int(prod(sizes) * dtype.itemsize)


def _computed(node: ir.Node, given: Given, opset: int) -> list[np.ndarray] | None:
    """What the node makes, by ONNX's reference implementation; None if it fails."""
    from onnx.reference import ReferenceEvaluator

    feeds = {str(value.name): tensor.numpy() for value, tensor in given.items()}
    try:
        with np.errstate(all="ignore"):
            made = ReferenceEvaluator(ir.to_proto(node), opsets={"": opset}).run(
                None, feeds
            )
    except Exception:  # the op stays, and the runtime says what is wrong with it
        return None
    return [np.asarray(each) for each in made]


def _replace(graph: ir.Graph, node: ir.Node, results: list[np.ndarray]) -> None:
    outputs = [value for value in node.outputs if value.name]
    for value, array in zip(outputs, results, strict=True):
        name, value.name = str(value.name), None
        tensor = ir.Tensor(np.asarray(array, order="C"), name=name)
        value.replace_all_uses_with(register(graph, tensor))
    graph.remove(node, safe=True)
