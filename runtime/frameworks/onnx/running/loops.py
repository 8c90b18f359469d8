"""Loops whose end depends on values: rounding may keep them from ending."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from ..ir.naming import constant
from ..ir.operators import is_standard
from ..ir.weights import register

MOST = "narrowcast.most"
"""Name of the initializer that bounds iterations."""


def ends_by_values(model: ir.Model) -> bool:
    """Whether a loop in the model ends when values say so."""
    return any(True for _ in _loops(model))


def limited(model: ir.Model, most: int) -> tuple[ir.Model, int]:
    """A copy whose loops end after `most` iterations.

    Returns:
        The copy, whose last outputs are the iterations that each loop of the main graph
        went through, one after the other, and their number.
    """
    copy, counted = model.clone(), 0
    bound = register(copy.graph, ir.Tensor(np.array(most, np.int64), name=MOST))
    for node in list(_loops(copy)):
        _bound(node, bound)
        if node.graph is copy.graph:
            copy.graph.outputs.append(_count(node, counted))
            counted += 1
    return copy, counted


def _loops(model: ir.Model) -> Iterator[ir.Node]:
    for node in model.graph.all_nodes():
        if is_standard(node) and node.op_type == "Loop" and not _only_counts(node):
            yield node


def _only_counts(loop: ir.Node) -> bool:
    """Whether the body hands its condition on as it is: the trip count ends it."""
    body = loop.attributes["body"].as_graph()
    again, go = body.outputs[0], body.inputs[1]
    node = again.producer()
    if node is not None and node.op_type == "Identity":
        (source,) = node.inputs
        again = source if source is not None else again
    return again is go or constant(again) is not None


def _bound(loop: ir.Node, bound: ir.Value) -> None:
    given = loop.inputs[0]
    if given is None:
        loop.replace_input_with(0, bound)
        return
    assert isinstance(loop.graph, ir.Graph)
    least = ir.node("Min", [given, bound])
    loop.graph.insert_before(loop, least)
    least.outputs[0].name = f"{loop.outputs[0].name}.{MOST}"
    loop.replace_input_with(0, least.outputs[0])


def _count(loop: ir.Node, index: int) -> ir.Value:
    """Let a loop return the numbers of its iterations."""
    body = loop.attributes["body"].as_graph()
    number = ir.node("Identity", [body.inputs[0]])
    body.append(number)
    number.outputs[0].name = f"narrowcast.iteration{index}"
    body.outputs.append(number.outputs[0])
    loop.resize_outputs(len(body.outputs) - 1)
    made = loop.outputs[-1]
    made.name = f"narrowcast.iterations{index}"
    made.type = ir.TensorType(ir.DataType.INT64)
    return made
