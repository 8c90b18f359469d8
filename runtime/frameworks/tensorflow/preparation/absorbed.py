"""A frozen model's nodes, as the ledgers of absorbed names know them: one a body.

What stands in a body that is gone, with the node that ran it, is known as users know
it: `node/true/name`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...absorbed import Absorbed, Ledger, Original, Told
from ..bodies.bodies import ARGUMENT, MAIN, Body
from ..bodies.editing import data, ordered
from ..ir.frozen import Frozen, Signature
from ..ir.naming import parsed
from ..ir.regions import body_attributes, function_of
from ..ir.traversal import reachable

Names = Ledger[str]


def ledgers_of(bodies: Mapping[str, Body], frozen: Frozen) -> dict[str, Names]:
    """Body → a ledger of it before any pass; what nodes had absorbed goes along."""
    return {
        name: Ledger(tuple(_originals(body, bodies, frozen)))
        for name, body in bodies.items()
    }


def told(
    ledger: Names,
    body: Body,
    every: Sequence[Signature],
    signatures: Sequence[Signature],
) -> Told:
    """Where the names of all nodes of one body went, once the passes are done.

    Nodes that only signatures need which are not converted hold nothing.

    Args:
        every: All signatures.
        signatures: Those that are converted.
    """
    kept = {node.name: _name(node) for node in _ops(body, every)}
    shown = set(kept)
    if body.name == MAIN:
        tensors = [each.tensor for one in signatures for each in one.outputs]
        shown &= reachable(list(body.nodes.values()), tensors)
    callers = {op.key: op.caller for op in ledger.originals}

    def stays(key: str | None) -> bool:
        """Whether a node is in a body that has a ledger of its own."""
        while key is not None and key not in kept:
            key = callers[key]
        return key is not None

    gone = [op for op in ledger.originals if not stays(op.caller)]
    found = Ledger(gone, ledger.places).told(kept)
    aside = [
        each
        for name, own in kept.items()
        if name not in shown
        for each in (*found.absorbed.get(name, ()), own)
    ]
    return replace(found, dropped=(*found.dropped, *aside))


def _originals(
    body: Body, bodies: Mapping[str, Body], frozen: Frozen
) -> Iterator[Original[str]]:
    for node in _ops(body, frozen.signatures):
        for attribute, index, called in body_attributes(node):
            function = bodies.get(function_of(node, attribute, index).name)
            if function is not None:
                for op in _originals(function, bodies, frozen):
                    yield _inside(op, node.name, called)
        sources = tuple(parsed(each)[0] for each in data(node))
        place = f"{body.name}/{node.name}" if body.name else node.name
        for name in (*frozen.absorbed.get(place, ()), _name(node)):
            yield Original(node.name, name, sources)


def _inside(op: Original[str], caller: str, called: str) -> Original[str]:
    """A body's node as the graph around knows it."""
    region = f"{caller}/{called}"
    name = replace(
        op.name,
        id=f"{region}/{op.name.id}",
        region=f"{region}/{op.name.region}" if op.name.region else region,
    )
    return Original(
        f"{region}/{op.key}",
        name,
        tuple(f"{region}/{source}" for source in op.sources),
        caller if op.caller is None else f"{region}/{op.caller}",
    )


def _ops(body: Body, signatures: Iterable[Signature]) -> list[Any]:
    """The nodes in the order they run, without constants and what the body is given."""
    given = set(body.arguments)
    if body.name == MAIN:
        ends = (each for signature in signatures for each in signature.inputs)
        given |= {parsed(each.tensor)[0] for each in ends}
    nodes = {node.name: node for node in ordered(body.nodes)} | body.nodes
    return [
        node
        for node in nodes.values()
        if node.op not in ("Const", ARGUMENT) and node.name not in given
    ]


def _name(node: Any) -> Absorbed:
    return Absorbed(node.name, node.op, node.name.rpartition("/")[0])
