"""Regions that switch autocast off hold plain fp32 ops: they join the graph."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx


def inline_switched_off(module: fx.GraphModule) -> None:
    """Put the ops of `with autocast(enabled=False)` where the region is called.

    A region that switches autocast on computes in 16 bits as its author wrote it, and
    stays one op.
    """
    graph = module.graph
    target = torch.ops.higher_order.wrap_with_autocast
    for node in graph.find_nodes(op="call_function", target=target):
        _device, _dtype, enabled, _cache, name, *operands = node.args
        assert isinstance(name, fx.Node)
        body = module.get_submodule(str(name.target))
        assert isinstance(body, fx.GraphModule)
        if enabled or body.graph.find_nodes(op="get_attr"):
            continue
        values = dict(
            zip(body.graph.find_nodes(op="placeholder"), operands, strict=True)
        )
        with graph.inserting_before(node):
            made: Any = graph.graph_copy(body.graph, values)
        for user in list(node.users):
            assert user.target is operator.getitem
            user.replace_all_uses_with(made[user.args[1]])
            graph.erase_node(user)
        graph.erase_node(node)
        graph.erase_node(name)
    module.recompile()
