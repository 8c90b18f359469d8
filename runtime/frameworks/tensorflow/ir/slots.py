"""Which inputs of a node take its precision."""

from __future__ import annotations

from typing import Any

from ....graph.graph import Kind
from . import operators, schemas
from .naming import data


def slots(node: Any) -> list[bool | None]:
    """For each data input: castable, fixed, or None where no value is read."""
    if node.op in operators.SHAPES:
        return [None for _ in data(node)]
    ports = schemas.inputs(node)
    governing = schemas.precision_attribute(node)
    free = governing is not None and operators.kind(node.op) is not Kind.FIXED
    return [free and port.attribute == governing for port in ports]
