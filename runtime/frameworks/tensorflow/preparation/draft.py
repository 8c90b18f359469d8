"""A frozen model while it is prepared: its bodies, and what is folded into what."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ..bodies.bodies import MAIN, Bodies, Body, Return, joined, rewired, split
from ..ir.frozen import Absorbed, Frozen, Signature
from ..ir.naming import flat, parsed

Place = tuple[str, str]
"""Body and node."""


@dataclass
class Draft:
    """Attributes:
    bodies: The main graph, whose returns are the signatures' outputs, and functions.
    signatures: As they were frozen.
    absorbed: (body, node) → what is folded into it; of constants too, until `finished`
        hands it to the nodes that take them.
    originals: The bodies as they were frozen, for who needs a second one of a kind.
    frozen: `absorbed` as it was frozen.
    """

    bodies: Bodies
    signatures: tuple[Signature, ...]
    absorbed: dict[Place, list[Absorbed]] = field(default_factory=dict)
    originals: Bodies = field(default_factory=dict)
    frozen: dict[Place, tuple[Absorbed, ...]] = field(default_factory=dict)

    def absorb(self, body: Body, node: str, other: Any, also: bool = True) -> None:
        """Note that a node was folded into another, with all that it had absorbed.

        Args:
            also: Whether the node itself counts, not only what it had absorbed.
        """
        found = self.absorbed.setdefault((body.name, node), [])
        more = [Absorbed(other.name, other.op)] if also and other.op != "Const" else []
        for each in (*self.absorbed.get((body.name, other.name), ()), *more):
            if each not in found:
                found.append(each)


def drafted(frozen: Frozen) -> Draft:
    """A draft of a frozen model, which stays as it is."""
    bodies = split(frozen.graph_def)
    main = bodies[MAIN]
    for signature in frozen.signatures:
        for each in signature.outputs:
            main.returns.append(Return(each.name, flat(*parsed(each.tensor)), 0))
    main.controls = {name: name for name in frozen.initial}
    draft = Draft(bodies, frozen.signatures)
    draft.originals = {name: cloned(body) for name, body in bodies.items()}
    for name, found in frozen.absorbed.items():
        function, _, node = name.partition("/")
        place = (function, node) if function in bodies else (MAIN, name)
        draft.absorbed[place] = list(found)
        draft.frozen[place] = tuple(found)
    return draft


def cloned(body: Body) -> Body:
    """A body to change in another's place."""
    frame = copy.deepcopy(body.frame)
    returns = [replace(each) for each in body.returns]
    return replace(
        body,
        nodes=dict(body.nodes),
        arguments=list(body.arguments),
        returns=returns,
        controls=dict(body.controls),
        frame=frame,
        argument_attributes=dict(body.argument_attributes),
    )


def finished(draft: Draft, frozen: Frozen) -> Frozen:
    """The frozen model that a draft has become."""
    _to_takers(draft)
    tensors = iter(draft.bodies[MAIN].returns)
    signatures = tuple(
        replace(
            signature,
            outputs=tuple(
                replace(each, tensor=next(tensors).tensor) for each in signature.outputs
            ),
        ).indexed()
        for signature in draft.signatures
    )
    absorbed = {
        f"{body}/{node}" if body else node: tuple(found)
        for (body, node), found in draft.absorbed.items()
        if found and body in draft.bodies and node in draft.bodies[body].nodes
    }
    return replace(
        frozen,
        graph_def=joined(draft.bodies, frozen.graph_def.versions),
        signatures=signatures,
        absorbed=absorbed,
    )


def redirect(body: Body, tensors: dict[str, str]) -> None:
    """Have everything that takes these tensors take others."""
    if not tensors:
        return

    def final(ref: str) -> str:
        while ref in tensors:
            ref = tensors[ref]
        return ref

    for name, node in body.nodes.items():
        if any(each in tensors for each in node.input):
            body.nodes[name] = rewired(node, [final(each) for each in node.input])
    for each in body.returns:
        each.tensor = final(each.tensor)


def takers(body: Body) -> dict[str, list[str]]:
    """Node → nodes that take its outputs or wait for it, each as often as it does.

    What a body returns counts as taken by "".
    """
    found: dict[str, list[str]] = {}
    for node in body.nodes.values():
        for each in node.input:
            found.setdefault(parsed(each)[0], []).append(node.name)
    for each in (*(r.tensor for r in body.returns), *body.controls.values()):
        found.setdefault(parsed(each)[0], []).append("")
    return found


def data(node: Any) -> list[str]:
    """A node's inputs without control edges."""
    return [each for each in node.input if not each.startswith("^")]


def ordered(nodes: dict[str, Any]) -> Iterable[Any]:
    """Nodes after what they take; a loop's nodes are left out."""
    waiting = {
        name: len({parsed(each)[0] for each in node.input} & nodes.keys())
        for name, node in nodes.items()
    }
    readers: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for source in {parsed(each)[0] for each in node.input}:
            readers.setdefault(source, []).append(name)
    ready = [name for name, count in waiting.items() if not count]
    for name in ready:
        yield nodes[name]
        for reader in readers.get(name, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                ready.append(reader)


def _to_takers(draft: Draft) -> None:
    """Hand what constants absorbed to the nodes that take them."""
    for body in draft.bodies.values():
        for node in body.nodes.values():
            for each in data(node):
                source = body.nodes.get(parsed(each)[0])
                if source is not None and source.op == "Const":
                    draft.absorb(body, node.name, source, also=False)
        for node in body.nodes.values():
            if node.op == "Const":
                draft.absorbed.pop((body.name, node.name), None)
