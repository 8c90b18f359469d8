"""oneDNN's linear layer with its bias, and an activation, in one kernel.

`aten.linear` in 16 bits copies the bias to the output before it adds the product; here
both and the activation are computed in fp32 and the result is rounded once.

Kernels rearrange the weight in each call, which takes as long as a product of few rows
does. They want its columns together, and have less to do where it is stored so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import fx

from ..ir import nodes
from ..ir.prepared import in_columns, is_constant
from .activations import Activation, activation, sole_user
from .form import Form, Write, Writer

VIEWS = frozenset({"view", "reshape", "_unsafe_view"})

COLUMNS = ", weight by columns"
"""What a form's name ends with where the weight is laid out so."""


def linear_forms(graph: fx.Graph) -> Iterator[Form]:
    """The linear layers, each alone and with the activation that reads it."""
    for node in graph.nodes:
        if not nodes.is_op(node) or nodes.operator_name(node) != "linear":
            continue
        yield from _layouts(node, "linear", (node.name,), Activation("none"))
        path = _to_activation(node)
        found = activation(path[-1]) if path else None
        if found is not None:
            names = (node.name, *(each.name for each in path))
            name = f"linear+{nodes.operator_name(path[-1])}"
            yield from _layouts(node, name, names, found)


def _layouts(
    node: fx.Node, name: str, names: tuple[str, ...], found: Activation
) -> Iterator[Form]:
    """With the weight as it is, and by columns; not where others read it as it is."""
    yield Form(name, names, _write(found, columns=False))
    weight = dict(nodes.arguments(node))["weight"]
    if is_constant(weight) and len(weight.users) == 1:
        yield Form(name + COLUMNS, names, _write(found, columns=True))


def _to_activation(node: fx.Node) -> list[fx.Node]:
    """Readers of the layer, all sole ones: views, then what may be an activation."""
    path: list[fx.Node] = []
    reader = sole_user(node)
    while reader is not None:
        path.append(reader)
        if nodes.operator_name(reader) not in VIEWS:
            break
        reader = sole_user(reader)
    return path


def _write(found: Activation, *, columns: bool) -> Write:
    def write(writer: Writer, replaced: Sequence[fx.Node]) -> fx.Node:
        layer, *views = replaced if found.attribute == "none" else replaced[:-1]
        taken = dict(nodes.arguments(layer))
        weight = taken["weight"]
        if columns:
            weight = in_columns(writer.module, weight, writer.before)
        result = writer.call(
            torch.ops.mkldnn._linear_pointwise.default,
            *(taken["input"], weight, taken.get("bias")),
            *(found.attribute, list(found.scalars), found.algorithm),
        )
        for view in views:
            result = writer.call(view.target, result, *view.args[1:], **view.kwargs)
        return result

    return write
