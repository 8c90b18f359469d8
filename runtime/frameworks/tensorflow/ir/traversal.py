"""The order in which nodes run, and which of them some tensors need.

No recursion: real graphs are deeper than Python's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

from ....common.errors import ModelError
from .naming import parsed


def reachable(nodes: Iterable[Any], wanted: Iterable[str]) -> set[str]:
    """Names of the nodes that the wanted references need, themselves included."""
    by_name = {node.name: node for node in nodes}
    waiting = [parsed(reference)[0] for reference in wanted]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found or name not in by_name:
            continue
        found.add(name)
        waiting.extend(before(by_name[name]))
    return found


def before(node: Any) -> list[str]:
    """Names of the nodes that a node reads or waits for."""
    return [parsed(reference)[0] for reference in node.input]


def sorted_nodes(nodes: Sequence[Any]) -> list[Any]:
    """Topologically sorted; of those that are ready, the earlier one first.

    Raises:
        ModelError: There is a cycle, or a node reads one that does not exist.
    """
    place = {node.name: k for k, node in enumerate(nodes)}
    readers: dict[int, list[int]] = {}
    missing = [0] * len(nodes)
    for k, node in enumerate(nodes):
        needed = set(before(node))
        unknown = sorted(name for name in needed if name not in place)
        if unknown:
            raise ModelError(f"node {node.name} reads {unknown[0]}, which isn't there")
        missing[k] = len(needed)
        for name in needed:
            readers.setdefault(place[name], []).append(k)
    ready = [k for k, count in enumerate(missing) if count == 0]
    found = []
    while ready:
        k = heappop(ready)
        found.append(nodes[k])
        for reader in readers.get(k, ()):
            missing[reader] -= 1
            if missing[reader] == 0:
                heappush(ready, reader)
    if len(found) < len(nodes):
        stuck = next(node.name for k, node in enumerate(nodes) if missing[k])
        raise ModelError(
            f"node {stuck} is part of a cycle",
            "Loops of TensorFlow 1 (Enter, NextIteration) must be converted first: "
            "export the model with control flow v2 (tf.compat.v1.enable_control_flow_v2).",
        )
    return found
