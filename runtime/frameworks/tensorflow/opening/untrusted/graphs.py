"""A graph from anywhere: what it would do besides computing."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any

from .....common.errors import DamagedError, ModelError, UnsafeError
from ...bodies.bodies import Bodies, Body, source
from ...ir.naming import data
from ...ir.protos import types
from ...ir.schemas import op_def
from .operators import ALLOWED, TEXT_FILES
from .sizes import of_constants

OPAQUE = (types.DT_RESOURCE, types.DT_VARIANT)
"""dtypes of constants that hold handles or objects, which TensorFlow would decode."""

UNWRITTEN = frozenset(["Identity", "ReadVariableOp", "VarIsInitializedOp"])
"""Ops that take a variable's handle and leave its value as it is."""

TRUST = (
    "If you trust where the model comes from, write `trust: true` under `model`: running "
    "it may then do anything that the op can."
)


def check_graph(graph_def: Any, place: str) -> None:
    """Hold a graph, its functions included, to ops that only compute.

    Tables that are filled from text files are left to `check_text_files`.

    Args:
        graph_def: All that will be imported.
        place: What messages start with.

    Raises:
        ModelError: A node has another op, or a constant is no plain data.
    """
    library = {f.signature.name for f in graph_def.library.function}
    for name in sorted(library):
        if op_def(name) is not None:
            raise _refused(place, f"its function {name} has the name of an op")
    for node, where in _nodes(graph_def):
        if node.op not in ALLOWED | TEXT_FILES | library:
            raise _refused(place, f"node {node.name}{where} has the op {node.op}")
        if node.op == "Const" and node.attr["value"].tensor.dtype in OPAQUE:
            raise _refused(place, f"constant {node.name}{where} is no plain data")
    if reason := of_constants(node for node, _where in _nodes(graph_def)):
        raise DamagedError(f"{place} is damaged: {reason}", "Copy it again.")


def check_text_files(bodies: Bodies, assets: Set[str], place: str) -> None:
    """Hold tables to files that are the model's own.

    Args:
        bodies: With calls inlined.
        assets: Names of the main graph's nodes that hold paths of its own files.

    Raises:
        ModelError: A table is filled from another file.
    """
    for body in bodies.values():
        for node in body.nodes.values():
            if node.op not in TEXT_FILES:
                continue
            if body.name or not _is_asset(body, node.input[1], assets):
                raise _refused(place, f"node {node.name} reads a file ({node.op})")


def _is_asset(body: Body, tensor: str, assets: Set[str]) -> bool:
    """Whether a tensor is an asset's path, which TensorFlow 2 passes by a variable."""
    maker = body.nodes.get(_source(body, tensor))
    if maker is not None and maker.op == "ReadVariableOp":
        variable = _source(body, maker.input[0])
        takers = [
            node
            for node in body.nodes.values()
            if node.op not in UNWRITTEN
            and any(_source(body, each) == variable for each in data(node))
        ]
        values = [node.input[1] for node in takers if node.op == "AssignVariableOp"]
        if len(takers) != 1 or not values:
            return False
        maker = body.nodes.get(_source(body, values[0]))
    return maker is not None and maker.name in assets


def _source(body: Body, tensor: str) -> str:
    return source(body, tensor, {"Identity"})[0]


def _refused(place: str, what: str) -> ModelError:
    return UnsafeError(
        f"{place} is not opened: {what}, which a model from anywhere may not have",
        TRUST,
    )


def _nodes(graph_def: Any) -> Iterator[tuple[Any, str]]:
    for node in graph_def.node:
        yield node, ""
    for function in graph_def.library.function:
        for node in function.node_def:
            yield node, f" of function {function.signature.name}"
