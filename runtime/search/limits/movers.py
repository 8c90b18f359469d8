"""A pinned op reads what fp32 made without a detour through 16 bits.

The cut may put a mover low between two fp32 ops since that moves fewer bytes, above
all where its input is cast for other ops anyway. The mover rounds nothing, but those
casts do, and what the pin was to keep exact is lost before the op reads it.

And what reads a value that only fp32 holds is fp32 as its maker is: the cast would make
it infinite.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...graph.graph import Graph, Kind, Op, Precision
from ...graph.pins import Reason, Why


def with_movers(graph: Graph, pins: Mapping[str, Reason]) -> dict[str, Reason]:
    """The pins, and the movers through which pinned ops read fp32 values.

    Only chains of movers from an input or a pinned op down to a pinned op count: what
    a low op made is rounded already. More pins never hold fewer movers.
    """
    lower = {n: r for n, r in pins.items() if r.floor is not Precision.FP32}
    pins = _with_readers(graph, {n: r for n, r in pins.items() if n not in lower})
    tied = frozenset[str]().union(*graph.equal)
    exact = _exact_movers(graph, pins, tied)
    found = dict(pins)
    for op in reversed(graph.ops):
        if op.id not in found:
            continue
        for name in graph.castable(op):
            maker = graph.producer.get(name)
            if maker is not None and maker.id in exact and maker.id not in found:
                text = f"carries fp32 values to {op.id}"
                found[maker.id] = Reason(Why.CAST, text)
    return {**lower, **found}


def _with_readers(graph: Graph, pins: Mapping[str, Reason]) -> dict[str, Reason]:
    """The pins, and the ops that take what overflows from an input or a pinned op."""
    found = dict(pins)
    for name in graph.inputs if graph.unfit else ():
        _hold_readers(graph, name, found)
    for op in graph.ops if graph.unfit else ():
        if op.id in found:
            for name in op.outputs:
                _hold_readers(graph, name, found)
    return found


def _hold_readers(graph: Graph, name: str, pins: dict[str, Reason]) -> None:
    if name not in graph.unfit:
        return
    for op in graph.consumers.get(name, ()):
        text = f"{name} would overflow in a cast from fp32"
        pins.setdefault(op.id, Reason(Why.RANGE, text))


def _exact_movers(
    graph: Graph, pins: Mapping[str, Reason], tied: frozenset[str]
) -> set[str]:
    """Movers that are not pinned and whose every input was made in fp32."""
    exact = set(graph.inputs) - set(graph.given)
    movers = set()
    for op in graph.ops:
        if op.id in pins:
            exact.update(op.outputs)
        elif op.kind is Kind.MOVER and op.id not in tied and _reads(graph, op) <= exact:
            exact.update(op.outputs)
            movers.add(op.id)
    return movers


def _reads(graph: Graph, op: Op) -> set[str]:
    names = graph.castable(op)
    return {name for name in names if not graph.tensors[name].constant}
