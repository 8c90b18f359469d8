"""The Gelu that exporters spell out is one op again.

In five ops each step is rounded, and √2, rounded too, is no √2 that a runtime fuses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import onnx_ir as ir

from ...ir.rewriting.editing import constant_of
from ..absorbed import Names

SINCE = 20
"""The opset that brought the operator."""


@dataclass(frozen=True)
class Site:
    """x · (1 + erf(x / √2)) / 2, in any order.

    Attributes:
        last: The node that makes the result.
        others: The rest, in the order they run.
    """

    x: ir.Value
    last: ir.Node
    others: tuple[ir.Node, ...]


def gelus(model: ir.Model) -> Iterator[Site]:
    """Where a model spells a Gelu out, in bodies too."""
    for graph in model.graphs():
        for node in list(graph):
            if node.op_type == "Erf" and not node.domain:
                site = _site(node)
                if site is not None:
                    yield site


def join_gelus(model: ir.Model, ledger: Names) -> None:
    """Write them as what they are, under the name of their result."""
    for site in gelus(model):
        for node in site.others:
            ledger.absorb(site.last, node)
        last = site.last
        last.op_type = "Gelu"
        last.attributes.clear()
        last.resize_inputs(1)
        last.replace_input_with(0, site.x)
        graph = last.graph
        assert graph is not None
        for node in reversed(site.others):
            graph.remove(node, safe=True)


def _site(erf: ir.Node) -> Site | None:
    scaled = erf.inputs[0].producer() if erf.inputs[0] is not None else None
    if scaled is None or scaled.graph is not erf.graph or not _only(scaled):
        return None
    x, added = _times(scaled, 1 / math.sqrt(2)), _reader(erf)
    if x is None or added is None or _plus_one(added) is None:
        return None
    first = _reader(added)
    if first is None or first.op_type != "Mul":
        return None
    return _halved(x, first, (scaled, erf, added))


def _halved(x: ir.Value, first: ir.Node, base: tuple[ir.Node, ...]) -> Site | None:
    """The site if what is done to 1 + erf(x / √2), from `first` on, is times x / 2."""
    total, last = base[-1].outputs[0], _reader(first)
    if _times(first, 0.5) is total:  # x · ((1 + erf) / 2)
        whole = last is not None and _product(last, x, first.outputs[0])
    elif _product(first, x, total):  # (x · (1 + erf)) / 2
        whole = last is not None and _times(last, 0.5) is first.outputs[0]
    else:
        return _half_before(x, first, base)
    return Site(x, last, (*base, first)) if whole and last is not None else None


def _half_before(x: ir.Value, last: ir.Node, base: tuple[ir.Node, ...]) -> Site | None:
    """(x / 2) · (1 + erf)."""
    one, two = last.inputs
    other = two if one is base[-1].outputs[0] else one
    half = other.producer() if other is not None else None
    if half is None or half.graph is not last.graph or not _only(half):
        return None
    return Site(x, last, (half, *base)) if _times(half, 0.5) is x else None


def _only(node: ir.Node) -> bool:
    """Whether one node alone reads what it makes."""
    (value,) = node.outputs
    return len(value.uses()) == 1 and not value.is_graph_output()


def _reader(node: ir.Node) -> ir.Node | None:
    """The one node that reads what a node makes, in the same graph."""
    if not _only(node):
        return None
    ((reader, _),) = node.outputs[0].uses()
    return reader if reader.graph is node.graph and not reader.domain else None


def _times(node: ir.Node, factor: float) -> ir.Value | None:
    """What a node multiplies by `factor`, None if it does something else."""
    if node.domain or node.op_type not in ("Mul", "Div"):
        return None
    one, other = node.inputs
    if node.op_type == "Div":
        return one if _is(other, 1 / factor) else None
    return one if _is(other, factor) else other if _is(one, factor) else None


def _plus_one(node: ir.Node) -> ir.Value | None:
    if node.op_type != "Add":
        return None
    one, other = node.inputs
    return one if _is(other, 1.0) else other if _is(one, 1.0) else None


def _product(node: ir.Node, one: ir.Value, other: ir.Value) -> bool:
    return node.op_type == "Mul" and (
        tuple(node.inputs) in ((one, other), (other, one))
    )


def _is(value: ir.Value | None, number: float) -> bool:
    """Whether a value is that number for good, as exact as fp16 may have made it."""
    tensor = constant_of(value)
    if tensor is None or tensor.size != 1 or len(tensor.shape) > 1:
        return False
    return math.isclose(float(tensor.numpy().reshape(())), number, rel_tol=1e-3)
