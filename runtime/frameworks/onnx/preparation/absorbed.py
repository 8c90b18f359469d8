"""A model's ops, as the ledger of absorbed names knows them.

By node: names and types change on the way.
"""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

from ...absorbed import Absorbed, Ledger, Original, Told
from ..ir.inline import Calls
from ..ir.naming import Site, name_all

Names = Ledger[ir.Node]


def ledger_of(model: ir.Model, calls: Calls) -> Names:
    """A ledger of the model as it is before any pass."""
    return Ledger(tuple(_originals(tuple(name_all(model, calls).ops))))


def told(ledger: Names, model: ir.Model, calls: Calls) -> Told:
    """Where all names went, once the passes are done."""
    return ledger.told({site.node: _name(site) for site in name_all(model, calls).ops})


def _originals(sites: tuple[Site, ...]) -> Iterator[Original[ir.Node]]:
    callers = {body.graph: site.node for site in sites for body in site.inside}
    for site in sites:
        made = (value.producer() for value in site.node.inputs if value is not None)
        sources = tuple(node for node in made if node is not None)
        caller = None if site.node.graph is None else callers.get(site.node.graph)
        yield Original(site.node, _name(site), sources, caller)


def _name(site: Site) -> Absorbed:
    return Absorbed(site.id, site.node.op_type, site.node.name or "", site.region)
