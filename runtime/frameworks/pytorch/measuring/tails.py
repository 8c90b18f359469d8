"""The floats by which outputs are compared."""

from __future__ import annotations

import torch
from torch import fx

from ...measuring import tails
from ..ir import nodes


def float_tails(graph: fx.Graph) -> tuple[fx.Node, ...]:
    """Float outputs, and in place of others the last float tensors that feed them.

    What a buffer is given for the next batch counts as an output.
    """
    state = [
        value
        for n in graph.nodes
        if nodes.writes_state(n)
        for value in n.all_input_nodes[1:]
    ]
    outputs = (*graph.output_node().all_input_nodes, *state)
    return tails.float_tails(outputs, _is_float, _behind)


def _is_float(node: fx.Node) -> bool:
    return nodes.is_tensor(node) and bool(node.meta["val"].is_floating_point())


def _behind(node: fx.Node) -> list[fx.Node]:
    tensors = (torch.Tensor, tuple, list)
    return [n for n in node.all_input_nodes if isinstance(n.meta.get("val"), tensors)]
