"""Which ops of a quantized model run in int8: compiled all that inductor has kernels for.

Run eager, they compute in floats between a dequantize and a quantize.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torch import fx

from ....graph.graph import Graph
from ..ir.regions import graphs
from ..ir.values.quantized import computes_in_int8

KERNELS = "of the model are quantized: their int8 kernels run"


def eager_notes(module: fx.GraphModule) -> Iterator[str]:
    """What is said of a quantized model that is run eager."""
    if count := len(quantized(module)):
        yield (
            f"{_ops(count)} {KERNELS} only compiled (tuning.execution: compile); as here, "
            "eager, they compute in floats, and are counted so"
        )


def compiled_notes(module: fx.GraphModule) -> Iterator[str]:
    """What is said of one that is compiled."""
    if count := len(quantized(module)):
        yield (
            f"{_ops(count)} {KERNELS} in the package; the .pt2, called eager, computes "
            "them in floats"
        )


def int8_note(count: int) -> str:
    """What is said of one that is quantized here."""
    return (
        f"int8 kernels, which {_ops(count)} can have, run in the package; the .pt2, "
        "called eager, computes them in floats"
    )


def marked(graph: Graph, module: fx.GraphModule) -> Graph:
    """The picture in which these ops compute in int8."""
    keys = quantized(module)
    ops = (replace(op, quantized=True) if op.key in keys else op for op in graph.ops)
    return replace(graph, ops=tuple(ops)) if keys else graph


def quantized(module: fx.GraphModule) -> frozenset[str]:
    """The names of the nodes, those in bodies too."""
    every = (node for body in graphs(module) for node in body.graph.nodes)
    return frozenset(node.name for node in every if computes_in_int8(node))


def _ops(count: int) -> str:
    return f"{count} op{'s' * (count != 1)}"
