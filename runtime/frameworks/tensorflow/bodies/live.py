"""Nodes that nothing needs."""

from __future__ import annotations

from collections.abc import Iterable

from ..ir.frozen import Signature
from .bodies import Bodies, Body, parsed
from .effects import has_effect


def drop_dead(bodies: Bodies, signatures: Iterable[Signature]) -> None:
    """Remove what neither outputs nor effects need, in all bodies.

    The main graph's effects are its `controls`; its inputs stay.
    """
    for body in bodies.values():
        wanted = [each.tensor for each in body.returns]
        if body.name:
            effects = {
                key: name
                for key, name in body.controls.items()
                if name in body.nodes and has_effect(body.nodes[name], bodies)
            }
            body.controls = effects
            wanted += body.arguments
        else:
            for signature in signatures:
                wanted += [e.tensor for e in (*signature.inputs, *signature.outputs)]
        _keep(body, [*wanted, *body.controls.values()])


def _keep(body: Body, wanted: Iterable[str]) -> None:
    open_ = [parsed(each)[0] for each in wanted]
    found: set[str] = set()
    while open_:
        name = open_.pop()
        if name in body.nodes and name not in found:
            found.add(name)
            open_.extend(parsed(each)[0] for each in body.nodes[name].input)
    body.nodes = {name: node for name, node in body.nodes.items() if name in found}
