"""Nodes that return what they take, and edges that only order what has no effect."""

from __future__ import annotations

from typing import Any

from ..bodies.bodies import MAIN, Body, rewired
from ..bodies.side_effects import READS, has_effect
from ..bodies.variables import PASSES
from ..ir.naming import flat, parsed
from .draft import Draft, data, redirect, takers

IDENTITIES = frozenset(
    [
        "CheckNumerics",
        "CheckNumericsV2",
        "DebugGradientIdentity",
        "Identity",
        "IdentityN",
        "PlaceholderWithDefault",
        "PreventGradient",
        "Snapshot",
        "StopGradient",
    ]
)
"""Return their inputs. A PlaceholderWithDefault that is no input has its default."""

FLOW = frozenset([*PASSES, "LoopCond"]) - {"Identity", "RefIdentity"}
"""TensorFlow 1's control flow: there, control edges say in which branch a node is."""

READING = frozenset(READS.split()) - {"Placeholder", "PlaceholderWithDefault"}


def drop_waits(draft: Draft, body: Body) -> None:
    """Remove control edges from nodes behind which nothing has an effect."""
    if any(node.op in FLOW for node in body.nodes.values()):
        return
    acting = _acting(draft, body)
    for name, node in body.nodes.items():
        kept = [e for e in node.input if e[0] != "^" or parsed(e)[0] in acting]
        body.nodes[name] = rewired(node, kept)


def _acting(draft: Draft, body: Body) -> set[str]:
    """Nodes that have an effect or read state, and all that come after them."""
    readers: dict[str, list[str]] = {}
    open_ = []
    for name, node in body.nodes.items():
        for each in node.input:
            readers.setdefault(parsed(each)[0], []).append(name)
        if node.op in READING or has_effect(node, draft.bodies):
            open_.append(name)
    found: set[str] = set()
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_.extend(readers.get(name, ()))
    return found


def drop_identities(draft: Draft, body: Body) -> None:
    """Have their takers take what they take."""
    fixed = set(body.arguments)
    if body.name == MAIN:
        ins = (each for signature in draft.signatures for each in signature.inputs)
        fixed |= {parsed(each.tensor)[0] for each in ins}
    taken = takers(body)
    tensors: dict[str, str] = {}
    for name, node in body.nodes.items():
        sources = data(node)
        if node.op not in IDENTITIES or name in fixed or len(sources) < len(node.input):
            continue
        readers = taken.get(name, ())
        if any(f"^{name}" in body.nodes[each].input for each in readers if each):
            continue
        if "" in readers and _kept(body, node, fixed):
            continue
        for k, source in enumerate(sources):
            tensors[flat(name, k)] = source
    gone = {parsed(each)[0] for each in tensors}
    for name in body.nodes:
        if name in gone:
            _absorb(draft, body, name, gone)
    redirect(body, tensors)
    body.nodes = {name: node for name, node in body.nodes.items() if name not in gone}


def _kept(body: Body, node: Any, fixed: set[str]) -> bool:
    """Whether an output would be an input or a constant without this node."""
    open_ = [node.name]
    for name in open_:
        each = body.nodes[name]
        if each.op == "Const" or name in fixed:
            return True
        if each.op in IDENTITIES and len(open_) < len(body.nodes):
            open_.extend(parsed(source)[0] for source in data(each))
    return False


def _absorb(draft: Draft, body: Body, name: str, gone: set[str]) -> None:
    """Have the node that an identity's value comes from absorb it."""
    source = name
    while source in gone:
        source = parsed(body.nodes[source].input[0])[0]
    draft.absorb(body, source, body.nodes[name])
