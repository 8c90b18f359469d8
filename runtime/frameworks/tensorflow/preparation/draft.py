"""A frozen model while it is prepared: its bodies, and what is part of what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..bodies.bodies import MAIN, Bodies, Body, Return, joined, split
from ..bodies.editing import cloned
from ..ir.frozen import Frozen, Signature
from ..ir.naming import flat, parsed
from .absorbed import Names, ledgers_of, told


@dataclass
class Draft:
    """Attributes:
    bodies: The main graph, whose returns are the signatures' outputs, and functions.
    signatures: As they were frozen.
    originals: The bodies as they were frozen, for who needs a second one of a kind.
    ledgers: Body → what the passes said of its nodes.
    """

    bodies: Bodies
    signatures: tuple[Signature, ...]
    originals: Mapping[str, Body]
    ledgers: dict[str, Names]

    def absorb(self, body: Body, into: str, part: str) -> None:
        """Note that a node is part of another now."""
        self.ledgers[body.name].absorb(into, part)

    def clone(self, name: str, new: str) -> None:
        """Add a function as it was frozen, under another name."""
        body = cloned(self.originals[name])
        body.name = body.frame.signature.name = new
        self.bodies[new] = body
        self.ledgers[new] = Names(self.ledgers[name].originals)


def drafted(frozen: Frozen) -> Draft:
    """A draft of a frozen model, which stays as it is."""
    bodies = split(frozen.graph_def)
    main = bodies[MAIN]
    for signature in frozen.signatures:
        for each in signature.outputs:
            main.returns.append(Return(each.name, flat(*parsed(each.tensor)), 0))
    main.controls = {name: name for name in frozen.initial}
    originals = {name: cloned(body) for name, body in bodies.items()}
    return Draft(bodies, frozen.signatures, originals, ledgers_of(bodies, frozen))


def finished(draft: Draft, frozen: Frozen) -> Frozen:
    """The frozen model that a draft has become."""
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
    converted = [each for each in signatures if each.key not in frozen.aside]
    names = {
        name: told(draft.ledgers[name], body, signatures, converted)
        for name, body in draft.bodies.items()
    }
    return replace(
        frozen,
        graph_def=joined(draft.bodies, frozen.graph_def.versions),
        signatures=signatures,
        absorbed={
            f"{body}/{node}" if body else node: parts
            for body, each in names.items()
            for node, parts in each.absorbed.items()
        },
        dropped={body: each.dropped for body, each in names.items() if each.dropped},
    )
