"""The precisions at a program's borders, and between its nodes, by a placement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import fx
from torch.fx.graph import _PyTreeCodeGen
from torch.utils._pytree import tree_leaves, tree_unflatten

from ....graph.graph import Graph, Placement, Precision
from ....graph.graph import held as held_precisions
from ..ir.prepared import Prepared


def borders(
    graph: Graph,
    prepared: Prepared,
    names: Mapping[fx.Node, str],
    placement: Placement,
) -> tuple[dict[str, Precision], dict[int, Precision]]:
    """Node name → what its fp32 value is made in; place of an output → what it is in.

    Args:
        names: Node → tensor of the graph.
    """
    made = held_precisions(graph, placement)
    held = {node.name: made[name] for node, name in names.items() if name in made}
    leaves = tree_leaves(prepared.module.graph.output_node().args)
    returned = {
        place: graph.returned[names[leaf]]
        for place, leaf in enumerate(leaves)
        if isinstance(leaf, fx.Node) and names.get(leaf) in graph.returned
    }
    return held, returned


def own_outputs(prepared: Prepared, names: Mapping[fx.Node, str]) -> dict[str, str]:
    """Key → tensor, of a model that returns a dict; {} for others."""
    graph = prepared.module.graph
    if not isinstance(graph._codegen, _PyTreeCodeGen):
        return {}
    form: Any = graph._codegen.pytree_info.out_spec
    leaves = tree_leaves(graph.output_node().args)
    if form is None or form.num_leaves != len(leaves):
        return {}
    made = tree_unflatten(leaves, form)
    if not isinstance(made, Mapping):
        return {}
    return {
        str(key): names[each]
        for key, each in made.items()
        if isinstance(each, fx.Node) and each in names
    }
