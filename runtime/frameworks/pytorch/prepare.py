"""Passes over the captured graph that change its form and not what it computes."""

from __future__ import annotations

from collections.abc import Callable

from torch import fx

from . import nodes
from .constants import fold_constants
from .norms import fold_batch_norms
from .prepared import Prepared

IDENTITIES = frozenset(
    [
        "_assert_tensor_metadata",
        "alias",
        "alpha_dropout",
        "detach",
        "dropout",
        "feature_dropout",
        "lift_fresh_copy",
    ]
)


Pass = Callable[[Prepared], None]


def prepare(module: fx.GraphModule) -> Prepared:
    """Name the ops, then drop identities, fold constants and batch norms."""
    prepared = Prepared(module, _ids(module))
    passes: tuple[Pass, ...] = (drop_identities, fold_constants, fold_batch_norms)
    for each in passes:
        each(prepared)
        _tidy(module)
    return prepared


def drop_identities(prepared: Prepared) -> None:
    """Remove ops that return their input when the model is not training."""
    for node in list(prepared.module.graph.nodes):
        if not nodes.is_op(node) or nodes.operator_name(node) not in IDENTITIES:
            continue
        if dict(nodes.arguments(node)).get("train"):
            continue
        if nodes.made(node):
            node.replace_all_uses_with(node.args[0])
        prepared.module.graph.erase_node(node)


def _ids(module: fx.GraphModule) -> dict[str, str]:
    """`module.path:aten_op:k`, k counting equal ops within one module path."""
    seen: dict[tuple[str, str], int] = {}
    ids = {}
    for node in module.graph.nodes:
        if nodes.is_op(node):
            place = (nodes.module_path(node), nodes.operator_name(node))
            k = seen.get(place, 0)
            seen[place] = k + 1
            ids[node.name] = f"{place[0]}:{place[1]}:{k}"
    return ids


def _tidy(module: fx.GraphModule) -> None:
    module.graph.eliminate_dead_code()
    module.recompile()
