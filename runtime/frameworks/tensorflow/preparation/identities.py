"""Nodes that return what they take, and edges that only order what has no effect."""

from __future__ import annotations

from typing import Any

from ...listing import listed
from ..bodies.bodies import MAIN, Body, rewired
from ..bodies.editing import data, redirect, takers
from ..bodies.side_effects import READS, has_effect
from ..bodies.variables import PASSES
from ..ir.naming import flat, parsed
from ..ir.weights import value_of
from .draft import Draft

IDENTITIES = listed(
    """
    CheckNumerics CheckNumericsV2 DebugGradientIdentity Identity IdentityN
    PlaceholderWithDefault PreventGradient Snapshot StopGradient
    """
)
"""Return their inputs. A PlaceholderWithDefault that is no input has its default."""

FLOW = frozenset([*PASSES, "LoopCond"]) - {"Identity", "RefIdentity"}
"""TensorFlow 1's control flow: there, control edges say in which branch a node is."""

NEUTRAL: dict[str, tuple[float, tuple[int, ...]]] = {
    "Add": (0.0, (0, 1)),
    "AddV2": (0.0, (0, 1)),
    "Mul": (1.0, (0, 1)),
    "RealDiv": (1.0, (1,)),
    "Sub": (0.0, (1,)),
}
"""Op → the scalar that changes nothing, and the inputs that it may be."""

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
    tensors = {
        flat(name, k): source
        for name, node in body.nodes.items()
        if node.op in IDENTITIES
        and name not in fixed
        and _only_gives(body, node, taken)
        if "" not in taken.get(name, ()) or not _kept(body, node, fixed)
        for k, source in enumerate(data(node))
    }
    _drop(body, tensors)


def drop_neutral(body: Body) -> None:
    """Have takers of arithmetic that changes nothing take what it leaves as it is.

    TensorFlow leaves it out when it loads a graph, so it must not be pictured or timed.
    """
    taken = takers(body)
    tensors = {
        name: kept
        for name, node in body.nodes.items()
        if (kept := _unchanged(body, node)) is not None
        and "" not in taken.get(name, ())
        and _only_gives(body, node, taken)
    }
    _drop(body, tensors)


def _drop(body: Body, tensors: dict[str, str]) -> None:
    """Remove the nodes of tensors that are the same as others."""
    gone = {parsed(each)[0] for each in tensors}
    redirect(body, tensors)
    body.nodes = {name: node for name, node in body.nodes.items() if name not in gone}


def _only_gives(body: Body, node: Any, taken: dict[str, list[str]]) -> bool:
    """Whether a node waits for nothing, and nothing waits for it."""
    readers = filter(None, taken.get(node.name, ()))
    waited_for = any(f"^{node.name}" in body.nodes[each].input for each in readers)
    return len(data(node)) == len(node.input) and not waited_for


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


def _unchanged(body: Body, node: Any) -> str | None:
    """The tensor that a node returns as it takes it."""
    if node.op not in NEUTRAL:
        return None
    scalar, places = NEUTRAL[node.op]
    sources = data(node)
    for place in places:
        made = body.nodes.get(parsed(sources[place])[0])
        if made is None or made.op != "Const":
            continue
        value = value_of(made)
        if not value.shape and value == scalar:
            return str(sources[1 - place])
    return None
