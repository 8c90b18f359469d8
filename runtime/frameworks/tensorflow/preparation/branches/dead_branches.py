"""Branches of TensorFlow 1's cond that are settled: a learning phase that is constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...bodies.bodies import Body, rewired
from ...bodies.editing import data, ordered, redirect
from ...ir.naming import flat, parsed
from ...ir.weights import constant, value_of
from ..draft import Draft

LOOPED = frozenset(["Enter", "RefEnter"])


def settle_switches(draft: Draft, body: Body) -> None:
    """Keep what Switches with a constant condition hand on, drop what they don't."""
    settled = _settled(body)
    if not settled:
        return
    dead = {flat(name, 1 - chosen) for name, chosen in settled.items()}
    merged = _follow(body, dead)
    tensors = _with_indices(body, merged)
    for name, chosen in settled.items():
        tensors[flat(name, chosen)] = body.nodes[name].input[0]
    for name, tensor in merged.items():
        draft.absorb(body, parsed(tensor)[0], name)
    gone = {parsed(each)[0] for each in dead if each.startswith("^")}
    gone |= {parsed(each)[0] for each in tensors}
    _wait_no_more(body, gone)
    redirect(body, tensors)
    body.nodes = {name: node for name, node in body.nodes.items() if name not in gone}


def _settled(body: Body) -> dict[str, int]:
    """Switch → the output that it always takes; none where there are loops."""
    if any(node.op in LOOPED for node in body.nodes.values()):
        return {}
    switches = [name for name, node in body.nodes.items() if node.op == "Switch"]
    chosen = {name: _chosen(body, body.nodes[name]) for name in switches}
    return {name: output for name, output in chosen.items() if output is not None}


def _follow(body: Body, dead: set[str]) -> dict[str, str]:
    """Add what takes something dead to `dead`, as `^node`.

    Returns:
        Merge → the tensor that it hands on, where but one is left.
    """
    merged = {}
    for node in ordered(body.nodes):
        lost = [each for each in node.input if _dead(each, dead)]
        if node.op != "Merge" or len(lost) == len(data(node)):
            if lost:
                dead.add(f"^{node.name}")
            continue
        live = [each for each in data(node) if each not in lost]
        if lost and len(live) == 1:
            merged[node.name] = live[0]
    return merged


def _with_indices(body: Body, merged: Mapping[str, str]) -> dict[str, str]:
    """What a Merge's outputs are: the one tensor left, and its number, a new constant."""
    tensors = dict(merged)
    for name, tensor in merged.items():
        index = constant(f"{name}/index", data(body.nodes[name]).index(tensor))
        body.nodes[index.name] = index
        tensors[flat(name, 1)] = index.name
    return tensors


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
