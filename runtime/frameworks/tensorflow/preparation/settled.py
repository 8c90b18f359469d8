"""Branches of TensorFlow 1's cond that are settled: a learning phase that is constant."""

from __future__ import annotations

from typing import Any

from ..bodies.bodies import Body, rewired
from ..ir.naming import flat, parsed
from ..ir.weights import constant, value_of
from .draft import Draft, data, ordered, redirect

LOOPED = frozenset(["Enter", "RefEnter"])


def settle_switches(draft: Draft, body: Body) -> None:
    """Keep what Switches with a constant condition hand on, drop what they don't."""
    if any(node.op in LOOPED for node in body.nodes.values()):
        return
    settled = {
        name: chosen
        for name, node in body.nodes.items()
        if node.op == "Switch" and (chosen := _chosen(body, node)) is not None
    }
    if not settled:
        return
    dead = {flat(name, 1 - chosen) for name, chosen in settled.items()}
    tensors: dict[str, str] = {}
    for node in list(ordered(body.nodes)):
        lost = [each for each in node.input if _dead(each, dead)]
        if node.op == "Merge" and lost and len(lost) < len(data(node)):
            live = [each for each in data(node) if each not in lost]
            if len(live) == 1:
                index = constant(f"{node.name}/index", data(node).index(live[0]))
                body.nodes[index.name] = index
                tensors[node.name] = live[0]
                tensors[flat(node.name, 1)] = index.name
        elif lost and (node.op != "Merge" or len(lost) == len(data(node))):
            dead.add(f"^{node.name}")
    for name, chosen in settled.items():
        tensors[flat(name, chosen)] = body.nodes[name].input[0]
    gone = {parsed(each)[0] for each in dead if each.startswith("^")}
    gone |= {parsed(each)[0] for each in tensors}
    _wait_no_more(body, gone)
    for name in gone & {parsed(each)[0] for each in tensors}:
        source = body.nodes[name].input[0]
        draft.absorb(body, parsed(tensors.get(name, source))[0], body.nodes[name])
    redirect(body, tensors)
    body.nodes = {name: node for name, node in body.nodes.items() if name not in gone}


def _dead(tensor: str, dead: set[str]) -> bool:
    return tensor in dead or f"^{parsed(tensor)[0]}" in dead


def _chosen(body: Body, switch: Any) -> int | None:
    """The output that a Switch always takes, None if it depends."""
    name = parsed(switch.input[1])[0]
    for _ in body.nodes:
        node = body.nodes.get(name)
        if node is None or node.op not in ("Identity", "PlaceholderWithDefault"):
            break
        name = parsed(node.input[0])[0]
    node = body.nodes.get(name)
    if node is None or node.op != "Const":
        return None
    return int(bool(value_of(node)))


def _wait_no_more(body: Body, gone: set[str]) -> None:
    """Drop control edges from nodes that go."""
    for name, node in body.nodes.items():
        kept = [e for e in node.input if not (e[0] == "^" and parsed(e)[0] in gone)]
        body.nodes[name] = rewired(node, kept)
