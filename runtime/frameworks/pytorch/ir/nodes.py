"""Reading one node of an FX graph: its operator, its tensor arguments, its module."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx
from torch._ops import OpOverload

from ....graph.graph import Kind
from . import operators


def is_op(node: fx.Node) -> bool:
    """Whether the node is an op of the Graph; shape arithmetic and getitems are not."""
    if node.op != "call_function":
        return False
    if isinstance(node.target, OpOverload):
        return not node.target._schema.name.startswith("aten::sym_")
    return isinstance(node.target, torch._ops.HigherOrderOperator)


def is_tensor(node: fx.Node) -> bool:
    """Whether the node stands for one tensor."""
    return isinstance(node.meta.get("val"), torch.Tensor)


def made(node: fx.Node) -> tuple[fx.Node, ...]:
    """The nodes that stand for the op's output tensors: itself, or its getitems."""
    if not isinstance(node.meta.get("val"), (tuple, list)):
        return (node,) if is_tensor(node) else ()
    return tuple(n for n in node.users if is_getitem(n))


def is_getitem(node: fx.Node) -> bool:
    """Whether the node picks one output of an op with several."""
    return node.op == "call_function" and node.target is operator.getitem


def operator_name(node: fx.Node) -> str:
    """The operator without overload: "conv2d"; other namespaces keep theirs."""
    if not isinstance(node.target, OpOverload):
        name = str(getattr(node.target, "__name__", node.target))
        return name if name in operators.BODIES else f"higher_order.{name}"
    space, name = node.target._schema.name.split("::")
    plain = name if name.startswith("__") else name.rstrip("_")
    plain = operators.RENAMED.get(plain, plain)
    return plain if space == "aten" else f"{space}.{plain}"


def is_control_flow(node: fx.Node) -> bool:
    """Whether the node is a branch or a loop, whose bodies are graphs."""
    return (
        node.op == "call_function"
        and not isinstance(node.target, OpOverload)
        and is_op(node)
        and operator_name(node) in operators.BODIES
    )


def is_opaque(node: fx.Node) -> bool:
    """Whether nothing is known of the operator: custom ones, unknown loops."""
    name = operator_name(node)
    known = name in operators.COMPUTE or quantizes(node) or dequantizes(node)
    return "." in name and not known


def is_fill(node: fx.Node) -> bool:
    """Whether the node makes fp32 zeros or ones, which any precision holds as well."""
    fills = (torch.ops.aten.zeros.default, torch.ops.aten.ones.default)
    return node.target in fills and node.meta["val"].dtype == torch.float32


def quantizes(node: fx.Node) -> bool:
    """Whether the node is an operator that makes integers of floats, or their scale."""
    return _decomposed(node) in operators.QUANTIZES


def dequantizes(node: fx.Node) -> bool:
    """Whether the node is an operator that makes floats of integers."""
    return _decomposed(node) in operators.DEQUANTIZES


def _decomposed(node: fx.Node) -> str:
    """The operator's name within the namespace of quantized graphs, "" for others."""
    if node.op != "call_function" or not isinstance(node.target, OpOverload):
        return ""
    space, name = node.target._schema.name.split("::")
    return name if space == operators.DECOMPOSED else ""


def mutates(node: fx.Node) -> bool:
    """Whether the op writes to one of its arguments."""
    return isinstance(node.target, OpOverload) and node.target._schema.is_mutable


def writes_state(node: fx.Node) -> bool:
    """Whether the node gives a buffer of the model its next value."""
    return (
        node.target is torch.ops.aten.copy_.default
        and isinstance(node.args[0], fx.Node)
        and node.args[0].op == "get_attr"
    )


def kind(node: fx.Node) -> Kind:
    """The op's kind; that its dtype argument wins over its inputs' is the probe's to see."""
    if mutates(node):
        return Kind.FIXED
    return operators.kind(operator_name(node))


def module_path(node: fx.Node) -> str:
    """Dotted path of the innermost module the op was traced in, "" for the top."""
    stack = node.meta.get("nn_module_stack") or {}
    for path, _type in reversed(list(stack.values())):
        if not str(path).startswith("_empty"):
            # A module called twice is traced as `fc` and `fc@1`: one module, one path.
            return ".".join(part.split("@")[0] for part in str(path).split("."))
    return ""


def operands(node: fx.Node) -> tuple[Any, Any]:
    """The first two arguments of an operator of torch's, however they are given."""
    first, second = _leading(node)
    given = dict(arguments(node))
    return given.get(first), given.get(second)


def with_operands(node: fx.Node, values: tuple[fx.Node, fx.Node]) -> None:
    """Let an op take other values as its first two arguments."""
    count = min(len(node.args), 2)
    named = zip(_leading(node)[count:], values[count:], strict=True)
    node.args = (*values[:count], *node.args[count:])
    node.kwargs = {**node.kwargs, **dict(named)}


def _leading(node: fx.Node) -> list[str]:
    assert isinstance(node.target, OpOverload)
    return [argument.name for argument in node.target._schema.arguments[:2]]


def arguments(node: fx.Node) -> Iterator[tuple[str, Any]]:
    """(schema name, value) of the node's arguments, positional ones first."""
    if isinstance(node.target, OpOverload):
        names = [argument.name for argument in node.target._schema.arguments]
    else:
        names = [str(k) for k in range(len(node.args))]
    yield from zip(names, node.args, strict=False)
    yield from node.kwargs.items()
