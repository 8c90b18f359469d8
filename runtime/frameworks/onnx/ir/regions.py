"""The graphs of one model: the main one, and the bodies of its branches and loops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import onnx_ir as ir

from .operators import is_standard

CONTROL_FLOW = frozenset({"If", "Loop", "Scan"})


@dataclass(frozen=True, slots=True)
class Region:
    """A body of a control-flow op."""

    id: str
    graph: ir.Graph


def is_control_flow(node: ir.Node) -> bool:
    """Whether the node's bodies are regions."""
    return is_standard(node) and node.op_type in CONTROL_FLOW


def bodies(node: ir.Node) -> Iterator[tuple[str, ir.Graph]]:
    """The graphs that a node runs, by their attributes' names ("then_branch")."""
    for name, attribute in node.attributes.items():
        if attribute.is_ref():
            continue
        if attribute.type == ir.AttributeType.GRAPH:
            yield name, attribute.as_graph()
        elif attribute.type == ir.AttributeType.GRAPHS:
            for k, graph in enumerate(attribute.as_graphs()):
                yield f"{name}.{k}", graph
