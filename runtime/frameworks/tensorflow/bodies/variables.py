"""Variables in a graph."""

from __future__ import annotations

from typing import Any

HANDLES = frozenset(["VarHandleOp"])
REFERENCES = frozenset(["Variable", "VariableV2"])
VARIABLES = HANDLES | REFERENCES


def variable_nodes(graph_def: Any) -> list[str]:
    """Names of the main graph's variables."""
    return [node.name for node in graph_def.node if node.op in VARIABLES]
