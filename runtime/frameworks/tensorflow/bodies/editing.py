"""Reading and changing one body: its copy, what takes a node, and in which order."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..ir.naming import parsed
from .bodies import Body, rewired


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


def put(body: Body, taken: dict[str, list[str]], node: Any) -> None:
    """Put a node in its place, and what it takes among `takers`."""
    drop(body, taken, node.name)
    body.nodes[node.name] = node
    for each in node.input:
        taken.setdefault(parsed(each)[0], []).append(node.name)


def drop(body: Body, taken: dict[str, list[str]], name: str) -> None:
    """Let a node take nothing, of `takers`; it stays in the body."""
    node = body.nodes.get(name)
    for each in () if node is None else node.input:
        taken[parsed(each)[0]].remove(name)


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
