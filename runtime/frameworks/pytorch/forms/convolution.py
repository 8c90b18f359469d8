"""oneDNN's convolution with an addition and an activation in one kernel.

The intermediate results are neither rounded nor written to memory, which for the large
images of a network's first stages costs as much as the convolution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import fx

from ..ir import nodes
from .activations import Activation, activation, sole_user
from .form import Form, Write, Writer

ADDED = "mkldnn::_convolution_pointwise.binary"


@torch.library.register_fake(ADDED)  # type: ignore[untyped-decorator]
def _added_form(_image: torch.Tensor, other: torch.Tensor, *_rest: Any) -> torch.Tensor:
    """What torch.export asks of an operator; PyTorch has it of the others."""
    return torch.empty_like(other)


def convolution_forms(graph: fx.Graph) -> Iterator[Form]:
    """2-dimensional convolutions, with what reads them: `conv2d+add+relu`."""
    for node in graph.nodes:
        if not nodes.is_op(node) or nodes.operator_name(node) != "conv2d":
            continue
        if _geometry(node) is None:
            continue
        reader = _reader(node)
        if reader is None:
            continue
        found = activation(reader)
        if found is not None:
            yield _form([node, reader], _activated(found))
        elif _is_addition(reader):
            yield _form([node, reader], _added(None))
            last = sole_user(reader)
            end = None if last is None else activation(last)
            if last is not None and end is not None:
                yield _form([node, reader, last], _added(end))


def _form(replaced: list[fx.Node], write: Write) -> Form:
    name = "+".join(nodes.operator_name(node) for node in replaced)
    return Form(name, tuple(node.name for node in replaced), write)


def _reader(node: fx.Node) -> fx.Node | None:
    """The op that alone reads the convolution; an addition may take it second."""
    users = list(node.users)
    if len(users) == 1 and _is_addition(users[0]):
        return users[0]
    return sole_user(node)


def _is_addition(node: fx.Node) -> bool:
    """Whether the op adds two different fp32 tensors of one shape, unscaled."""
    if not nodes.is_op(node) or node.target is not torch.ops.aten.add.Tensor:
        return False
    if len(node.all_input_nodes) != 2 or node.kwargs:
        return False
    one, other = (n.meta.get("val") for n in node.all_input_nodes)
    return (
        isinstance(one, torch.Tensor)
        and isinstance(other, torch.Tensor)
        and one.shape == other.shape
        and one.dtype == other.dtype == torch.float32
    )


def _geometry(node: fx.Node) -> tuple[Any, ...] | None:
    """Padding, stride, dilation and groups; None for padding that is a word."""
    taken = dict(nodes.arguments(node))
    if isinstance(taken.get("padding"), str):
        return None

    def pair(name: str, default: int) -> list[int]:
        value = taken.get(name, default)
        both = [value, value] if isinstance(value, int) else list(value)
        return both * 2 if len(both) == 1 else both

    sizes = (pair("padding", 0), pair("stride", 1), pair("dilation", 1))
    return (*sizes, taken.get("groups", 1))


def _activated(found: Activation) -> Write:
    def write(writer: Writer, replaced: Sequence[fx.Node]) -> fx.Node:
        return writer.call(
            torch.ops.mkldnn._convolution_pointwise.default,
            *_operands(replaced[0]),
            *(_geometry(replaced[0]) or ()),
            *(found.attribute, list(found.scalars), found.algorithm),
        )

    return write


def _added(found: Activation | None) -> Write:
    """`found` comes after the addition."""

    def write(writer: Writer, replaced: Sequence[fx.Node]) -> fx.Node:
        layer, addition = replaced[:2]
        image, weight, bias = _operands(layer)
        (other,) = (n for n in addition.all_input_nodes if n is not layer)
        end = (
            (None, [0.0], None)
            if found is None
            else (found.attribute, list(found.scalars), found.algorithm)
        )
        return writer.call(
            torch.ops.mkldnn._convolution_pointwise.binary,
            *(image, other, weight, bias),
            *(_geometry(layer) or ()),
            *("add", 1.0, *end),
        )

    return write


def _operands(layer: fx.Node) -> tuple[Any, Any, Any]:
    taken = dict(nodes.arguments(layer))
    return taken["input"], taken["weight"], taken.get("bias")
