"""The order in which nodes run, and which of them some tensors need.

No recursion: real graphs are deeper than Python's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    missing = [_sources(node, place) for node in nodes]
    readers: dict[int, list[int]] = {}
    for k, sources in enumerate(missing):
        for source in sources:
            readers.setdefault(source, []).append(k)
    ready = [k for k, sources in enumerate(missing) if not sources]
    ordered = []
    while ready:
        k = heappop(ready)
        ordered.append(nodes[k])
        for reader in readers.get(k, ()):
            missing[reader].remove(k)
            if not missing[reader]:
                heappush(ready, reader)
    if len(ordered) < len(nodes):
        stuck = next(nodes[k].name for k, sources in enumerate(missing) if sources)
        raise ModelError(
            f"node {stuck} is part of a cycle",
            "Loops of TensorFlow 1 (Enter, NextIteration) must be converted first: "
            "export the model with control flow v2 (tf.compat.v1.enable_control_flow_v2).",
        )
    return ordered


def _sources(node: Any, place: Mapping[str, int]) -> set[int]:
    """Places of the nodes that a node reads or waits for."""
    needed = set(before(node))
    if unknown := needed - place.keys():
        raise ModelError(f"node {node.name} reads {min(unknown)}, which isn't there")
    return {place[name] for name in needed}
