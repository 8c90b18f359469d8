"""Indices of embeddings, laid out together."""

from __future__ import annotations

import torch
from torch import fx

from ...ir import nodes
from ...ir.naming import name_op
from ...ir.prepared import Prepared


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
        place = select.args[2]
        select.meta["val"] = torch.ops.aten.select.int(value.meta["val"], 0, place)
