"""The captured program's ops, as the ledger of absorbed names knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import fx, nn

from ....graph.graph import Graph
from ...absorbed import Absorbed, Ledger, Original, Told
from ..ir import nodes
from ..ir.naming import op_ids
from ..ir.prepared import Prepared
from ..ir.regions import Region, copied, own_bodies, regions


def named(module: fx.GraphModule) -> Prepared:
    """The captured graph with names for its ops; passes then change `module`."""
    own_bodies(module)
    ids = op_ids(module)
    return Prepared(module, copied(module), ids, Ledger(tuple(_originals(module, ids))))


def told(prepared: Prepared) -> Told:
    """Where the names of all ops went, once the passes are done."""
    return prepared.ledger.told(
        {
            node.name: _name(region, prepared.ids[node.name])
            for region in regions(prepared.module, prepared.ids)
            for node in filter(nodes.is_op, region.module.graph.nodes)
        }
    )


def untraced(model: nn.Module, graph: Graph) -> Iterator[Absorbed]:
    """Modules of which torch.export leaves nothing: no op is in them.

    They return what they are given, or are not called. Where there are bodies, whose ops
    may have lost their module's path, only `nn.Identity` is known to be one.
    """
    ops = (*graph.ops, *graph.dropped)
    scopes = {scope for op in ops for scope in (op.scope, *op.absorbed_scopes)}
    inside = {scope[:end] for scope in scopes for end in _ends(scope)}
    parts = list(model.named_modules(remove_duplicate=False))
    used = {id(part) for path, part in parts if path in inside}
    bodies = any(op.region for op in ops)
    for path, part in parts:
        empty = path and id(part) not in used and not bodies
        if empty or isinstance(part, nn.Identity):
            type_ = type(part).__name__.lower()
            yield Absorbed(f"{path}:{type_}:0", type_, path)


def _ends(scope: str) -> Iterator[int]:
    """Where a module's path, and those of the modules around it, end."""
    yield from (k for k, letter in enumerate(scope) if letter == ".")
    yield len(scope)


def _originals(
    module: fx.GraphModule, ids: Mapping[str, str]
) -> Iterator[Original[str]]:
    for region in regions(module, ids):
        caller = None if region.caller is None else region.caller.name
        for node in filter(nodes.is_op, region.module.graph.nodes):
            name = _name(region, ids[node.name])
            yield Original(node.name, name, tuple(_sources(node)), caller)


def _sources(node: fx.Node) -> Iterator[str]:
    """Names of the ops that made the node's inputs."""
    for source in node.all_input_nodes:
        while nodes.is_getitem(source):
            (source,) = source.all_input_nodes
        if nodes.is_op(source):
            yield source.name


def _name(region: Region, id_: str) -> Absorbed:
    path, type_, _k = region.local(id_).rsplit(":", 2)
    return Absorbed(id_, type_, path, region.id)
