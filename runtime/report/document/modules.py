"""From a graph to its modules, as few as people can look at."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from ...graph.graph import Graph, Op, Placement, Precision
from .network import Module, Stretch

MOST_MODULES = 400
"""Parts of a network that are told apart; the smallest of the deepest are not."""

MOST_STRETCHES = 400


@dataclass
class _Node:
    """A scope while ops are put into it."""

    path: str
    ops: list[Op] = field(default_factory=list)
    parts: dict[str, _Node] = field(default_factory=dict)


def network(graph: Graph, placement: Placement, low: Precision) -> Module:
    """The whole graph by scopes; without any, by what ids have in common."""
    ops = [op for op in graph.ops if graph.castable(op)]
    scoped = any(op.scope for op in ops)
    top = _Node("")
    for op in ops:
        node = top
        for path in _paths(op.scope if scoped else op.id, scoped):
            node = node.parts.setdefault(path, _Node(path))
        node.ops.append(op)
    return _pruned(_module(top, placement, low))


PARTS = re.compile(r"[^./]+[./]?|[./]")
UNDERSCORES = re.compile(r"[^_./]+[_./]?|[_./]")


def _paths(name: str, scoped: bool) -> Iterator[str]:
    """A scope and all that it is in, the outermost first."""
    path = ""
    for part in (PARTS if scoped else UNDERSCORES).findall(name):
        path += part
        yield path.rstrip("_./") or path


def _module(node: _Node, placement: Placement, low: Precision) -> Module:
    """A scope with its parts; one that holds nothing but a part is that part."""
    while not node.ops and len(node.parts) == 1 and node.path:
        (node,) = node.parts.values()
    parts = tuple(_module(each, placement, low) for each in node.parts.values())
    own = [op for op in node.ops if placement[op.id] == low]
    int8 = [op for op in node.ops if placement[op.id] is Precision.INT8]
    return Module(
        node.path,
        len(node.ops) + sum(each.ops for each in parts),
        len(own) + sum(each.ops_low for each in parts),
        sum(op.flops for op in node.ops) + sum(each.flops for each in parts),
        sum(op.flops for op in own) + sum(each.flops_low for each in parts),
        dict(Counter(op.type for op in node.ops)),
        parts,
        ops_int8=len(int8) + sum(each.ops_int8 for each in parts),
        flops_int8=sum(op.flops for op in int8)
        + sum(each.flops_int8 for each in parts),
    )


def _pruned(whole: Module) -> Module:
    """With the outer modules, and of the inner ones those with most FLOPs."""
    kept: set[str] = set()
    level = list(whole.parts)
    while level and len(kept) < MOST_MODULES:
        level.sort(key=lambda each: -each.flops)
        kept |= {each.path for each in level[: MOST_MODULES - len(kept)]}
        level = [part for each in level if each.path in kept for part in each.parts]
    return _with_parts(whole, kept)


def _with_parts(module: Module, kept: set[str]) -> Module:
    parts = [_with_parts(each, kept) for each in module.parts if each.path in kept]
    folded = len(module.parts) - len(parts)
    return replace(module, parts=tuple(parts), folded=folded)


def stretches(
    graph: Graph, placement: Placement, low: Precision
) -> tuple[Stretch, ...]:
    """The ops in order: those of one precision together, or so many at a time."""
    ops = [op for op in graph.ops if graph.castable(op)]
    runs = [list(each) for _own, each in groupby(ops, lambda op: placement[op.id])]
    if len(runs) > MOST_STRETCHES:
        size = -(-len(ops) // MOST_STRETCHES)
        runs = [ops[k : k + size] for k in range(0, len(ops), size)]
    return tuple(_stretch(each, placement, low) for each in runs)


def _stretch(ops: Sequence[Op], placement: Placement, low: Precision) -> Stretch:
    placed = [placement[op.id] for op in ops]
    int8 = placed.count(Precision.INT8)
    return Stretch(ops[0].id, len(ops), placed.count(low), ops[0].scope, int8)
