"""Additions that are part of the int8 convolution before them: residual sums.

oneDNN's kernel adds integers' values and writes where what it adds was, so that nothing
else may want that afterwards. It has such a kernel only where a ReLU follows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ....graph.graph import Graph, Kind
from ..ir.int8.candidate import Candidate
from ..ir.kernel_fusion import ADD
from ..ir.naming import data, parsed
from ..ir.regions import Region

RELUS = frozenset({"Relu", "Relu6"})
"""What lies above 6 is cut off by the range: integers saturate."""


def addend(
    main: Region,
    graph: Graph,
    readers: Mapping[str, Sequence[str]],
    chain: Sequence[str],
    following: Any,
) -> str:
    """What is added to a convolution by the node that follows it, "" if no kernel does.

    Args:
        chain: The convolution, and its bias.
        following: What alone reads the last of these.
    """
    if following.op not in ADD:
        return ""
    others = [each for each in data(following) if each != chain[-1]]
    if len(others) != 1 or not _of_one_shape(graph, (chain[-1], *others)):
        return ""
    (added,) = others
    if not _kernels(graph, chain[0]) <= _kernels(graph, following.name):
        return ""
    order = {node.name: place for place, (node, _done) in enumerate(main.steps)}
    maker = parsed(added)[0]
    if main.by_name[maker].op == "Const":
        return ""
    if order.get(maker, -1) > order[chain[-1]]:  # the last of two convolutions adds
        return ""
    first = {*readers.get(maker, ())} - {following.name}
    done = _before(main, chain[0])
    return added if first <= done else ""


def _of_one_shape(graph: Graph, names: Collection[str]) -> bool:
    tensors = [graph.tensors[name] for name in names if name in graph.tensors]
    plain = len(tensors) == len(names) and not any(t.constant for t in tensors)
    return plain and len({each.shape for each in tensors}) == 1


def _kernels(graph: Graph, op: str) -> set[str]:
    found = graph.by_id.get(op)
    if found is None or found.kind is Kind.FIXED:
        return set()
    return {kernel.input for kernel in found.kernels}


def _before(main: Region, name: str) -> set[str]:
    """The nodes that a node waits for, itself left out."""
    found: set[str] = set()
    left = [name]
    while left:
        for reference in data(main.by_name[left.pop()]):
            maker = parsed(reference)[0]
            if maker not in found:
                found.add(maker)
                left.append(maker)
    return found


def tied(ops: Mapping[str, Candidate]) -> tuple[frozenset[str], ...]:
    """Each addition in int8 with its convolution: one kernel has one precision."""
    return tuple(frozenset({name, each.sum}) for name, each in ops.items() if each.sum)
