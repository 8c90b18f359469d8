"""The captured program's ops, as the ledger of absorbed names knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import fx, nn

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


def untraced(model: nn.Module) -> Iterator[Absorbed]:
    """Modules of which torch.export leaves nothing: they return what they are given."""
    for path, part in model.named_modules():
        if isinstance(part, nn.Identity):
            yield Absorbed(f"{path}:identity:0", "identity", path)


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
