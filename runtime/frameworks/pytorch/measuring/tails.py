"""The last float tensors before the outputs: what an error is measured on.

An ArgMax or a comparison turns floats into something that moves in jumps or not at
all; how near they are to a jump shows only in the floats that feed it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import fx

from ..ir import nodes


def float_tails(graph: fx.Graph) -> tuple[fx.Node, ...]:
    """Float outputs themselves, and the nearest float tensors behind all others.

    What a buffer is given for the next batch counts as an output.
    """
    found: dict[fx.Node, None] = {}
    state = [
        value
        for n in graph.nodes
        if nodes.writes_state(n)
        for value in n.all_input_nodes[1:]
    ]
    for output in (*graph.output_node().all_input_nodes, *state):
        found.update(dict.fromkeys(_nearest(output, set())))
    return tuple(found)


def _nearest(node: fx.Node, seen: set[fx.Node]) -> Iterator[fx.Node]:
    if node in seen:
        return
    seen.add(node)
    if nodes.is_tensor(node) and node.meta["val"].is_floating_point():
        yield node
        return
    for source in node.all_input_nodes:
        if isinstance(source.meta.get("val"), (torch.Tensor, tuple, list)):
            yield from _nearest(source, seen)
