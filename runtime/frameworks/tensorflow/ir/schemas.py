"""What TensorFlow's registry says of a node: its inputs, outputs and their dtypes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tensorflow.python.framework import dtypes, op_def_registry

from ....graph.graph import Precision
from .protos import copied, types

FLOAT = types.DT_FLOAT
TYPES: dict[Precision, int] = {
    Precision.FP32: types.DT_FLOAT,
    Precision.BF16: types.DT_BFLOAT16,
    Precision.FP16: types.DT_HALF,
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
def op_def(op: str) -> Any:
    """The OpDef, None for what is no registered op (a function's name)."""
    return op_def_registry.get(op)


def attribute(node: Any, name: str) -> Any:
    """The node's AttrValue, or the definition's default."""
    if name in node.attr:
        return node.attr[name]
    for each in op_def(node.op).attr:
        if each.name == name:
            return each.default_value
    raise KeyError(name)


def inputs(node: Any, functions: Mapping[str, Any] | None = None) -> list[Port]:
    """The node's data inputs, in order."""
    signature, registered = _signature(node, functions)
    return list(_ports(node, signature.input_arg, registered))


def outputs(node: Any, functions: Mapping[str, Any] | None = None) -> list[Port]:
    """The node's outputs, in order."""
    signature, registered = _signature(node, functions)
    return list(_ports(node, signature.output_arg, registered))


def _signature(node: Any, functions: Mapping[str, Any] | None) -> tuple[Any, bool]:
    """The OpDef, and whether it is the registry's; a library comes first."""
    if functions and node.op in functions:
        return functions[node.op].signature, False
    known = op_def(node.op)
    if known is None:
        raise KeyError(node.op)
    return known, True


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
    if op_def(node.op) is None:
        return None
    for port in (*outputs(node), *inputs(node)):
        if port.type == FLOAT and port.attribute and _narrow(node.op, port.attribute):
            return port.attribute
    return None


@cache
def _narrow(op: str, name: str) -> bool:
    """Whether a type attribute may be a 16-bit float."""
    for each in op_def(op).attr:
        if each.name == name:
            allowed = each.allowed_values.list.type
            narrow = (TYPES[Precision.BF16], TYPES[Precision.FP16])
            return not allowed or any(type_ in allowed for type_ in narrow)
    return False


def narrowed(node: Any, precision: Precision) -> Any:
    """A copy of the node that computes in `precision`."""
    name = precision_attribute(node)
    new = copied(node)
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


INFERRED = "_output_shapes"
"""Attribute in which TensorFlow notes what it inferred."""


def completed(node: Any) -> Any:
    """The node with all attributes that its op has here, and no others.

    Files leave out those that have their defaults, and newer TensorFlows write some
    that this one doesn't know; it refuses those that have no default there. Shapes
    that were inferred once may be others when the graph has been changed.
    """
    known = op_def(node.op)
    if known is None:
        return node
    own = {each.name: each for each in known.attr}
    hidden = {name for name in node.attr if name.startswith("_") and name != INFERRED}
    strange = set(node.attr) - own.keys() - hidden
    missing = [
        name
        for name, each in own.items()
        if each.HasField("default_value") and name not in node.attr
    ]
    if not strange and not missing:
        return node
    made = copied(node)
    for name in strange:
        del made.attr[name]
    for name in missing:
        made.attr[name].CopyFrom(own[name].default_value)
    return made
