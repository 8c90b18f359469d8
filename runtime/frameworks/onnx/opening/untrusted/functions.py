"""Functions that call functions: few bytes may stand for billions of nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

import onnx

from ....refusals import Damaged, Unsafe, shown
from ...ir.proto.walk import nodes_of

MOST = 1_000_000
"""Nodes of a model whose functions are written out."""

Name = tuple[str, str, str]


def check_functions(proto: onnx.ModelProto) -> None:
    """Raise for functions that call themselves, or stand for too many nodes.

    Raises:
        Damaged: A function calls itself, through others or not.
        Unsafe: Written out, the model has more than `MOST` nodes.
    """
    bodies = {(f.domain, f.name, f.overload): f.node for f in proto.functions}
    if not bodies:
        return
    calls = {name: _calls(body, bodies) for name, body in bodies.items()}
    sizes: dict[Name, int] = {}
    for name in _callees_first(calls):
        own = sum(1 for _ in nodes_of(bodies[name]))
        sizes[name] = own + sum(n * sizes[f] for f, n in calls[name].items())
    whole = sum(n * sizes[f] for f, n in _calls(proto.graph.node, bodies).items())
    if whole > MOST:
        raise Unsafe(f"its functions stand for {whole} nodes; {MOST} are the most")


def _calls(
    body: Iterable[onnx.NodeProto], known: Mapping[Name, object]
) -> Counter[Name]:
    names = ((n.domain, n.op_type, n.overload) for n in nodes_of(body))
    return Counter(name for name in names if name in known)


def _callees_first(calls: Mapping[Name, Iterable[Name]]) -> Iterable[Name]:
    try:
        return tuple(TopologicalSorter(calls).static_order())
    except CycleError as error:
        _domain, name, _overload = error.args[1][0]
        raise Damaged(f"has a function that calls itself: {shown(name)}") from error
