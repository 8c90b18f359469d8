"""Layouts that CPU kernels compute in; what is computed stays.

A contiguous convolution is reordered to blocks and back by oneDNN on every call. With
the weight in channels-last the output is too, and pointwise ops and pools keep it, so
one reordering at the graph's entrance remains. A table's kernel copies indices that lie
apart, and what multiplies few rows in fp32 reads a weight by its columns. Measured in
benchmarks/pytorch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from ..ir import nodes
from ..ir.naming import name_op
from ..ir.prepared import (
    Prepared,
    attribute,
    by_columns,
    constant,
    is_constant,
    replace_constant,
)
from ..ir.recurrent import recurrent
from ..ir.regions import regions

CONVOLUTIONS = frozenset({"conv2d", "convolution", "conv_transpose2d"})

Laid = dict[int, tuple[torch.Tensor, torch.Tensor]]
"""A weight's identity → it, kept alive so that no other gets its id, and its layout."""


def channels_last(prepared: Prepared) -> None:
    """Lay 4-dimensional convolution weights out in channels-last.

    `view` asks for strides that a channels-last tensor lacks, so it becomes `reshape`,
    which copies where it must; the op keeps its id.

    Not where a branch or a loop gives tensors of more than two dimensions: torch wants
    all branches to return, and all iterations to take, the same strides.
    """
    modules = [region.module for region in regions(prepared.module, prepared.ids)]
    every = [(module, node) for module in modules for node in module.graph.nodes]
    laid: Laid = {}
    if any(_gives_layout(node) for _module, node in every):
        return
    for module, node in every:
        if nodes.is_op(node) and nodes.operator_name(node) in CONVOLUTIONS:
            _lay(module, node, laid)
    for _module, node in every:
        if laid and node.target in (
            torch.ops.aten.view.default,
            torch.ops.aten._unsafe_view.default,
        ):
            node.target = torch.ops.aten.reshape.default
    for module in modules:
        module.recompile()


def lay_recurrent_weights(prepared: Prepared) -> None:
    """Lay the weights of GRUs and plain recurrent layers out by columns, on a CPU.

    Each step is a product of a few rows, which MKL computes 1.1 to 1.7 times as fast so.
    What goes to 16 bits is laid out by rows again (`ir/values/weights.py`). An LSTM's
    kernel is oneDNN's, which is faster with rows.
    """
    for node in prepared.module.graph.nodes:
        stack = recurrent(node)
        if stack is None or stack.target is torch.ops.aten.lstm.input:
            continue
        for weight in stack.weights:
            if is_constant(weight) and len(weight.users) == 1:
                value = constant(prepared.module, weight)
                if value.dim() == 2 and value.device.type == "cpu":
                    replace_constant(prepared.module, weight, by_columns(value))


def join_indices(prepared: Prepared) -> None:
    """Lay indices of several tables, columns of one tensor, out together, in one copy.

    Each table's kernel would copy its own, which takes as long as the look-up.
    """
    selects: dict[tuple[fx.Node, int], list[fx.Node]] = {}
    for node in prepared.module.graph.nodes:
        axis = _axis_of_indices(node)
        if axis:
            selects.setdefault((node.args[0], axis), []).append(node)
    for (source, axis), taken in selects.items():
        if len(taken) > 1:
            _lay_together(prepared, source, axis, taken)


def _axis_of_indices(node: fx.Node) -> int:
    """The axis along which the node selects indices that tables alone read, else 0."""
    if node.target is not torch.ops.aten.select.int or node.kwargs:
        return 0
    source, axis, _place = node.args
    tables = [user for user in node.users if nodes.is_op(user)]
    looked_up = all(
        user.target is torch.ops.aten.embedding.default and user.args[1] is node
        for user in node.users
    )
    if not (tables and looked_up and isinstance(source, fx.Node)):
        return 0
    assert isinstance(axis, int)
    return int(axis % source.meta["val"].dim())


def _lay_together(
    prepared: Prepared, source: fx.Node, axis: int, selects: list[fx.Node]
) -> None:
    value = source
    for target, args in (
        (torch.ops.aten.movedim.int, (axis, 0)),
        (torch.ops.aten.contiguous.default, ()),
    ):
        with prepared.module.graph.inserting_before(selects[0]):
            node = prepared.module.graph.call_function(target, (value, *args))
        node.meta = {
            **selects[0].meta,
            "val": target(value.meta["val"], *args),
            "part": True,
        }
        name_op(prepared, node)
        value = node
    for select in selects:
        select.args = (value, 0, select.args[2])
        select.meta["val"] = select.target(*_values(select.args))


def _values(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(a.meta["val"] if isinstance(a, fx.Node) else a for a in args)


def _gives_layout(node: fx.Node) -> bool:
    if not nodes.is_control_flow(node):
        return False
    return any(result.meta["val"].dim() > 2 for result in nodes.made(node))


def _lay(module: fx.GraphModule, node: fx.Node, laid: Laid) -> None:
    """Lay one weight out; what regions share, they share in the new layout too."""
    weight = dict(nodes.arguments(node))["weight"]
    if not is_constant(weight) or weight.meta["val"].dim() != 4:
        return
    old = attribute(module, weight)
    if id(old) not in laid:
        new = old.detach().contiguous(memory_format=torch.channels_last)
        laid[id(old)] = laid[id(new)] = old, new
    replace_constant(module, weight, laid[id(old)][1])
