"""What TensorFlow's registry says of a node: its inputs, outputs and their dtypes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tensorflow.core.framework import types_pb2
from tensorflow.python.framework import dtypes, op_def_registry

from ....graph.graph import Precision

FLOAT = types_pb2.DT_FLOAT
TYPES: dict[Precision, int] = {
    Precision.FP32: types_pb2.DT_FLOAT,
    Precision.BF16: types_pb2.DT_BFLOAT16,
    Precision.FP16: types_pb2.DT_HALF,
}
PRECISIONS = {type_: precision for precision, type_ in TYPES.items()}

LINKED = {"_FusedConv2D": ("TArgs",), "_FusedDepthwiseConv2dNative": ("TArgs",)}
"""Op → lists of types that follow its `T`."""


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a node.

    Attributes:
        argument: Its name in the op's definition.
        index: Its place among the argument's tensors.
        type: TensorFlow's DataType.
        attribute: The node's attribute that says so, None if the definition does or a
            list of types.
    """

    argument: str
    index: int
    type: int
    attribute: str | None


@cache
def definition(op: str) -> Any:
    """The OpDef, None for what is no registered op (a function's name)."""
    return op_def_registry.get(op)


def attribute(node: Any, name: str) -> Any:
    """The node's AttrValue, or the definition's default."""
    if name in node.attr:
        return node.attr[name]
    for each in definition(node.op).attr:
        if each.name == name:
            return each.default_value
    raise KeyError(name)


def inputs(node: Any, functions: Mapping[str, Any] | None = None) -> list[Port]:
    """The node's data inputs, in order."""
    found = definition(node.op)
    signature = found or (functions or {})[node.op].signature
    return list(_ports(node, signature.input_arg, bool(found)))


def outputs(node: Any, functions: Mapping[str, Any] | None = None) -> list[Port]:
    """The node's outputs, in order."""
    found = definition(node.op)
    signature = found or (functions or {})[node.op].signature
    return list(_ports(node, signature.output_arg, bool(found)))


def _ports(node: Any, arguments: Any, registered: bool) -> Iterator[Port]:
    for each in arguments:
        if registered and each.type_list_attr:
            types = attribute(node, each.type_list_attr).list.type
            for index, type_ in enumerate(types):
                yield Port(each.name, index, type_, None)
            continue
        type_ = each.type
        if registered and each.type_attr:
            type_ = attribute(node, each.type_attr).type
        count = attribute(node, each.number_attr).i if each.number_attr else 1
        for index in range(count):
            yield Port(each.name, index, type_, each.type_attr or None)


def precision_attribute(node: Any) -> str | None:
    """The attribute that says in which precision a node computes, None without one.

    It is that of the first fp32 output that follows an attribute which allows 16 bits;
    else, for a kernel that always returns fp32, that of the first such input.
    """
    if definition(node.op) is None:
        return None
    for port in (*outputs(node), *inputs(node)):
        if port.type == FLOAT and port.attribute and _narrow(node.op, port.attribute):
            return port.attribute
    return None


@cache
def _narrow(op: str, name: str) -> bool:
    """Whether a type attribute may be a 16-bit float."""
    for each in definition(op).attr:
        if each.name == name:
            allowed = each.allowed_values.list.type
            narrow = (TYPES[Precision.BF16], TYPES[Precision.FP16])
            return not allowed or any(type_ in allowed for type_ in narrow)
    return False


def narrowed(node: Any, precision: Precision) -> Any:
    """A copy of the node that computes in `precision`."""
    name = precision_attribute(node)
    new = type(node)()
    new.CopyFrom(node)
    if name is not None:
        new.attr[name].type = TYPES[precision]
        for linked in LINKED.get(node.op, ()):
            count = len(new.attr[linked].list.type)
            new.attr[linked].list.type[:] = [TYPES[precision]] * count
    return new


def dtype_name(type_: int) -> str:
    """NumPy's name of a TensorFlow type ("bfloat16" where NumPy has none)."""
    name: str = dtypes.as_dtype(type_).base_dtype.name
    return name


def call_attributes(node: Any) -> tuple[Any, ...]:
    """The node's attributes as eager execution takes them: name, value, name, …"""
    found: list[Any] = []
    for each in definition(node.op).attr:
        if each.name in node.attr:
            found += [each.name, _plain(node.attr[each.name], each.type)]
    return tuple(found)


def all_attributes(node: Any) -> tuple[Any, ...]:
    """`call_attributes`, with the defaults of those that the node leaves out."""
    found: list[Any] = []
    for each in definition(node.op).attr:
        if each.name in node.attr or each.HasField("default_value"):
            found += [each.name, _plain(attribute(node, each.name), each.type)]
    return tuple(found)


def _plain(value: Any, kind: str) -> Any:
    if kind.startswith("list("):
        return [_one(each, kind[5:-1]) for each in getattr(value.list, _FIELDS[kind])]
    return _one(getattr(value, _FIELDS[kind]), kind)


def _one(value: Any, kind: str) -> Any:
    match kind:
        case "shape":
            return None if value.unknown_rank else [each.size for each in value.dim]
        case "func":
            return value.name
    return value


_FIELDS = {
    "string": "s",
    "int": "i",
    "float": "f",
    "bool": "b",
    "type": "type",
    "shape": "shape",
    "tensor": "tensor",
    "func": "func",
}
_FIELDS |= {f"list({kind})": field for kind, field in _FIELDS.items()}
