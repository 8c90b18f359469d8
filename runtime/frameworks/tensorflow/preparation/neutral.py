"""Arithmetic that changes nothing: times one, plus zero.

TensorFlow leaves it out when it loads a graph, so that it must not be pictured or timed.
"""

from __future__ import annotations

from typing import Any

from ..bodies.bodies import Body
from ..ir.naming import parsed
from ..ir.weights import value_of
from .draft import Draft, data, redirect, takers

NEUTRAL: dict[str, tuple[float, tuple[int, ...]]] = {
    "Add": (0.0, (0, 1)),
    "AddV2": (0.0, (0, 1)),
    "Mul": (1.0, (0, 1)),
    "RealDiv": (1.0, (1,)),
    "Sub": (0.0, (1,)),
}
"""Op → the scalar that changes nothing, and the inputs that it may be."""


def drop_neutral(draft: Draft, body: Body) -> None:
    """Have takers of such a node take what it leaves as it is."""
    taken = takers(body)
    gone: dict[str, str] = {}
    for name, node in body.nodes.items():
        readers = taken.get(name, ())
        kept = _unchanged(body, node)
        if kept is None or "" in readers or len(data(node)) < len(node.input):
            continue
        if any(f"^{name}" in body.nodes[each].input for each in readers):
            continue
        while kept in gone:
            kept = gone[kept]
        gone[name] = kept
        draft.absorb(body, parsed(kept)[0], node)
    redirect(body, gone)
    body.nodes = {name: node for name, node in body.nodes.items() if name not in gone}


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
